import { readFileSync } from 'node:fs';
import { type Config, resolveKey } from '../config/index.ts';
import { type ProxiedRoute, prepareRoutes, RouteTable, UpstreamTrust } from '../proxy/index.ts';

/** What a proxy needs of the configuration, ready to use. */
export interface Routing {
  readonly routes: RouteTable<ProxiedRoute>;
  /** Null where no GRIP proxy in front is trusted. */
  readonly trust: UpstreamTrust | null;
}

/**
 * Prepares the routes and keys of a configuration. Key files are read now, relative to the working directory.
 * @throws Error when a key cannot be read or used
 */
export function prepareRouting(config: Config): Routing {
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const upstreamKey = resolveKey(config.proxy.upstreamKey, readFile);
  return {
    routes: new RouteTable(prepareRoutes(config, readFile)),
    trust: upstreamKey === null ? null : new UpstreamTrust(upstreamKey),
  };
}
