import type { Route } from '../config/index.ts';

/** Finds the route of a request by Pushpin's rules. `R` is a route with whatever the caller has prepared for it. */
export class RouteTable<R extends { readonly route: Route }> {
  readonly #hosts = new Map<string, R[]>();
  /** Routes for `*.example.com`, by `.example.com`; null without any. */
  #suffixes: Map<string, R[]> | null = null;
  readonly #ids = new Map<string, R | null>();

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      const { host, id } = route.route;
      if (host !== '') {
        const isWildcard = host.startsWith('*.');
        if (isWildcard) this.#suffixes ??= new Map();
        const buckets = isWildcard ? (this.#suffixes as Map<string, R[]>) : this.#hosts;
        const key = isWildcard ? host.slice(1) : host;
        const bucket = buckets.get(key);
        if (bucket === undefined) buckets.set(key, [route]);
        else bucket.push(route);
      }
      // An id that two routes share finds neither.
      if (id !== '') this.#ids.set(id, this.#ids.has(id) ? null : route);
    }
    for (const bucket of [...this.#hosts.values(), ...(this.#suffixes?.values() ?? [])])
      bucket.sort((a, b) => compare(a.route, b.route));
  }

  /**
   * The route of a request, or null. Only the routes of one condition count: that of the host, else that of the longest wildcard for it, else `*`.
   * @param host without port, in lower case
   * @param path as it goes on the wire, without the query
   */
  find(host: string, path: string, webSocket: boolean, tls: boolean): R | null {
    const bucket = this.#hosts.get(host) ?? this.#bySuffix(host) ?? this.#hosts.get('*');
    if (bucket === undefined) return null;
    for (const candidate of bucket) {
      const { proto, ssl, pathBeg } = candidate.route;
      if (proto !== null && (proto === 'ws') !== webSocket) continue;
      if (ssl !== null && ssl !== tls) continue;
      if (pathBeg !== '' && !path.startsWith(pathBeg)) continue;
      return candidate;
    }
    return null;
  }

  /** The routes of the longest wildcard that matches. */
  #bySuffix(host: string): R[] | undefined {
    if (this.#suffixes === null) return undefined;
    // Something has to stand in the place of the star.
    for (let dot = host.indexOf('.', 1); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const bucket = this.#suffixes.get(host.slice(dot));
      if (bucket !== undefined) return bucket;
    }
    return undefined;
  }

  /** The only route with this id, or null. */
  byId(id: string): R | null {
    return this.#ids.get(id) ?? null;
  }
}

/** Best first: a named protocol before any, then the longer path, then a named `ssl` before either. */
function compare(a: Route, b: Route): number {
  return (
    Number(b.proto !== null) - Number(a.proto !== null) ||
    b.pathBeg.length - a.pathBeg.length ||
    Number(b.ssl !== null) - Number(a.ssl !== null)
  );
}
