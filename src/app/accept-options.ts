import { type ListenerTls, UNIX_PROXIES } from '../config/index.ts';
import type { Current } from '../exchange/index.ts';
import { type AcceptOptions, AddressSet } from '../net/index.ts';
import { type TlsListenerMeans, type TlsSection, tlsListener } from './tls-listener.ts';

/** The keys of `[server]` and `[edge]` that say how their connections begin. */
export interface AcceptSection extends TlsSection {
  readonly trustedProxies: readonly string[];
}

/** What a listener of such a section says of its connections. */
interface ListenerParameters {
  readonly tls?: ListenerTls | null;
  readonly proxyProtocol?: true;
}

/** How the connections of a listener begin: with a PROXY header, with TLS, with both, or with HTTP. */
export function acceptOptions(
  section: Current<AcceptSection>,
  { tls, proxyProtocol }: ListenerParameters,
  { acme = null, ...means }: TlsListenerMeans,
): AcceptOptions {
  return {
    tls: tls ? tlsListener(section, tls.defaultCert, { ...means, acme: tls.acme ? acme : null }) : undefined,
    proxyProtocol: proxyProtocol && trustedPeers(section, means),
  };
}

function trustedPeers(section: Current<AcceptSection>, { wheel, counters, log }: TlsListenerMeans) {
  let proxies: readonly string[] = [];
  let trusted = new AddressSet([]);
  return {
    wheel,
    counters,
    log,
    get trusted() {
      const { trustedProxies } = section.current;
      if (trustedProxies !== proxies) {
        proxies = trustedProxies;
        trusted = new AddressSet(proxies.filter((proxy) => proxy !== UNIX_PROXIES));
      }
      return trusted;
    },
  };
}
