import dns from 'node:dns';
import { guarded } from '../clock/index.ts';
import type { Resolver } from './resolver.ts';
import { SharedLookups } from './shared-lookups.ts';

/**
 * Looks names up as every program of this machine does (`getaddrinfo`): /etc/hosts, name servers, search domains and all, and in the
 * order that the system has for the addresses (RFC 6724).
 *
 * A lookup takes a thread of libuv's pool until it is answered. Lookups get half of the pool at most, so that names whose servers are
 * silent delay other lookups, but neither files nor compression; `bin/holdfast` makes the pool larger than Node does.
 */
export class SystemResolver implements Resolver {
  readonly #lookUps = new SharedLookups(lookUp);

  resolve(host: string, family: 0 | 4): Promise<readonly string[]> {
    return this.#lookUps.resolve(host, family);
  }
}

function lookUp(name: string, family: 0 | 4): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const owner = { onFault: reject };
    const onFound = guarded(owner, (error: NodeJS.ErrnoException | null, found: dns.LookupAddress[]) => {
      if (error !== null) reject(error);
      else resolve(found.map(({ address }) => address));
    });
    dns.lookup(name, { all: true, family, order: 'verbatim' }, onFound);
  });
}
