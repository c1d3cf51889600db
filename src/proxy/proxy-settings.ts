import type { Service } from '../exchange/index.ts';
import type { JsonpSettings } from './cross-origin/jsonp-settings.ts';
import type { ForwardedClients } from './forwarded-clients.ts';
import type { HeaderRules } from './header-rules.ts';
import type { ProxiedRoute } from './proxied-route.ts';
import type { RouteTable } from './route-table.ts';
import type { UpstreamTrust } from './upstream-trust.ts';

/** All that the configuration decides about a proxy. It is replaced as a whole, and never changed. */
export interface ProxySettings {
  readonly routes: RouteTable<ProxiedRoute>;
  /** All routes, for the checks of their targets and for metrics. */
  readonly all?: readonly ProxiedRoute[];
  /** Null where no GRIP proxy in front is trusted. */
  readonly trust: UpstreamTrust | null;
  readonly rules: HeaderRules;
  /** Finds the clients of trusted proxies in front. Absent: no proxy is trusted. */
  readonly clients?: ForwardedClients;
  /** How requests without a route of pages of every origin are read. Absent: not at all. */
  readonly crossOrigin?: JsonpSettings;
  /** Whether the response to a request without a route tells what was looked for. */
  readonly debug: boolean;
  /** Whether equal requests share one response. */
  readonly shareAll: boolean;
  /** What the log says of requests besides. Absent: nothing. */
  readonly logged?: { readonly from: boolean; readonly userAgent: boolean };
  /** Sends requests of links that lead to other hosts: out into the world, or only where `untrusted` may go. Absent: nowhere. */
  readonly external?: (uri: URL, untrusted: boolean) => Service;
}
