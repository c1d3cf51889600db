export type { ServerEndpoints, ZhttpServerOptions } from './server-options.ts';
export { ZhttpServer } from './zhttp-server.ts';
