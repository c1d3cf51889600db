import dns from 'node:dns';
import { guarded } from '../clock/index.ts';
import type { Resolver } from './resolver.ts';
import { SharedLookups } from './shared-lookups.ts';

/**
 * Resolves names as every other program on this machine does (`getaddrinfo`): /etc/hosts, name servers and search domains, in the system's
 * order of preference (RFC 6724).
 *
 * A lookup occupies a thread of libuv's pool until it completes. Lookups get at most half of the pool, so that names whose servers are
 * silent delay other lookups but not files or compression; `bin/holdfast` makes the pool larger than Node's default.
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
