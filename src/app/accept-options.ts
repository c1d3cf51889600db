import { type ListenerTls, UNIX_PROXIES } from '../config/index.ts';
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
  section: AcceptSection,
  { tls, proxyProtocol }: ListenerParameters,
  { acme = null, ...means }: TlsListenerMeans,
): AcceptOptions {
  const trusted = section.trustedProxies.filter((proxy) => proxy !== UNIX_PROXIES);
  return {
    tls: tls ? tlsListener(section, tls.defaultCert, { ...means, acme: tls.acme ? acme : null }) : undefined,
    proxyProtocol: proxyProtocol && { trusted: new AddressSet(trusted), ...means },
  };
}
