export { type FetchUri, MAX_URI, parseFetchUri } from './fetch-uri.ts';
export { HttpFetcher, type HttpFetcherOptions } from './http-fetcher.ts';
