import type { Config, Route } from '../config/index.ts';

/** The configuration with a route in place of those with its id; behind the others if there is none. */
export function withRoute(config: Config, route: Route): Config {
  const routes = config.routes.filter(({ id }) => id !== route.id);
  routes.push(route);
  return { ...config, routes };
}

/** The configuration without the routes with this id. */
export function withoutRoute(config: Config, id: string): Config {
  return { ...config, routes: config.routes.filter((route) => route.id !== id) };
}
