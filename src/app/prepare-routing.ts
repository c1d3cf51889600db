import { readFileSync } from 'node:fs';
import type { HttpClient } from '../client/index.ts';
import { type Config, KeyReader, type PathIssue, pathsError, type Route, type Target } from '../config/index.ts';
import type { AccessRules } from '../control/index.ts';
import { Counters, NO_RESPONDER, RouteStatsTable, type Service } from '../exchange/index.ts';
import {
  type ProxySettings,
  prepareRoutes,
  RouteTable,
  routeName,
  testService,
  UpstreamTrust,
} from '../proxy/index.ts';
import { prepareAccess } from './prepare-access.ts';
import { linkOrigin, type TargetOrigin, targetOrigin } from './target-origin.ts';

/** What a proxy's requests are sent with. */
export interface RoutingMeans {
  readonly client: Pick<HttpClient, 'send'>;
  readonly counters: Counters;
  readonly routeStats: RouteStatsTable;
}

/**
 * Prepares the routes and keys of a configuration. Key files are read now, relative to the working directory.
 * @throws ConfigError that names each key that cannot be read or used
 */
export function prepareRouting(config: Config, { client, counters, routeStats }: RoutingMeans): ProxySettings {
  const keys = keyReader();
  const settings = settingsOf(config, (origin) => httpService(client, origin), counters, keys, routeStats);
  if (keys.issues.length > 0) throw pathsError(keys.issues);
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
  settingsOf(config, () => () => NO_RESPONDER, new Counters(), keys, new RouteStatsTable());
  return keys.issues;
}

function keyReader(): KeyReader {
  return new KeyReader((path) => readFileSync(path, 'utf8'));
}

/** Sends requests to an origin over HTTP/1.1. */
function httpService(client: Pick<HttpClient, 'send'>, originFor: TargetOrigin): Service {
  return (request, requester) => client.send(originFor(request), request, requester);
}

function settingsOf(
  config: Config,
  toOrigin: (origin: TargetOrigin) => Service,
  counters: Counters,
  keys: KeyReader,
  routeStats: RouteStatsTable,
): ProxySettings {
  const serviceOf = (target: Target, { pathBeg }: Route): Service => {
    if (target.kind === 'test') return testService(pathBeg);
    return toOrigin(targetOrigin(target, (path) => keys.read(path)));
  };
  const { proxy } = config;
  return {
    routes: new RouteTable(
      prepareRoutes(config, { serviceOf, keys, counters, statsOf: (name) => routeStats.of(name) }),
    ),
    trust: keys.make(['proxy', 'upstream_key'], proxy.upstreamKey, (key) => new UpstreamTrust(key)),
    rules: proxy,
    debug: proxy.debug,
  };
}
