import type { Route } from '../config/index.ts';

/** Finds the route of a request by Pushpin's rules. `R` is a route with whatever the caller has prepared for it. */
export class RouteTable<R extends { readonly route: Route }> {
  readonly #hosts = new Map<string, R[]>();
  /** Routes for `*.example.com`, by `.example.com`; null without any. */
  #suffixes: Map<string, R[]> | null = null;
  readonly #ids = new Map<string, R | null>();

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      this.#bucketFor(route.route)?.push(route);
      this.#addId(route);
    }
    for (const buckets of [this.#hosts, this.#suffixes])
      for (const bucket of buckets?.values() ?? []) bucket.sort((a, b) => compare(a.route, b.route));
  }

  /** Adds a route, which takes part in the requests from now on. */
  add(route: R): void {
    this.#addId(route);
    const bucket = this.#bucketFor(route.route);
    if (bucket === undefined) return;
    const after = bucket.findIndex((other) => compare(route.route, other.route) < 0);
    bucket.splice(after < 0 ? bucket.length : after, 0, route);
  }

  /** Takes a route out, as all that share its id have to be. Requests that have it keep it. */
  remove(route: R): void {
    const { host, id } = route.route;
    this.#ids.delete(id);
    if (host === '') return;
    const { buckets, key } = this.#placeOf(host);
    const bucket = (buckets.get(key) ?? []).filter((other) => other !== route);
    if (bucket.length > 0) buckets.set(key, bucket);
    else buckets.delete(key);
    if (this.#suffixes?.size === 0) this.#suffixes = null;
  }

  /** The route with the same condition, which would never let another one have a request; null without one. */
  withCondition({ host, proto, ssl, pathBeg }: Route): R | null {
    if (host === '') return null;
    const { buckets, key } = this.#placeOf(host);
    const isSame = ({ route }: R) => route.proto === proto && route.ssl === ssl && route.pathBeg === pathBeg;
    return buckets.get(key)?.find(isSame) ?? null;
  }

  #bucketFor({ host }: Route): R[] | undefined {
    if (host === '') return undefined;
    const { buckets, key } = this.#placeOf(host);
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = [];
      buckets.set(key, bucket);
    }
    return bucket;
  }

  #placeOf(host: string): { buckets: Map<string, R[]>; key: string } {
    if (!host.startsWith('*.')) return { buckets: this.#hosts, key: host };
    this.#suffixes ??= new Map();
    return { buckets: this.#suffixes, key: host.slice(1) };
  }

  /** An id that two routes share finds neither. */
  #addId(route: R): void {
    const { id } = route.route;
    if (id !== '') this.#ids.set(id, this.#ids.has(id) ? null : route);
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
