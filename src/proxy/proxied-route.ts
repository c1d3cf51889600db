import { GripSigner, TokenError, type TokenKeys, TokenVerifier, verifyingKey } from '../codec/grip/index.ts';
import { type Config, type JwtRules, type KeyReader, type Route, type Target, targetName } from '../config/index.ts';
import { type Counters, type HeaderList, NO_RESPONDER, RouteStats, type Service } from '../exchange/index.ts';
import type { SockJsPlace } from '../sockjs/index.ts';
import { Compression } from './compress/compression.ts';
import { type JsonpSettings, jsonpSettings } from './cross-origin/jsonp-settings.ts';
import { RateLimit } from './guard/rate-limit.ts';
import { RateTable } from './guard/rate-table.ts';
import type { RouteChecks } from './guard/route-checks.ts';
import { TokenGuard } from './guard/token-guard.ts';
import type { TargetWebSocketService } from './proxy-target.ts';
import { ResumeRules } from './resume/resume-rules.ts';
import type { CheckMeans, TargetChecks } from './target-checks.ts';
import { TargetList } from './target-list.ts';

/** A route, and what is prepared once for all its requests. */
export interface ProxiedRoute {
  readonly route: Route;
  /** As `routeName` says. */
  readonly name: string;
  /** Whether WebSockets go to one of its targets over HTTP. */
  readonly overHttp: boolean;
  /** Where its requests go. */
  readonly targets: TargetList;
  /** Where it serves SockJS; null for nowhere. */
  readonly sockJs: SockJsPlace | null;
  /** How pages of every origin may use it; null where they may not. */
  readonly crossOrigin: JsonpSettings | null;
  /** Checks of the targets, for whoever puts the route into force to start and stop; null without. */
  readonly targetChecks: TargetChecks | null;
  /** Whether error responses say what went wrong. */
  readonly debug: boolean;
  /** Fields to set on requests. */
  readonly setHeaders: HeaderList;
  /** Lower-case names of the client's fields that these replace, or that the route removes. */
  readonly setNames: ReadonlySet<string>;
  /** Null where requests are not signed. */
  readonly signer: GripSigner | null;
  readonly stats: RouteStats;
  /** What is asked of its requests before they go on; null for nothing. */
  readonly checks: RouteChecks | null;
  /** Null where responses are not compressed. */
  readonly compression: Compression | null;
  /** Null where no stream can be resumed. */
  readonly resume: ResumeRules | null;
}

/** What routes are prepared with. */
export interface RouteMeans {
  /** The service that sends the requests of a route to one of its targets. Throws where a file of the target cannot be used. */
  readonly serviceOf: (target: Target, route: Route) => Service;
  /** The service that opens WebSockets at a target, asked for after `serviceOf`. */
  readonly webSocketServiceOf: (target: Target, route: Route) => TargetWebSocketService;
  /** Collects what is wrong with the keys. A route whose key is wrong must not be used. */
  readonly keys: KeyReader;
  readonly counters: Counters;
  /** What checks of targets are made with. Absent: there are none. */
  readonly checkMeans?: CheckMeans;
  /** The stats of the route with this name. By default they are new. */
  readonly statsOf?: (name: string) => RouteStats;
  /** The keys that are at this URL. By default there are none. */
  readonly keysAt?: (url: string) => TokenKeys;
  /** Counts the requests of clients. By default it is new. */
  readonly rates?: RateTable;
}

/** What a route is called where it needs a name: its id, or else its condition in Pushpin's form, with `*` for what it does not name. */
export function routeName({ id, host, proto, ssl, pathBeg }: Route): string {
  if (id !== '') return id;
  return [host, proto ?? '*', ssl === null ? '*' : ssl ? 'ssl' : 'no-ssl', pathBeg || '*'].join(',');
}

/** Stands for a target that is not going to be used. */
const UNUSABLE: Service = () => NO_RESPONDER;

/** Prepares the routes of a configuration. */
export function prepareRoutes(config: Config, means: RouteMeans): ProxiedRoute[] {
  const maker = new RouteMaker(config.proxy, means);
  return config.routes.map((route, index) => maker.make(route, index));
}

/** Prepares routes one by one. */
export class RouteMaker {
  readonly #proxy: Config['proxy'];
  readonly #means: RouteMeans;
  readonly #rates: RateTable;
  readonly #signers: Signers;

  constructor(proxy: Config['proxy'], means: RouteMeans) {
    this.#proxy = proxy;
    this.#means = means;
    this.#rates = means.rates ?? new RateTable(means.counters);
    this.#signers = new Signers(proxy, means.keys);
  }

  /** @param index of the route in its configuration, for what is wrong with its keys */
  make(route: Route, index: number): ProxiedRoute {
    const { serviceOf, webSocketServiceOf, keys, counters, statsOf, checkMeans, keysAt = noKeys } = this.#means;
    const proxy = this.#proxy;
    const setHeaders: string[] = [];
    const setNames = new Set<string>();
    for (let i = 0; i < route.header.length; i += 2) {
      const name = route.header[i] as string;
      const value = route.header[i + 1] as string;
      setNames.add(name.toLowerCase());
      if (value !== '') setHeaders.push(name, value);
    }
    const places = route.targets.map((target, at) => ({
      name: targetName(target),
      host: target.hostHeader || route.asHost,
      service: keys.attempt(['route', index, 'targets', at], () => serviceOf(target, route)) ?? UNUSABLE,
      webSocketService: webSocketServiceOf(target, route),
      channels: target.sub,
    }));
    const { jwt, limit, compress, check, resume } = route;
    const targets = new TargetList(places, counters, route.balance);
    const tokenKeys = jwt === null ? null : tokenKeysOf(jwt, index, keys, keysAt);
    const isCrossOrigin = route.aco || proxy.autoCrossOrigin;
    const name = routeName(route);
    return {
      route,
      name,
      targets,
      targetChecks: check === null || checkMeans === undefined ? null : targets.checks(check, checkMeans),
      overHttp: route.targets.some(({ overHttp }) => overHttp),
      sockJs: sockJsPlace(route, proxy.sockjsUrl),
      crossOrigin: isCrossOrigin ? jsonpSettings(route) : null,
      debug: route.debug || proxy.debug,
      setHeaders,
      setNames,
      signer: this.#signers.of(route, index),
      stats: statsOf?.(name) ?? new RouteStats(),
      resume: resume === null ? null : new ResumeRules(resume),
      compression: compress === null ? null : new Compression(compress),
      checks:
        jwt === null && limit === null
          ? null
          : {
              guard: jwt === null || tokenKeys === null ? null : new TokenGuard(jwt, tokenKeys),
              limit: limit === null ? null : new RateLimit(limit, name, this.#rates),
            },
    };
  }
}

/** Whether what a route is prepared from includes files, which may have changed although the route has not. */
export function readsFiles({ sigKey, jwt, targets }: Route): boolean {
  const isFile = (key: string) => key.startsWith('file:');
  return isFile(sigKey) || isFile(jwt?.key ?? '') || targets.some(({ tls }) => tls !== null && tls.clientCert !== '');
}

/** What verifies the tokens of a route. Null if its key cannot be used, which `keys` reports. */
function tokenKeysOf(
  { key, jwks }: JwtRules,
  index: number,
  keys: KeyReader,
  keysAt: (url: string) => TokenKeys,
): TokenKeys | null {
  if (jwks !== '') return keysAt(jwks);
  return keys.make(['route', index, 'jwt', 'key'], key, (secret) => new TokenVerifier(verifyingKey(secret)));
}

function noKeys(): TokenKeys {
  return { claims: () => Promise.reject(new TokenError('no-keys', 'there is nothing that fetches keys')) };
}

function sockJsPlace(route: Route, script: string): SockJsPlace | null {
  const { sockjs, sockjsAsPath, halfClose } = route;
  if (sockjs === '') return null;
  return { name: routeName(route), prefix: sockjs.replace(/\/+$/, ''), asPath: sockjsAsPath, script, halfClose };
}

/** The signers of requests, shared by the routes with the same issuer and key. */
class Signers {
  readonly #proxy: Config['proxy'];
  readonly #keys: KeyReader;
  readonly #made = new Map<string, GripSigner | null>();

  constructor(proxy: Config['proxy'], keys: KeyReader) {
    this.#proxy = proxy;
    this.#keys = keys;
    // A wrong key is an error even where no route uses it yet.
    this.#signer(['proxy', 'sig_key'], proxy.sigIss, proxy.sigKey);
  }

  /** Null where the route's requests are not signed. */
  of({ noGrip, sigIss, sigKey }: Route, index: number): GripSigner | null {
    if (noGrip) return null;
    const issuer = sigIss || this.#proxy.sigIss;
    if (sigKey === '') return this.#signer(['proxy', 'sig_key'], issuer, this.#proxy.sigKey);
    return this.#signer(['route', index, 'sig_key'], issuer, sigKey);
  }

  #signer(path: readonly PropertyKey[], issuer: string, key: string): GripSigner | null {
    const identity = JSON.stringify([issuer, key]);
    let signer = this.#made.get(identity);
    if (signer === undefined) {
      signer = this.#keys.make(path, key, (secret) => new GripSigner(issuer, secret));
      // A wrong key is reported for each route that names it.
      if (signer !== null || path[0] === 'proxy') this.#made.set(identity, signer);
    }
    return signer;
  }
}
