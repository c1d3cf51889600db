export { SiteRouteError } from './site-route-error.ts';
export { type FoundRoute, SiteRoutes } from './site-routes.ts';
