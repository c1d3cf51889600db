import type { Route } from './route.ts';

/** What decides whether clients can be served by several processes. */
interface Shared {
  readonly server: { readonly zhttp: readonly unknown[] };
  readonly proxy: { readonly fetch: readonly unknown[] };
  readonly publish: { readonly state: readonly unknown[] };
}

/** Why a configuration needs one process for all clients, phrased to follow "one process": nothing where it does not. */
export function oneProcessReasons({ server, proxy, publish }: Shared, routes: readonly Route[]): readonly string[] {
  const reasons: string[] = [];
  const overZhttp = routes.some(({ targets }) => targets.some(({ kind }) => kind === 'zhttp' || kind === 'zhttpreq'));
  if (server.zhttp.length > 0 || proxy.fetch.length > 0 || overZhttp) {
    reasons.push('where other programs are spoken to over ZHTTP: they know one proxy');
  }
  if (routes.some(({ sockjs }) => sockjs !== '')) {
    reasons.push('with SockJS: the requests of a session would reach any of them');
  }
  if (publish.state.length > 0) reasons.push('where sessions are kept (`state` under `[publish]`)');
  return reasons;
}
