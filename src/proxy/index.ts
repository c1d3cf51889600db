export { DEFAULT_JSONP } from './cross-origin/jsonp-settings.ts';
export { ForwardedClients } from './forwarded-clients.ts';
export { JwksKeys, KEY_SET_TIMEOUT, MAX_KEY_SET_BYTES } from './guard/jwks-keys.ts';
export { RateTable } from './guard/rate-table.ts';
export type { HeaderRules } from './header-rules.ts';
export { httpsRedirect } from './https-redirect.ts';
export { overHttpHeld, webSocketOverHttp } from './over-http/websocket-over-http.ts';
export {
  type ProxiedRoute,
  prepareRoutes,
  RouteMaker,
  type RouteMeans,
  readsFiles,
  routeName,
} from './proxied-route.ts';
export { type ProxyServices, proxyService, proxyServices } from './proxy.ts';
export type { ProxyRoom } from './proxy-room.ts';
export type { ProxySettings } from './proxy-settings.ts';
export type {
  TargetWebSocketRequester,
  TargetWebSocketResponder,
  TargetWebSocketService,
} from './proxy-target.ts';
export { RouteTable } from './route-table.ts';
export type { SessionState } from './session-state.ts';
export { testService } from './test-target.ts';
export { testWebSocketService } from './test-websocket.ts';
export { UpstreamTrust } from './upstream-trust.ts';
