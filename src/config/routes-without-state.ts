import type { Route, RouteConflict } from './route.ts';

/** Finds the routes whose sessions no service keeps. @param state the endpoints of that service */
export function routesWithoutState(state: readonly unknown[], routes: readonly Route[]): RouteConflict[] {
  if (state.length > 0) return [];
  const message = 'needs the service that keeps sessions: state under [publish] (state_spec in a pushpin.conf)';
  return routes.flatMap(({ session }, index) => (session ? [{ index, key: 'session', message } as const] : []));
}
