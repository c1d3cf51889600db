export { HttpServer } from './http-server.ts';
export type { HttpServerOptions } from './http-server-options.ts';
export type { ServerLimits } from './server-limits.ts';
