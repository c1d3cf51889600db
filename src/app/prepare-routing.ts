import { readFileSync } from 'node:fs';
import { type HttpClient, originOf } from '../client/index.ts';
import { type Config, KeyReader, type PathIssue, pathsError, type Target } from '../config/index.ts';
import { Counters, NO_RESPONDER, type Service } from '../exchange/index.ts';
import { Guard } from '../net/index.ts';
import { type ProxySettings, prepareRoutes, RouteTable, UpstreamTrust } from '../proxy/index.ts';

/** What a proxy's requests are sent with. */
export interface RoutingMeans {
  readonly client: Pick<HttpClient, 'send'>;
  readonly counters: Counters;
}

/** Keeps targets that are `untrusted` away from internal addresses. One for all, so that their connections are shared. */
const untrusted = new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: true });

/**
 * Prepares the routes and keys of a configuration. Key files are read now, relative to the working directory.
 * @throws ConfigError that names each key that cannot be read or used
 */
export function prepareRouting(config: Config, { client, counters }: RoutingMeans): ProxySettings {
  const keys = keyReader();
  const settings = settingsOf(config, (target) => httpService(client, target), counters, keys);
  if (keys.issues.length > 0) throw pathsError(keys.issues);
  return settings;
}

/** Finds the keys of a configuration that cannot be read or used. */
export function checkRouting(config: Config): readonly PathIssue[] {
  const keys = keyReader();
  settingsOf(config, () => () => NO_RESPONDER, new Counters(), keys);
  return keys.issues;
}

function keyReader(): KeyReader {
  return new KeyReader((path) => readFileSync(path, 'utf8'));
}

/** Sends requests to a target over HTTP/1.1. What an operator wrote is trusted, unless it says that others decide where it leads. */
function httpService(client: Pick<HttpClient, 'send'>, target: Target): Service {
  const origin = originOf(target.host, target.port, null, target.untrusted ? untrusted : null);
  return (request, requester) => client.send(origin, request, requester);
}

function settingsOf(
  config: Config,
  serviceOf: (target: Target) => Service,
  counters: Counters,
  keys: KeyReader,
): ProxySettings {
  const { proxy } = config;
  return {
    routes: new RouteTable(prepareRoutes(config, { serviceOf, keys, counters })),
    trust: keys.make(['proxy', 'upstream_key'], proxy.upstreamKey, (key) => new UpstreamTrust(key)),
    rules: proxy,
    debug: proxy.debug,
  };
}
