import { readFileSync } from 'node:fs';
import { type HttpClient, originOf } from '../client/index.ts';
import { type Config, makeOfKey, type Target } from '../config/index.ts';
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
 * @throws Error when a key cannot be read or used
 */
export function prepareRouting(config: Config, { client, counters }: RoutingMeans): ProxySettings {
  return settingsOf(config, (target) => httpService(client, target), counters);
}

/**
 * Finds out whether the keys of a configuration can be used.
 * @throws Error when one cannot be read or used
 */
export function checkRouting(config: Config): void {
  settingsOf(config, () => () => NO_RESPONDER, new Counters());
}

/** Sends requests to a target over HTTP/1.1. What an operator wrote is trusted, unless it says that others decide where it leads. */
function httpService(client: Pick<HttpClient, 'send'>, target: Target): Service {
  const origin = originOf(target.host, target.port, null, target.untrusted ? untrusted : null);
  return (request, requester) => client.send(origin, request, requester);
}

function settingsOf(config: Config, serviceOf: (target: Target) => Service, counters: Counters): ProxySettings {
  const { proxy } = config;
  const readFile = (path: string) => readFileSync(path, 'utf8');
  return {
    routes: new RouteTable(prepareRoutes(config, { serviceOf, readFile, counters })),
    trust: makeOfKey('proxy.upstream_key', proxy.upstreamKey, readFile, (key) => new UpstreamTrust(key)),
    rules: proxy,
    debug: proxy.debug,
  };
}
