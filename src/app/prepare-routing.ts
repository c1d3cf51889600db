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
import type { KeySets } from './key-sets.ts';
import { prepareAccess } from './prepare-access.ts';
import { linkOrigin, type TargetOrigin, targetOrigin } from './target-origin.ts';

/** What a proxy's requests are sent with. */
export interface RoutingMeans {
  readonly client: Pick<HttpClient, 'send'>;
  readonly webSockets: WebSocketOpener;
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
  const { client, webSockets, counters, routeStats, keySets, rates } = means;
  const keys = keyReader();
  const settings = settingsOf(
    config,
    (origin) => httpService(client, origin),
    (origin, target) =>
      target.overHttp ? overHttpService(config, target, origin, means) : webSocketService(webSockets, origin),
    counters,
    keys,
    routeStats,
    { keysAt: (url) => keySets.at(url), rates },
  );
  if (keys.issues.length > 0) throw pathsError(keys.issues);
  keySets.forgetUnused();
  routeStats.keep(new Set(config.routes.map(routeName)));
  return { ...settings, external: (uri, isUntrusted) => httpService(client, () => linkOrigin(uri, isUntrusted)) };
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
  const nowhere = () => () => NO_RESPONDER;
  settingsOf(config, nowhere, nowhere, new Counters(), keys, new RouteStatsTable());
  return keys.issues;
}

function keyReader(): KeyReader {
  return new KeyReader((path) => readFileSync(path, 'utf8'));
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
    // `setHost` has written it.
    const authority = headers[1] as string;
    return webSockets.open({ origin, authority, target, headers, redirected: () => null }, { credits }, requester);
  };
}

/** Opens WebSockets at a target that has only HTTP. */
function overHttpService(
  config: Config,
  target: Target,
  originFor: TargetOrigin,
  means: RoutingMeans,
): TargetWebSocketService {
  const { client, wheel, counters, log, overHttpHeld: held } = means;
  const service = httpService(client, originFor);
  const leastKeepAlive = config.proxy.overHttpMinKeepAlive;
  return webSocketOverHttp({ service, oneEvent: target.oneEvent, leastKeepAlive, held, wheel, counters, log });
}

function settingsOf(
  config: Config,
  toOrigin: (origin: TargetOrigin) => Service,
  webSocketsTo: (origin: TargetOrigin, target: Target) => TargetWebSocketService,
  counters: Counters,
  keys: KeyReader,
  routeStats: RouteStatsTable,
  checks: Pick<RouteMeans, 'keysAt' | 'rates'> = {},
): ProxySettings {
  const origins = new Map<Target, TargetOrigin>();
  const serviceOf = (target: Target, { pathBeg }: Route): Service => {
    if (target.kind === 'test') return testService(pathBeg);
    const origin = targetOrigin(target, (path) => keys.read(path));
    origins.set(target, origin);
    return toOrigin(origin);
  };
  const webSocketServiceOf = (target: Target, { pathBeg }: Route): TargetWebSocketService => {
    if (target.kind === 'test') return testWebSocketService(pathBeg);
    const origin = origins.get(target);
    // What is wrong with it has been reported.
    return origin === undefined ? () => NO_RESPONDER : webSocketsTo(origin, target);
  };
  const { proxy } = config;
  const { trustedProxies } = config.server;
  return {
    routes: new RouteTable(
      prepareRoutes(config, {
        serviceOf,
        webSocketServiceOf,
        keys,
        counters,
        statsOf: (name) => routeStats.of(name),
        ...checks,
      }),
    ),
    trust: keys.make(['proxy', 'upstream_key'], proxy.upstreamKey, (key) => new UpstreamTrust(key)),
    rules: proxy,
    ...(trustedProxies.length > 0 && { clients: new ForwardedClients(trustedProxies) }),
    ...(proxy.autoCrossOrigin && { crossOrigin: DEFAULT_JSONP }),
    debug: proxy.debug,
    shareAll: proxy.shareAll,
  };
}
