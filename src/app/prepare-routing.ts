import { readFileSync } from 'node:fs';
import type { HttpClient, WebSocketOpener } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { type Config, KeyReader, type PathIssue, pathsError, type Route, type Target } from '../config/index.ts';
import type { AccessRules } from '../control/index.ts';
import { Counters, type HeldTotal, type Log, NO_RESPONDER, RouteStatsTable, type Service } from '../exchange/index.ts';
import {
  DEFAULT_JSONP,
  ForwardedClients,
  type ProxySettings,
  prepareRoutes,
  type RateTable,
  type RouteMeans,
  RouteTable,
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
  readonly keySets: Pick<KeySets, 'at' | 'forgetUnused'>;
  readonly rates: RateTable;
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** What waits for origins over HTTP. */
  readonly overHttpHeld: HeldTotal;
}

/**
 * Prepares the routes and keys of a configuration. Key files are read now, relative to the working directory.
 * @throws ConfigError that names each key that cannot be read or used
 */
export function prepareRouting(config: Config, means: RoutingMeans): ProxySettings {
  const { client, counters, routeStats, keySets, rates, zhttp } = means;
  const keys = keyReader();
  const settings = settingsOf(
    config,
    (target, read) => {
      const services = servicesOf(target, read, means);
      return target.overHttp
        ? { ...services, webSocketService: overHttpService(config, target, services.service, means) }
        : services;
    },
    counters,
    keys,
    routeStats,
    { keysAt: (url) => keySets.at(url), rates, checkMeans: means },
  );
  if (keys.issues.length > 0) throw pathsError(keys.issues);
  keySets.forgetUnused();
  routeStats.keep(new Set(config.routes.map(routeName)));
  return {
    ...settings,
    external: (uri, isUntrusted) =>
      zhttp.hasFetch
        ? fetchedLink(zhttp, uri.protocol === 'https:', isUntrusted)
        : httpService(client, () => linkOrigin(uri, isUntrusted)),
  };
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
  const check = (target: Target, read: ReadFile) => {
    targetOrigin(target, read);
    return { service: nowhere, webSocketService: nowhere };
  };
  settingsOf(config, check, new Counters(), keys, new RouteStatsTable());
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

function settingsOf(
  config: Config,
  servicesFor: (target: Target, read: ReadFile) => Services,
  counters: Counters,
  keys: KeyReader,
  routeStats: RouteStatsTable,
  checks: Pick<RouteMeans, 'keysAt' | 'rates' | 'checkMeans'> = {},
): ProxySettings {
  const prepared = new Map<Target, Services>();
  const serviceOf = (target: Target, { pathBeg }: Route): Service => {
    if (target.kind === 'test') return testService(pathBeg);
    const services = servicesFor(target, (path) => keys.read(path));
    prepared.set(target, services);
    return services.service;
  };
  const webSocketServiceOf = (target: Target, { pathBeg }: Route): TargetWebSocketService => {
    if (target.kind === 'test') return testWebSocketService(pathBeg);
    // What is wrong with a target that is missing has been reported.
    return prepared.get(target)?.webSocketService ?? (() => NO_RESPONDER);
  };
  const { proxy } = config;
  const { trustedProxies } = config.server;
  const all = prepareRoutes(config, {
    serviceOf,
    webSocketServiceOf,
    keys,
    counters,
    statsOf: (name) => routeStats.of(name),
    ...checks,
  });
  return {
    routes: new RouteTable(all),
    all,
    trust: keys.make(['proxy', 'upstream_key'], proxy.upstreamKey, (key) => new UpstreamTrust(key)),
    rules: proxy,
    ...(trustedProxies.length > 0 && { clients: new ForwardedClients(trustedProxies) }),
    ...(proxy.autoCrossOrigin && { crossOrigin: DEFAULT_JSONP }),
    debug: proxy.debug,
    shareAll: proxy.shareAll,
    logged: { from: proxy.logFrom, userAgent: proxy.logUserAgent },
  };
}
