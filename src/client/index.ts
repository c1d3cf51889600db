export { HttpClient, type HttpClientLimits, type HttpClientOptions } from './http-client.ts';
export type { Origin } from './origin-connection.ts';
