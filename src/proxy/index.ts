export type { HeaderRules } from './header-rules.ts';
export { httpsRedirect } from './https-redirect.ts';
export { type ProxiedRoute, prepareRoutes, type RouteMeans, routeName } from './proxied-route.ts';
export { proxyService } from './proxy.ts';
export type { ProxyRoom } from './proxy-room.ts';
export type { ProxySettings } from './proxy-settings.ts';
export { RouteTable } from './route-table.ts';
export { testService } from './test-target.ts';
export { UpstreamTrust } from './upstream-trust.ts';
