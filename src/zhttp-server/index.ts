export { type FetchRules, FetchTarget, type FetchTargetOptions } from './fetch-target.ts';
export type { ServerEndpoints, ZhttpServerOptions } from './server-options.ts';
export type { ServerTarget, TargetRequest } from './server-target.ts';
export { ServiceTarget } from './service-target.ts';
export { ZhttpServer } from './zhttp-server.ts';
