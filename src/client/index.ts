export { DEFAULT_FETCH_OPTIONS, type FetchOptions, type FetchRequest } from './fetch-request.ts';
export type { Fetcher } from './fetcher.ts';
export { DEFAULT_CLIENT_LIMITS, HttpClient, type HttpClientLimits, type HttpClientOptions } from './http-client.ts';
export { type Origin, originOf } from './origin.ts';
export { WebSocketClient, type WebSocketClientOptions } from './websocket-client.ts';
export type { WebSocketHop, WebSocketOpener } from './websocket-opener.ts';
export { DEFAULT_WEBSOCKET_CLIENT_LIMITS, type WebSocketClientLimits } from './websocket-options.ts';
