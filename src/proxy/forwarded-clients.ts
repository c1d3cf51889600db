import { isIP } from 'node:net';
import { fieldValues, listMembers } from '../codec/fields/index.ts';
import { UNIX_PROXIES } from '../config/index.ts';
import type { Peer, RequestHead } from '../exchange/index.ts';
import { AddressSet } from '../net/index.ts';

/** Members of X-Forwarded-For that are looked at, from the last one on. More proxies than that are in no chain. */
const MAX_HOPS = 100;

/** Finds the client of requests that come from trusted proxies. */
export class ForwardedClients {
  readonly #proxies: AddressSet;
  readonly #trustsUnix: boolean;
  /** What is known of the connections that are open. */
  readonly #known = new WeakMap<Peer, boolean>();

  /**
   * @param trusted addresses and blocks of proxies, and perhaps `unix`
   * @throws GuardError for anything else
   */
  constructor(trusted: readonly string[]) {
    this.#proxies = new AddressSet(trusted.filter((member) => member !== UNIX_PROXIES));
    this.#trustsUnix = trusted.includes(UNIX_PROXIES);
  }

  /**
   * The request as the client made it, if a trusted proxy passed it on: its peer is the client that X-Forwarded-For names, and its scheme
   * the one of X-Forwarded-Proto. Any other request as it is.
   */
  of(request: RequestHead): RequestHead {
    const { peer, headers } = request;
    if (!this.#isProxy(peer)) return request;
    const address = this.#client(headers) ?? peer.address;
    return { ...request, scheme: schemeOf(request), peer: { address, port: 0, proxy: peer } };
  }

  #isProxy(peer: Peer): boolean {
    let isProxy = this.#known.get(peer);
    if (isProxy === undefined) {
      isProxy = peer.address === '' ? this.#trustsUnix : this.#proxies.has(peer.address);
      this.#known.set(peer, isProxy);
    }
    return isProxy;
  }

  /** The last address that no trusted proxy has: what stands before it is only its word. Null if there is no address. */
  #client(headers: readonly string[]): string | null {
    const members = listMembers(fieldValues(headers, 'x-forwarded-for')).slice(-MAX_HOPS);
    let client: string | null = null;
    for (let at = members.length - 1; at >= 0; at--) {
      const address = addressOf(members[at] as string);
      if (address === null) break;
      client = address;
      if (!this.#proxies.has(address)) break;
    }
    return client;
  }
}

/** An address, which some proxies write with a port. Null for anything else, such as `unknown`. */
function addressOf(member: string): string | null {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(member) ?? [];
  const address = bracketed ?? plain ?? member;
  return isIP(address) === 0 ? null : address;
}

function schemeOf({ scheme, headers }: RequestHead): RequestHead['scheme'] {
  const protocol = listMembers(fieldValues(headers, 'x-forwarded-proto')).at(-1)?.toLowerCase();
  const webSocket = scheme === 'ws' || scheme === 'wss';
  if (protocol === 'https' || protocol === 'wss') return webSocket ? 'wss' : 'https';
  if (protocol === 'http' || protocol === 'ws') return webSocket ? 'ws' : 'http';
  return scheme;
}
