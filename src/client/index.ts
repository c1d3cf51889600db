export { DEFAULT_FETCH_OPTIONS, type FetchOptions, type FetchRequest } from './fetch-request.ts';
export type { Fetcher } from './fetcher.ts';
export { HttpClient, type HttpClientLimits, type HttpClientOptions } from './http-client.ts';
export type { Origin } from './origin-connection.ts';
