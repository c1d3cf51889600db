import type { Socket } from 'node:net';
import { CHUNKED, type Http1RequestHead } from '../codec/http1/index.ts';
import {
  ExchangeRecord,
  type HeaderList,
  NO_OWN_FIELDS,
  type Peer,
  type RecordedSpan,
  type RequestHead,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import { acceptedId, requestIdOf } from './request-ids.ts';
import { ResponseWriter } from './response-writer.ts';
import type { StreamState } from './suspended-connection.ts';
import { tracedFields } from './tracing.ts';

/** The head of a request on an HTTP/1 connection as its service sees it: with its id, its place in a trace, and the record of what becomes of it. */
export abstract class Http1Request extends ResponseWriter implements RequestHead {
  readonly id: string;
  readonly target: string;
  scheme: RequestHead['scheme'];
  readonly authority: string;
  readonly headers: HeaderList;
  readonly bodyLength: number;
  readonly peer: Peer;
  readonly credits = WINDOW;
  readonly requestId: string;
  readonly ownFields: HeaderList;
  readonly record: ExchangeRecord | null;
  /** Whether the client has said that this request is its last one. */
  readonly last: boolean;
  protected readonly server: ConnectionHost;

  /** @param moved what another process knew of it; null for a new one */
  constructor(
    scheme: RequestHead['scheme'],
    socket: Socket,
    server: ConnectionHost,
    head: Http1RequestHead,
    id: string,
    peer: Peer,
    keepAlive: boolean,
    moved: StreamState | null,
  ) {
    super(socket, head.method, head.version, keepAlive);
    this.id = id;
    this.target = head.target;
    this.scheme = scheme;
    this.authority = head.authority;
    const { requestIds, observer, tracing } = server;
    if (moved !== null) {
      this.headers = moved.headers;
      this.requestId = moved.requestId;
      this.ownFields = moved.ownFields;
      if (requestIds.returned && this.requestId !== '') this.returnedId = this.requestId;
    } else if (requestIds.mode === 'off') {
      this.headers = head.headers;
      this.requestId = '';
      this.ownFields = NO_OWN_FIELDS;
    } else {
      const made = `${requestIds.prefix}-${id}`;
      const { headers, requestId, ownFields } = requestIdOf(head.headers, requestIds.mode, made);
      this.headers = headers;
      this.requestId = requestId;
      this.ownFields = ownFields;
      if (requestIds.returned) this.returnedId = requestId;
    }
    this.bodyLength = head.bodyLength === CHUNKED ? UNKNOWN_LENGTH : head.bodyLength;
    this.peer = peer;
    this.server = server;
    this.last = !head.keepAlive;
    let span: RecordedSpan | null = null;
    if (tracing !== null && moved === null) {
      const traced = tracedFields(this.headers, tracing);
      this.headers = traced.headers;
      this.ownFields = this.ownFields.length === 0 ? traced.ownFields : [...this.ownFields, ...traced.ownFields];
      span = traced.span;
    }
    if (moved?.record) this.record = ExchangeRecord.moved(moved.record, observer, tracing?.observer ?? null);
    else this.record = observer === null && span === null ? null : new ExchangeRecord(this, observer, span);
    if (this.record !== null && requestIds.mode === 'off') this.record.requestId = acceptedId(this.headers);
  }
}
