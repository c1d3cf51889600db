import { DEFAULT_FETCH_OPTIONS, type Fetcher, type FetchOptions, type FetchRequest } from '../client/index.ts';
import type { RequestPacket } from '../codec/zhttp/index.ts';
import type { Current, Requester, Responder, WebSocketRequester, WebSocketResponder } from '../exchange/index.ts';
import type { Guard } from '../net/index.ts';
import type { ServerTarget, TargetRequest } from './server-target.ts';

/** How requests are made for requesters. */
export interface FetchRules {
  /** Which requests are allowed; null: all. */
  readonly guard: Guard | null;
  /** Whether `ignore-policies` of a request is obeyed. */
  readonly obeyIgnorePolicies: boolean;
  /** Whether compressed responses are asked for and decompressed. */
  readonly decompress: boolean;
  /** Milliseconds that a whole HTTP request may take, its response included. A request may ask for less. Absent: no bound. */
  readonly requestTimeout?: number;
}

/** What a `FetchTarget` is made of. */
export interface FetchTargetOptions {
  readonly fetcher: Fetcher;
  /** Read for each request: those under way keep the rules that they began with. */
  readonly rules: Current<FetchRules>;
}

/** Makes each request as its packet says, within what the rules allow. */
export class FetchTarget implements ServerTarget {
  /** Responses pass as the origin framed them. */
  readonly framed = true;
  readonly outbound = true;
  readonly #fetcher: Fetcher;
  readonly #current: Current<FetchRules>;
  /** What the two objects are made of. */
  #rules: FetchRules;
  /** Most requests ask for nothing special, and share one of these two objects. */
  #guarded: FetchOptions;
  #unguarded: FetchOptions;

  constructor({ fetcher, rules }: FetchTargetOptions) {
    this.#fetcher = fetcher;
    this.#current = rules;
    this.#rules = rules.current;
    this.#guarded = optionsOf(this.#rules);
    this.#unguarded = { ...this.#guarded, guard: null };
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
    const rules = this.#current.current;
    if (rules !== this.#rules) {
      this.#rules = rules;
      this.#guarded = optionsOf(rules);
      this.#unguarded = { ...this.#guarded, guard: null };
    }
    const shared = packet.ignorePolicies && rules.obeyIgnorePolicies ? this.#unguarded : this.#guarded;
    return isPlain(packet) ? shared : special(packet, shared);
  }
}

function optionsOf({ guard, decompress, requestTimeout = 0 }: FetchRules): FetchOptions {
  return { ...DEFAULT_FETCH_OPTIONS, guard, decompress, timeout: requestTimeout || null };
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
