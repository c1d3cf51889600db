import {
  ExchangeError,
  type ExchangeRelay,
  type OriginCounters,
  type Requester,
  type RequestHead,
} from '../../exchange/index.ts';
import { CorsRelay } from './cors-relay.ts';
import { JsonpRelay } from './jsonp-relay.ts';
import { type JsonpRequest, readJsonp } from './jsonp-request.ts';
import type { JsonpSettings } from './jsonp-settings.ts';

/** A request that pages of every origin may make. */
export interface CrossOrigin {
  /** The request that the client means. */
  readonly request: RequestHead;
  /** Takes the response. */
  readonly relay: ExchangeRelay;
  /** What is wrong with the request: it is the response. Null for nothing. */
  readonly error: ExchangeError | null;
}

/** Reads a request to a route that pages of every origin may use: JSONP is undone, and the response will be one that the page may read. */
export function crossOrigin(
  request: RequestHead,
  requester: Requester,
  settings: JsonpSettings,
  counters: OriginCounters,
): CrossOrigin {
  let jsonp: JsonpRequest | null = null;
  let error: ExchangeError | null = null;
  try {
    jsonp = readJsonp(request, settings);
  } catch (thrown) {
    if (!(thrown instanceof ExchangeError)) throw thrown;
    error = thrown;
  }
  if (jsonp === null) return { request, relay: new CorsRelay(requester, counters, request.headers), error };
  const relay = new JsonpRelay(requester, counters, jsonp, settings.extended, request.credits);
  return { request: jsonp.request, relay, error };
}
