export type { ProxyRoom } from './proxied-exchange.ts';
export { type ProxiedRoute, prepareRoutes } from './proxied-route.ts';
export { type ProxyOptions, proxyService } from './proxy.ts';
export type { HeaderRules } from './request-headers.ts';
export { RouteTable } from './route-table.ts';
export { UpstreamTrust } from './upstream-trust.ts';
