export type { SocketHandle } from '../net/index.ts';
export { connectionName, HttpServer } from './http-server.ts';
export type { HttpServerOptions, RequestIds } from './http-server-options.ts';
export type { Remake } from './remake.ts';
export { acceptedId, type RequestIdMode, requestIdOf } from './request-ids.ts';
export type { Connection, ConnectionFacts } from './served-connection.ts';
export type { ServerLimits } from './server-limits.ts';
export type { ConnectionState, SuspendedConnection } from './suspended-connection.ts';
export { type Traced, type Tracing, tracedFields } from './tracing.ts';
