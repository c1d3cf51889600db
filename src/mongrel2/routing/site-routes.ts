import { hostOf } from '../../codec/http1/index.ts';
import type { Mongrel2Host, Mongrel2Route } from '../../config/index.ts';
import { LongestMatch } from './longest-match.ts';
import { RoutePattern } from './route-pattern.ts';
import { SiteRouteError } from './site-route-error.ts';

/** Characters of a host's `matching` or a route's path. Mongrel2 has the same bounds. */
const MAX_LENGTH = 255;

/** Where a request goes. There is one object for each route, so that finding it allocates nothing. */
export interface FoundRoute {
  readonly host: Mongrel2Host;
  readonly route: Mongrel2Route;
  /** The route as the configuration has it: `PATTERN` in requests to handlers. */
  readonly pattern: string;
  /** The part of it before the first parenthesis: what a folder of files takes away from the path. */
  readonly prefix: string;
}

type Routes = LongestMatch<FoundRoute>;

/**
 * The hosts and routes of a Mongrel2 site.
 *
 * A host is found by the longest `matching` that the name in the request ends with, then in it a route by the longest prefix that the path begins with. No shorter
 * one is tried when the patterns that belong to the longest one do not match: then the default host takes the request, or no route does.
 */
export class SiteRoutes {
  readonly #hosts = new LongestMatch<Routes>('suffix');
  readonly #default: Routes | null;
  // Most requests name the host that the one before has named.
  #lastAuthority = '';
  #lastRoutes: Routes | null;

  /**
   * @param defaultHost name of the host that takes requests of no other; empty for none
   * @throws SiteRouteError for a host or route that cannot be matched, or that another one hides
   */
  constructor(hosts: readonly Mongrel2Host[], defaultHost: string) {
    let fallback: Routes | null = null;
    for (const host of hosts) {
      const routes = routesOf(host);
      if (defaultHost !== '' && host.name === defaultHost) fallback ??= routes;
      addHost(this.#hosts, host, routes);
    }
    if (fallback === null && defaultHost !== '') {
      const names = hosts.map(({ name }) => name).join(', ');
      throw new SiteRouteError(`default host ${JSON.stringify(defaultHost)}: expected the name of a host (${names})`);
    }
    this.#default = fallback;
    this.#lastRoutes = fallback;
  }

  /**
   * The route of a request, or null if it has none.
   * @param authority `host[:port]`, empty if the request names none
   * @param path as the client sent it, without the query. Requests of JSON and XML sockets have paths that begin with `@` and `<`
   */
  find(authority: string, path: string): FoundRoute | null {
    if (authority !== this.#lastAuthority) {
      const host = hostOf(authority);
      this.#lastRoutes = (host === '' ? null : this.#hosts.find(host)) ?? this.#default;
      this.#lastAuthority = authority;
    }
    return this.#lastRoutes === null ? null : this.#lastRoutes.find(path);
  }
}

/** `SUFFIX` or `(PATTERN)SUFFIX`: the pattern stands for all that comes before the suffix. */
function addHost(table: LongestMatch<Routes>, host: Mongrel2Host, routes: Routes): void {
  const { matching } = host;
  located(`host ${JSON.stringify(host.name)}, matching ${JSON.stringify(matching)}`, () => {
    checkLength(matching);
    const end = matching.lastIndexOf(')') + 1;
    const pattern = end === 0 ? null : new RoutePattern(matching, 0, end, true, true);
    table.add(matching.slice(end).toLowerCase(), pattern, matching.slice(0, end), routes);
  });
}

function routesOf(host: Mongrel2Host): Routes {
  const table: Routes = new LongestMatch('prefix');
  for (const route of host.routes) {
    const { path } = route;
    located(`host ${JSON.stringify(host.name)}, route ${JSON.stringify(path)}`, () => {
      checkLength(path);
      if (!/^[/@<]/.test(path)) throw new SiteRouteError('expected a path that begins with /, @ or <');
      const paren = path.indexOf('(');
      const prefix = paren < 0 ? path : path.slice(0, paren);
      const pattern = paren < 0 ? null : new RoutePattern(path, paren, path.length);
      table.add(prefix, pattern, path.slice(prefix.length), { host, route, pattern: path, prefix });
    });
  }
  return table;
}

function checkLength(text: string): void {
  if (text === '' || text.length > MAX_LENGTH) {
    throw new SiteRouteError(`expected 1 to ${MAX_LENGTH} characters, not ${text.length}`);
  }
}

function located(place: string, add: () => void): void {
  try {
    add();
  } catch (error) {
    throw error instanceof SiteRouteError ? new SiteRouteError(`${place}: ${error.message}`) : error;
  }
}
