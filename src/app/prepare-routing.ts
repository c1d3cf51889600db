import { readFileSync } from 'node:fs';
import type { HttpClient, WebSocketOpener } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import {
  type Config,
  KeyReader,
  type PathIssue,
  pathsError,
  type Route,
  sameValue,
  type Target,
} from '../config/index.ts';
import type { AccessRules } from '../control/index.ts';
import {
  Counters,
  type HeldTotal,
  type Log,
  NO_RESPONDER,
  type RouteStatsTable,
  type Service,
} from '../exchange/index.ts';
import {
  DEFAULT_JSONP,
  ForwardedClients,
  type ProxiedRoute,
  type ProxySettings,
  type RateTable,
  RouteMaker,
  type RouteMeans,
  RouteTable,
  readsFiles,
  routeName,
  type TargetWebSocketService,
  testService,
  testWebSocketService,
  UpstreamTrust,
  webSocketOverHttp,
} from '../proxy/index.ts';
import { checkSites } from './check-sites.ts';
import type { KeySets } from './key-sets.ts';
import { outgoingHandshake, outgoingRequest } from './outgoing-request.ts';
import { prepareAccess } from './prepare-access.ts';
import { linkOrigin, NO_ROUTE, type ReadFile, requestRoute, type TargetOrigin, targetOrigin } from './target-origin.ts';
import type { TargetServices, ZhttpOrigins } from './zhttp-origins.ts';

/** What takes the requests for a target. */
interface Services {
  readonly service: Service;
  readonly webSocketService: TargetWebSocketService;
}

/** What a proxy's requests are sent with. */
export interface RoutingMeans {
  readonly client: Pick<HttpClient, 'send'>;
  readonly webSockets: WebSocketOpener;
  /** What stands for origins over ZHTTP. */
  readonly zhttp: Pick<ZhttpOrigins, 'hasFetch' | 'fetchServices' | 'targetServices'>;
  readonly counters: Counters;
  readonly routeStats: RouteStatsTable;
  readonly keySets: Pick<KeySets, 'at' | 'keep'>;
  readonly rates: RateTable;
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** What waits for origins over HTTP. */
  readonly overHttpHeld: HeldTotal;
}

/**
 * Prepares the routes and keys of a configuration at once. Key files are read now, relative to the working directory.
 * @throws ConfigError that names each key that cannot be read or used
 */
export function prepareRouting(config: Config, means: RoutingMeans): ProxySettings {
  const routing = new Routing(config, means);
  config.routes.forEach((_, index) => {
    routing.add(index);
  });
  return routing.finish();
}

/** What the routes of a configuration were prepared from before, and what that is now. */
export interface RouteChanges {
  /** Names of routes. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** Prepares the routes and keys of a configuration one by one. Routes that have not changed stay the objects that they were. */
export class Routing {
  readonly #config: Config;
  readonly #means: RoutingMeans;
  readonly #keys = keyReader();
  readonly #maker: RouteMaker;
  readonly #all: ProxiedRoute[] = [];
  /** Routes so far, by name. */
  readonly #former = new Map<string, ProxiedRoute>();
  /** Whether routes stay as they are if their own keys do. */
  readonly #mayKeep: boolean;
  readonly #added: string[] = [];
  readonly #changed: string[] = [];

  /** @param former what is in force now */
  constructor(
    config: Config,
    means: RoutingMeans,
    former: { config: Config; all: readonly ProxiedRoute[] } | null = null,
  ) {
    this.#config = config;
    this.#means = means;
    this.#maker = new RouteMaker(config.proxy, routeMeans(config, means, this.#keys));
    for (const route of former?.all ?? []) this.#former.set(routeName(route.route), route);
    this.#mayKeep =
      former !== null && sameValue(former.config.proxy, config.proxy) && !config.proxy.sigKey.startsWith('file:');
  }

  /** Prepares a route of the configuration: each has to be. */
  add(index: number): void {
    const route = this.#config.routes[index] as Route;
    const name = routeName(route);
    const former = this.#former.get(name);
    this.#former.delete(name);
    const isSame = former !== undefined && sameValue(former.route, route);
    if (former === undefined) this.#added.push(name);
    else if (!isSame) this.#changed.push(name);
    this.#all.push(isSame && this.#mayKeep && !readsFiles(route) ? former : this.#maker.make(route, index));
  }

  /** What is different, once all routes have been added. */
  get changes(): RouteChanges {
    return { added: this.#added, changed: this.#changed, removed: [...this.#former.keys()] };
  }

  /** @throws ConfigError that names each key that cannot be read or used */
  finish(): ProxySettings {
    const settings = settingsOf(this.#config, this.#all, this.#keys);
    if (this.#keys.issues.length > 0) throw pathsError(this.#keys.issues);
    const { client, zhttp } = this.#means;
    return {
      ...settings,
      external: (uri, isUntrusted) =>
        zhttp.hasFetch
          ? fetchedLink(zhttp, uri.protocol === 'https:', isUntrusted)
          : httpService(client, () => linkOrigin(uri, isUntrusted)),
    };
  }
}

/**
 * Prepares one route of a configuration that is in force.
 * @throws ConfigError that names each of its keys that cannot be read or used
 */
export function prepareRoute(config: Config, route: Route, means: RoutingMeans): ProxiedRoute {
  const keys = keyReader();
  const made = new RouteMaker(config.proxy, routeMeans(config, means, keys)).make(route, 0);
  if (keys.issues.length > 0) throw pathsError(keys.issues);
  return made;
}

/** Forgets what only routes that are gone have used: stats and key sets. */
export function forgetUnused({ routes }: Config, { routeStats, keySets }: RoutingMeans): void {
  routeStats.keep(new Set(routes.map(routeName)));
  keySets.keep(new Set(routes.map(({ jwt }) => jwt?.jwks ?? '')));
}

/**
 * Who may use the control port.
 * @throws ConfigError that names each key that cannot be read or used
 */
export function accessRules(config: Config): AccessRules {
  const keys = keyReader();
  const rules = prepareAccess(config, keys);
  if (keys.issues.length > 0) throw pathsError(keys.issues);
  return rules;
}

/** Finds the keys of a configuration that cannot be read or used. */
export function checkRouting(config: Config): readonly PathIssue[] {
  const keys = keyReader();
  prepareAccess(config, keys);
  const nowhere = () => NO_RESPONDER;
  const counters = new Counters();
  const serviceOf = (target: Target) => {
    if (target.kind !== 'test') targetOrigin(target, (path) => keys.read(path));
    return nowhere;
  };
  const maker = new RouteMaker(config.proxy, { serviceOf, webSocketServiceOf: () => nowhere, keys, counters });
  config.routes.forEach((route, index) => {
    maker.make(route, index);
  });
  trustOf(config, keys);
  checkSites(config, keys);
  return keys.issues;
}

function keyReader(): KeyReader {
  return new KeyReader((path) => readFileSync(path, 'utf8'));
}

/** What takes the requests for a target, except that it may have only HTTP. */
function servicesOf(target: Target, read: ReadFile, { client, webSockets, zhttp }: RoutingMeans): Services {
  if (target.kind === 'http' && !zhttp.hasFetch) {
    const origin = targetOrigin(target, read);
    return { service: httpService(client, origin), webSocketService: webSocketService(webSockets, origin) };
  }
  const route = requestRoute(target, read);
  const services = target.kind === 'http' ? zhttp.fetchServices(route) : zhttp.targetServices(target, route);
  return overZhttp(services, target.tls !== null);
}

/** Sends the request of a link to any host by the fetch role. */
function fetchedLink(zhttp: RoutingMeans['zhttp'], secure: boolean, isUntrusted: boolean): Service {
  return overZhttp(zhttp.fetchServices({ ...NO_ROUTE, ignorePolicies: !isUntrusted }), secure).service;
}

/** @param secure whether origins are spoken to over TLS */
function overZhttp({ service, webSocketService }: TargetServices, secure: boolean): Services {
  return {
    service: (request, requester) => service(outgoingRequest(request, secure), requester),
    webSocketService: (request, requester) => webSocketService(outgoingHandshake(request, secure), requester),
  };
}

/** Sends requests to an origin over HTTP/1.1. */
function httpService(client: Pick<HttpClient, 'send'>, originFor: TargetOrigin): Service {
  return (request, requester) => client.send(originFor(request), request, requester);
}

/** Opens WebSockets at a target (RFC 6455), each on a connection of its own. Redirects pass to the client. */
function webSocketService(webSockets: WebSocketOpener, originFor: TargetOrigin): TargetWebSocketService {
  return (request, requester) => {
    const { target, headers, credits } = request;
    const origin = originFor(request);
    // The first field is Host.
    const authority = headers[1] as string;
    return webSockets.open({ origin, authority, target, headers, redirected: () => null }, { credits }, requester);
  };
}

/** Opens WebSockets at a target that has only HTTP. */
function overHttpService(
  config: Config,
  target: Target,
  service: Service,
  { wheel, counters, log, overHttpHeld: held }: RoutingMeans,
): TargetWebSocketService {
  const leastKeepAlive = config.proxy.overHttpMinKeepAlive;
  return webSocketOverHttp({ service, oneEvent: target.oneEvent, leastKeepAlive, held, wheel, counters, log });
}

function routeMeans(config: Config, means: RoutingMeans, keys: KeyReader): RouteMeans {
  const { counters, routeStats, keySets, rates } = means;
  const prepared = new WeakMap<Target, Services>();
  return {
    serviceOf: (target, { pathBeg }) => {
      if (target.kind === 'test') return testService(pathBeg);
      const services = servicesOf(target, (path) => keys.read(path), means);
      const usable = target.overHttp
        ? { ...services, webSocketService: overHttpService(config, target, services.service, means) }
        : services;
      prepared.set(target, usable);
      return usable.service;
    },
    webSocketServiceOf: (target, { pathBeg }) => {
      if (target.kind === 'test') return testWebSocketService(pathBeg);
      // What is wrong with a target that is missing has been reported.
      return prepared.get(target)?.webSocketService ?? (() => NO_RESPONDER);
    },
    keys,
    counters,
    statsOf: (name) => routeStats.of(name),
    keysAt: (url) => keySets.at(url),
    rates,
    checkMeans: means,
  };
}

function trustOf({ proxy }: Config, keys: KeyReader): UpstreamTrust | null {
  return keys.make(['proxy', 'upstream_key'], proxy.upstreamKey, (key) => new UpstreamTrust(key));
}

function settingsOf(config: Config, all: readonly ProxiedRoute[], keys: KeyReader): ProxySettings {
  const { proxy } = config;
  const { trustedProxies } = config.server;
  return {
    routes: new RouteTable(all),
    all,
    trust: trustOf(config, keys),
    rules: proxy,
    ...(trustedProxies.length > 0 && { clients: new ForwardedClients(trustedProxies) }),
    ...(proxy.autoCrossOrigin && { crossOrigin: DEFAULT_JSONP }),
    debug: proxy.debug,
    shareAll: proxy.shareAll,
    logged: { from: proxy.logFrom, userAgent: proxy.logUserAgent },
  };
}
