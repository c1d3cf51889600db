import { DEFAULT_FETCH_OPTIONS, type Fetcher, type FetchOptions, type FetchRequest } from '../client/index.ts';
import type { RequestPacket } from '../codec/zhttp/index.ts';
import type { Requester, Responder, WebSocketRequester, WebSocketResponder } from '../exchange/index.ts';
import type { Guard } from '../net/index.ts';
import type { ServerTarget, TargetRequest } from './server-target.ts';

/** How requests are made for requesters. */
export interface FetchTargetOptions {
  readonly fetcher: Fetcher;
  /** Which requests are allowed; null: all. */
  readonly guard: Guard | null;
  /** Whether `ignore-policies` of a request is obeyed. */
  readonly obeyIgnorePolicies: boolean;
  /** Whether compressed responses are asked for and decompressed. */
  readonly decompress: boolean;
  /** Milliseconds that a whole HTTP request may take, its response included. A request may ask for less. Absent: no bound. */
  readonly requestTimeout?: number;
}

/** Makes each request as its packet says, within what the options allow. */
export class FetchTarget implements ServerTarget {
  /** Responses pass as the origin framed them. */
  readonly framed = true;
  readonly #fetcher: Fetcher;
  /** Most requests ask for nothing special, and share one of these two objects. */
  readonly #guarded: FetchOptions;
  readonly #unguarded: FetchOptions;
  readonly #obeyIgnorePolicies: boolean;

  constructor({ fetcher, guard, obeyIgnorePolicies, decompress, requestTimeout = 0 }: FetchTargetOptions) {
    this.#fetcher = fetcher;
    this.#guarded = { ...DEFAULT_FETCH_OPTIONS, guard, decompress, timeout: requestTimeout || null };
    this.#unguarded = { ...this.#guarded, guard: null };
    this.#obeyIgnorePolicies = obeyIgnorePolicies;
  }

  request(request: TargetRequest, requester: Requester): Responder {
    return this.#fetcher.fetch(this.#fetchRequest(request), requester);
  }

  openWebSocket(request: TargetRequest, requester: WebSocketRequester): WebSocketResponder {
    return this.#fetcher.openWebSocket(this.#fetchRequest(request), requester);
  }

  #fetchRequest({ id, packet, bodyLength, credits }: TargetRequest): FetchRequest {
    const { method, uri, headers } = packet;
    return { id, method, uri, headers, bodyLength, credits, options: this.#optionsOf(packet) };
  }

  #optionsOf(packet: RequestPacket): FetchOptions {
    const shared = packet.ignorePolicies && this.#obeyIgnorePolicies ? this.#unguarded : this.#guarded;
    return isPlain(packet) ? shared : special(packet, shared);
  }
}

function isPlain(packet: RequestPacket): boolean {
  return (
    packet.timeout === null &&
    packet.maxSize === null &&
    packet.connectHost === '' &&
    packet.connectPort === 0 &&
    !packet.trustConnectHost &&
    !packet.ignoreTlsErrors &&
    !packet.followRedirects &&
    packet.clientCert === '' &&
    packet.clientKey === ''
  );
}

function special(packet: RequestPacket, shared: FetchOptions): FetchOptions {
  const { timeout } = packet;
  return {
    connectHost: packet.connectHost,
    connectPort: packet.connectPort,
    trustConnectHost: packet.trustConnectHost,
    ignoreTlsErrors: packet.ignoreTlsErrors,
    guard: shared.guard,
    followRedirects: packet.followRedirects,
    clientCert: packet.clientCert,
    clientKey: packet.clientKey,
    timeout:
      timeout === null || shared.timeout === null ? (timeout ?? shared.timeout) : Math.min(timeout, shared.timeout),
    maxSize: packet.maxSize,
    decompress: shared.decompress,
  };
}
