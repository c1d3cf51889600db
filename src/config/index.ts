export { acmeIssues, acmeNames } from './acme-names.ts';
export type { ChannelTable } from './channel-rule.ts';
export { type CommandLine, mergeCommandLine } from './command-line.ts';
export { type ConfigChange, configChanges, withRunningFields, withRunningKeys } from './config-changes.ts';
export { ConfigError, type ConfigIssue, issueText, keyName, type PathIssue, pathsError } from './config-error.ts';
export { controlListen } from './control-listen.ts';
export { formatDnsServer } from './dns-server.ts';
export { type EdgeListener, formatEdgeListener, parseEdgeListener } from './edge-listener.ts';
export { formatConfig } from './format-config.ts';
export type { ForwardedForRule } from './forwarded-for.ts';
export { hasProxy } from './has-proxy.ts';
export { formatHostPort, type HostPort, parseHostPort } from './host-port.ts';
export { KeyReader } from './key-reader.ts';
export {
  formatListenAddress,
  type ListenAddress,
  parseListenAddress,
  type TcpListenAddress,
  type UnixListenAddress,
} from './listen-address.ts';
export { endpointAddress, type ListenPlace, listenPlaces } from './listen-collisions.ts';
export type { ListenerTls } from './listener-parameters.ts';
export { defaultConfig, loadConfig, parseConfig } from './load-config.ts';
export { LOG_LEVELS } from './log-level.ts';
export { DATABASE_TABLES, type DatabaseRow, type DatabaseTables, databaseSite } from './mongrel2/database-rows.ts';
export { type Mongrel2Conf, parseMongrel2Conf, readSite, type ServerChoice } from './mongrel2/mongrel2-conf.ts';
export { handlersOf } from './mongrel2-codec.ts';
export type {
  Mongrel2Dir,
  Mongrel2Handler,
  Mongrel2Host,
  Mongrel2Protocol,
  Mongrel2Proxy,
  Mongrel2Route,
  Mongrel2Server,
  Mongrel2Settings,
  Mongrel2Target,
  Mongrel2Tls,
} from './mongrel2-site.ts';
export { oneProcessReasons } from './one-process.ts';
export {
  type CertificatePair,
  EMPTY_OVERLAY,
  formatOverlay,
  OVERLAY_KEYS,
  type Overlay,
  overlayKey,
  overlayKeyProblem,
  overlayNameProblem,
  overlayRoute,
  parseOverlay,
  setKeys,
  withOverlay,
} from './overlay.ts';
export type { PathRewrite } from './path-rewrite.ts';
export { type PushpinConf, parsePushpinConf } from './pushpin-conf.ts';
export { configReference } from './reference.ts';
export { isReloadable, reloadableKeys } from './reloadable-keys.ts';
export { resolveKey } from './resolve-key.ts';
export { checkRoutes, isCallback, type Route, type RouteConflict } from './route.ts';
export { parseRouteLine } from './route-line.ts';
export { routeLineText } from './route-line-text.ts';
export type { CompressRules, JwtRules, LimitRules, ResumeTable } from './route-tables.ts';
export { parseRoutesFile, type RoutesFile } from './routes-file.ts';
export { routesWithoutState } from './routes-without-state.ts';
export { sameValue } from './same-value.ts';
export type { Config } from './schema.ts';
export type { ServerListener } from './server-listener.ts';
export { stateFolder } from './state-section.ts';
export { parseTarget, type Target, type TargetTls, targetName } from './target.ts';
export { UNIX_PROXIES } from './trusted-proxies.ts';
export { type FetchEndpoints, parseFetchEndpoints, type StreamEndpoints, streamEndpoints } from './zmq-endpoint.ts';
export { parseZurlConf, type ZurlConf } from './zurl-conf.ts';
