import type { Fetcher, FetchRequest, HttpClient, WebSocketOpener } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { fieldValue } from '../codec/fields/index.ts';
import {
  ExchangeError,
  type Log,
  NO_RESPONDER,
  type OriginCounters,
  RelayChain,
  type Requester,
  type Responder,
  UNKNOWN_LENGTH,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../exchange/index.ts';
import { DeclaredBody } from './declared-body.ts';
import { DecodedResponse } from './decoded-response.ts';
import { type FetchHop, firstHop } from './fetch-hop.ts';
import { RedirectFollower } from './redirect-follower.ts';
import { ReplayBudget } from './replayed-body.ts';
import { SizeLimit } from './size-limit.ts';
import { TimeLimit } from './time-limit.ts';

/** Dependencies of a fetcher. */
export interface HttpFetcherOptions {
  readonly client: Pick<HttpClient, 'send'>;
  readonly opener: WebSocketOpener;
  readonly wheel: TimerWheel;
  readonly counters: OriginCounters;
  readonly log: Log;
  /** Whether to dial only IPv4 addresses. */
  readonly ipv4Only: boolean;
}

/**
 * Makes outbound requests over HTTP/1.1. A small relay between the requester and the client carries out each option of a request; only the relays
 * that the request needs are made.
 */
export class HttpFetcher implements Fetcher {
  readonly #options: HttpFetcherOptions;
  readonly #replayBudget = new ReplayBudget();

  constructor(options: HttpFetcherOptions) {
    this.#options = options;
  }

  fetch(request: FetchRequest, requester: Requester): Responder {
    let hop: FetchHop;
    try {
      hop = firstHop(request, false, this.#options.ipv4Only);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      requester.onResponseError(error);
      return NO_RESPONDER;
    }
    return this.#send(request, hop, requester);
  }

  openWebSocket(request: FetchRequest, requester: WebSocketRequester): WebSocketResponder {
    let hop: FetchHop;
    try {
      hop = firstHop(request, true, this.#options.ipv4Only);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      requester.onResponseError(error);
      return NO_RESPONDER;
    }
    return this.#options.opener.open(hop, request, requester);
  }

  #send(request: FetchRequest, hop: FetchHop, requester: Requester): Responder {
    const { client, wheel, counters, log } = this.#options;
    const { timeout, maxSize, decompress, followRedirects } = request.options;
    const declared = hop.bodyLength !== UNKNOWN_LENGTH && declaresLength(request);
    if (timeout === null && maxSize === null && !decompress && !followRedirects && !declared) {
      return client.send(hop.origin, hop, requester);
    }
    const chain = new RelayChain(requester);
    if (timeout !== null) chain.add(new TimeLimit(chain.end, counters, wheel, timeout));
    if (declared) chain.add(new DeclaredBody(chain.end, counters, hop.bodyLength));
    if (maxSize !== null) chain.add(new SizeLimit(chain.end, counters, maxSize));
    if (decompress) {
      const decoded = new DecodedResponse(chain.end, counters, request.credits);
      hop.credits = decoded.firstCredits;
      chain.add(decoded);
    }
    if (followRedirects) {
      const follower = new RedirectFollower(chain.end, counters, log, client, hop, this.#replayBudget);
      chain.add(follower);
      follower.start();
    } else {
      chain.attach(client.send(hop.origin, hop, chain.end));
    }
    return chain.responder;
  }
}

/** Whether a Content-Length field announces the length of the body, which must then be checked. */
function declaresLength({ bodyLength, headers }: FetchRequest): boolean {
  return bodyLength !== 0 && fieldValue(headers, 'content-length') !== undefined;
}
