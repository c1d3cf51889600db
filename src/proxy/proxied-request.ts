import type { RequestHead } from '../exchange/index.ts';
import type { ProxiedRoute } from './proxied-route.ts';
import type { ProxySettings } from './proxy-settings.ts';

/** A request, its route, and who sent it. */
export interface ProxiedRequest {
  /** `target` is the normalized one, before the route's rewriting. */
  readonly request: RequestHead;
  readonly route: ProxiedRoute;
  /** What was in force when the request came: one request is treated by one set of rules. */
  readonly settings: ProxySettings;
  /** Whether the client is a GRIP proxy in front that we trust: its GRIP fields pass. */
  readonly trusted: boolean;
}
