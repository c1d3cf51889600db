import type { ErrorCode } from './errors.ts';
import type { Peer } from './peer.ts';

/** What a record says of a request: the head of the exchange is one. */
export interface RecordedRequest {
  readonly id: string;
  readonly method: string;
  /** Empty for a request that was not read that far. For an outbound request its whole URI. */
  readonly target: string;
  readonly authority: string;
  readonly version: string;
  readonly headers: readonly string[];
  readonly peer: Peer;
  readonly requestId?: string;
}

/** From what another process goes on with a record. Times are in milliseconds ago; null for what has not been. */
export interface RecordState {
  readonly request: RecordedRequest;
  readonly notes: Partial<ExchangeRecord>;
  readonly age: number;
  readonly sinceResponse: number | null;
  readonly sinceHeld: number | null;
  readonly span: SpanState | null;
}

/** The place of a recorded exchange in its trace, without who is told of it. */
export type SpanState = Omit<RecordedSpan, 'observer'>;

/** The place of an exchange in a trace that is recorded (W3C Trace Context). */
export interface RecordedSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** The span of whoever sent the request; empty where the trace begins here. */
  readonly parentId: string;
  /** The list of `tracestate`; empty for none. */
  readonly state: string;
  /** Is told of the exchange at its end. */
  readonly observer: ExchangeObserver;
}

/**
 * What becomes of one exchange, for whoever wants to know at its end: an access log, a trace. Each room writes what it knows. It exists only
 * where somebody observes.
 */
export class ExchangeRecord {
  readonly request: RecordedRequest;
  /** When it began, by `performance.now`. */
  readonly startedAt: number;
  /** Address of the client, behind trusted proxies. Empty for a unix socket. */
  client: string;
  /** As `RequestHead.requestId`; empty for none. */
  requestId: string;
  /** What the route is called; empty where there is none. */
  route = '';
  /** Name of the target that has the request; empty for none. */
  origin = '';
  /** Parameter of the query that has a token on this route; empty for none. */
  secret = '';
  /** Whether it is not to be logged. */
  quiet = false;
  /** Milliseconds that the target took for the head of its response; -1 where none has come. */
  originTime = -1;
  /** When the head of the response came, by `performance.now`; 0 before. */
  respondedAt = 0;
  /** When it ended, by `performance.now`; 0 before. */
  endedAt = 0;
  /** When the hub took the client over, by `performance.now`; 0 for never. */
  heldAt = 0;
  /** 0: no response. */
  status = 0;
  /** Whether it was the rest of a stream that had begun before. */
  resumed = false;
  /** Whether it became a WebSocket. */
  webSocket = false;
  /** Bytes of bodies and messages. */
  requestBytes = 0;
  responseBytes = 0;
  /** Published items that reached the client. */
  items = 0;
  /** Why it failed; empty where it has not. */
  error: ErrorCode | '' = '';
  /** Null where its trace is not recorded. */
  readonly span: RecordedSpan | null;
  readonly #observer: ExchangeObserver | null;
  #over = false;

  /**
   * @param observer is told of its end, beside that of the span
   * @param startedAt by `performance.now`. By default now
   */
  constructor(
    request: RecordedRequest,
    observer: ExchangeObserver | null,
    span: RecordedSpan | null = null,
    startedAt = performance.now(),
  ) {
    this.request = request;
    this.startedAt = startedAt;
    this.client = request.peer.address;
    this.requestId = request.requestId ?? '';
    this.#observer = observer;
    this.span = span;
  }

  /** What another process goes on with. */
  get state(): RecordState {
    const { id, method, target, authority, version, headers, peer } = this.request;
    const now = performance.now();
    return {
      request: { id, method, target, authority, version, headers, peer, requestId: this.requestId },
      notes: {
        client: this.client,
        route: this.route,
        origin: this.origin,
        secret: this.secret,
        quiet: this.quiet,
        originTime: this.originTime,
        status: this.status,
        webSocket: this.webSocket,
        requestBytes: this.requestBytes,
        responseBytes: this.responseBytes,
        items: this.items,
        error: this.error,
      },
      age: now - this.startedAt,
      sinceResponse: this.respondedAt === 0 ? null : now - this.respondedAt,
      sinceHeld: this.heldAt === 0 ? null : now - this.heldAt,
      span: this.span === null ? null : spanState(this.span),
    };
  }

  /**
   * The record of an exchange that another process had; null where nobody wants to know of it here.
   * @param spans is told of those whose trace is recorded
   */
  static moved(
    { request, notes, age, sinceResponse, sinceHeld, span }: RecordState,
    observer: ExchangeObserver | null,
    spans: ExchangeObserver | null,
  ): ExchangeRecord | null {
    const recorded = span === null || spans === null ? null : { ...span, observer: spans };
    if (observer === null && recorded === null) return null;
    const now = performance.now();
    const record = new ExchangeRecord(request, observer, recorded, now - age);
    Object.assign(record, notes);
    record.respondedAt = sinceResponse === null ? 0 : now - sinceResponse;
    record.heldAt = sinceHeld === null ? 0 : now - sinceHeld;
    return record;
  }

  /** The head of the response has come. */
  responded({ status, error }: { readonly status: number; readonly error?: ErrorCode }): void {
    this.status = status;
    this.respondedAt = performance.now();
    if (error !== undefined) this.error = error;
  }

  /** Another process goes on with it: nobody is told here. */
  leave(): void {
    this.#over = true;
  }

  /** The exchange is over. Only the first call counts. @param error why, unless something else was noted before */
  end(error: ErrorCode | '' = ''): void {
    if (this.#over) return;
    this.#over = true;
    this.endedAt = performance.now();
    if (this.error === '') this.error = error;
    this.#observer?.onExchangeEnd(this);
    this.span?.observer.onExchangeEnd(this);
  }
}

function spanState({ traceId, spanId, parentId, state }: RecordedSpan): SpanState {
  return { traceId, spanId, parentId, state };
}

/** Is told of the exchanges of one server or role. */
export interface ExchangeObserver {
  /** An exchange, or the WebSocket that it became, is over. Called once for each. */
  onExchangeEnd(record: ExchangeRecord): void;
}
