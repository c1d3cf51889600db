import type { RequestPacket } from '../codec/zhttp/index.ts';
import {
  type ErrorCode,
  type ExchangeObserver,
  ExchangeRecord,
  type Log,
  type RecordedRequest,
  type RecordedSpan,
  shownTarget,
} from '../exchange/index.ts';
import { acceptedId, type Tracing, tracedFields } from '../server/index.ts';
import { publicUri } from './public-uri.ts';

/** What a record needs of the server. */
export interface RecordHost {
  readonly log: Log;
  /** Whether every level is `debug`, as with `ext.quiet` of the request. */
  readonly quiet: boolean;
  /** As `ServerHost` has it. */
  readonly outbound: boolean;
  readonly observer: ExchangeObserver | null;
  readonly tracing: Tracing | null;
}

/** What the log says of one request. */
export class SessionRecord {
  /** Bytes of body or messages that have come from the target. */
  received = 0;
  /** Bytes of body or messages that have come from the requester. */
  sent: number;
  /** Takes notes for whoever observes; null for nobody. */
  readonly exchange: ExchangeRecord | null;
  #status = 0;
  readonly #outbound: boolean;
  readonly #log: Log;
  readonly #id: string;
  readonly #quiet: boolean;
  readonly #method: string;
  readonly #uri: string;
  readonly #begunAt = performance.now();

  /** Puts the request into its trace, if it takes part in one. */
  constructor({ log, quiet, outbound, observer, tracing }: RecordHost, packet: RequestPacket) {
    const { ids, quiet: asked, method, uri } = packet;
    let span: RecordedSpan | null = null;
    if (tracing !== null) {
      const traced = tracedFields(packet.headers, tracing);
      packet.headers = [...traced.headers, ...traced.ownFields];
      span = traced.span;
    }
    this.#log = log;
    this.#outbound = outbound;
    this.sent = packet.body.length;
    this.#id = ids[0]?.id ?? '';
    this.exchange =
      observer === null && span === null ? null : new ExchangeRecord(recorded(packet, this.#id), observer, span);
    if (this.exchange !== null) this.exchange.quiet = asked;
    this.#quiet = quiet || asked;
    this.#method = method;
    this.#uri = uri;
  }

  /** Status of the response; 0 before it. */
  get status(): number {
    return this.#status;
  }

  set status(status: number) {
    this.#status = status;
    if (this.exchange === null) return;
    this.exchange.status = status;
    const now = performance.now();
    this.exchange.respondedAt = now;
    // A proxy notes that of its own targets.
    if (this.#outbound) this.exchange.originTime = now - this.exchange.startedAt;
  }

  /**
   * The request is over: writes how, and tells whoever observes.
   * @param error why, unless it is complete
   * @param from address of the requester
   */
  end(
    error: ErrorCode | '',
    level: 'error' | 'warn' | 'info',
    message: string,
    from: string,
    more?: Record<string, unknown>,
  ): void {
    this.#write(level, message, from, more);
    if (this.exchange === null) return;
    this.exchange.requestBytes = this.sent;
    this.exchange.responseBytes = this.received;
    this.exchange.end(error);
  }

  #write(level: 'error' | 'warn' | 'info', message: string, from: string, more?: Record<string, unknown>): void {
    const { infoEnabled, debugEnabled } = this.#log;
    if (this.#quiet ? !debugEnabled : level === 'info' && !infoEnabled) return;
    const record: Record<string, unknown> = {
      id: this.#id === '' ? undefined : this.#id,
      from: from === '' ? undefined : from,
      method: this.#method === '' ? undefined : this.#method,
      uri: shownTarget(publicUri(this.#uri, debugEnabled)),
      status: this.status === 0 ? undefined : this.status,
      bytes: this.received,
      ms: Math.round(performance.now() - this.#begunAt),
    };
    this.#log[this.#quiet ? 'debug' : level](Object.assign(record, more), message);
  }
}

function recorded({ from, method, uri, headers }: RequestPacket, id: string): RecordedRequest {
  return {
    id,
    method: method === '' ? 'GET' : method,
    target: uri,
    authority: '',
    version: '1.1',
    headers,
    // Until it is known better, the requester is the client.
    peer: { address: from, port: 0 },
    requestId: acceptedId(headers),
  };
}
