import { Resolver as AresResolver } from 'node:dns';
import { guarded } from '../clock/index.ts';
import type { Resolver } from './resolver.ts';
import { SharedLookups } from './shared-lookups.ts';

/** How long to wait for name servers. */
export interface DnsResolverOptions {
  /** Milliseconds before an unanswered query is repeated, at the next server or the same one; grows with every round. Default 2,000. */
  readonly timeout?: number;
  /** How many times each server is queried. Default 2. */
  readonly tries?: number;
}

/**
 * RFC 8305 §3: milliseconds to wait for IPv6 addresses once those of IPv4 are known. A name server that ignores one of the two queries costs
 * no more than that.
 */
const RESOLUTION_DELAY = 50;

/** RFC 6761 §6.3: these names are not looked up at a name server. */
const LOCALHOST = /^(?:.*\.)?localhost\.?$/i;

/** The result of a lookup for one family. */
interface Answer {
  readonly addresses: readonly string[];
  readonly error: NodeJS.ErrnoException | null;
}

const NO_ADDRESSES: Answer = { addresses: [], error: null };

/**
 * Queries the given name servers instead of the system's. Names are taken as complete: no search domains, no /etc/hosts. IPv6 addresses come
 * first, as in RFC 6724; on a machine without IPv6 they fail at once. A lookup needs no thread.
 */
export class DnsResolver implements Resolver {
  readonly #ares: AresResolver;
  readonly #lookUps = new SharedLookups((name, family) => this.#lookUp(name, family));

  /**
   * @param servers IP addresses of name servers, at least one: `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`
   * @throws Error when one of them is not a valid address
   */
  constructor(servers: readonly string[], options: DnsResolverOptions = {}) {
    if (servers.length === 0) throw new Error('a resolver needs the address of a name server');
    this.#ares = new AresResolver({ timeout: options.timeout ?? 2_000, tries: options.tries ?? 2 });
    this.#ares.setServers(servers);
  }

  resolve(host: string, family: 0 | 4): Promise<readonly string[]> {
    return this.#lookUps.resolve(host, family);
  }

  #lookUp(name: string, family: 0 | 4): Promise<readonly string[]> {
    if (LOCALHOST.test(name)) return Promise.resolve(family === 4 ? ['127.0.0.1'] : ['::1', '127.0.0.1']);
    return new Promise((resolve, reject) => {
      const owner = { onFault: reject };
      let ipv4: Answer | null = null;
      let ipv6: Answer | null = family === 4 ? NO_ADDRESSES : null;
      let delay: NodeJS.Timeout | undefined;
      const onAnswer = (): void => {
        // IPv4 is always waited for: it is the fallback where IPv6 leads nowhere.
        if (ipv4 === null) return;
        if (ipv6 === null) {
          if (ipv4.addresses.length > 0)
            delay = setTimeout(
              guarded(owner, () => resolve((ipv4 as Answer).addresses)),
              RESOLUTION_DELAY,
            );
          return;
        }
        clearTimeout(delay);
        const addresses = [...ipv6.addresses, ...ipv4.addresses];
        const error = worse(ipv6.error, ipv4.error);
        if (addresses.length > 0 || error === null) resolve(addresses);
        else reject(error);
      };
      const onIpv4 = guarded(owner, (error: NodeJS.ErrnoException | null, addresses?: string[]) => {
        ipv4 = { addresses: addresses ?? [], error };
        onAnswer();
      });
      const onIpv6 = guarded(owner, (error: NodeJS.ErrnoException | null, addresses?: string[]) => {
        ipv6 = { addresses: addresses ?? [], error };
        onAnswer();
      });
      this.#ares.resolve4(name, onIpv4);
      if (ipv6 === null) this.#ares.resolve6(name, onIpv6);
    });
  }
}

/** Of two failures, picks the one that may hide addresses: a family without addresses says nothing about the other. */
function worse(a: NodeJS.ErrnoException | null, b: NodeJS.ErrnoException | null): NodeJS.ErrnoException | null {
  if (a === null || b === null) return a ?? b;
  return a.code === 'ENODATA' || a.code === 'ENOTFOUND' ? b : a;
}
