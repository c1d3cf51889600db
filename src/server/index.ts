export { HttpServer, type HttpServerOptions } from './http-server.ts';
export type { ServerLimits } from './server-limits.ts';
