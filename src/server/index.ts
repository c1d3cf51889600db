export { HttpServer } from './http-server.ts';
export type { HttpServerOptions } from './http-server-options.ts';
export type { Remake } from './remake.ts';
export type { Connection } from './served-connection.ts';
export type { ServerLimits } from './server-limits.ts';
export type { SocketHandle } from './socket-handle.ts';
export type { ConnectionState, SuspendedConnection } from './suspended-connection.ts';
