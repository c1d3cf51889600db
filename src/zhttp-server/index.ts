export { FetchBridge } from './fetch-bridge.ts';
export type { FetchBridgeOptions, FetchEndpoints } from './fetch-options.ts';
