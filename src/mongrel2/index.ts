export type { AccessLog } from './access-log.ts';
export type { ConnectionStatus } from './connection-report.ts';
export { ConnectionTable } from './connection-table.ts';
export { type ControlledServer, ControlPort, type ControlPortOptions, type ServerInfo } from './control-port.ts';
export { fixedResponse } from './fixed-response.ts';
export { Mongrel2Counters } from './mongrel2-counters.ts';
export { Mongrel2Service, type Mongrel2ServiceOptions } from './mongrel2-service.ts';
export { type FoundRoute, SiteRouteError, SiteRoutes } from './routing/index.ts';
