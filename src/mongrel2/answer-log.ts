import { type ErrorCode, type ExchangeRecord, LEAST_COST } from '../exchange/index.ts';
import { accessLine, type LoggedRequest, type SiteAccessLog } from './access-log.ts';
import { readAnswerHead } from './answer-head.ts';

/**
 * Bytes of the requests of one connection that wait for their lines in the access log; each counts as at least 256. The last one always waits.
 * @bound mongrel2-access-log
 */
const MAX_WAITING = 16_384;

/**
 * The same, for all connections of a site.
 * @bound mongrel2-access-log-total
 */
const MAX_WAITING_TOTAL = 67_108_864;

/**
 * Bytes of one answer that are read as heads of responses: each line takes time, and one answer may be for many clients.
 * @bound mongrel2-access-log-heads
 */
const MAX_HEADS = 16_384;

const LAST_CHUNK = Buffer.from('0\r\n\r\n', 'latin1');
const UNKNOWN = Number.POSITIVE_INFINITY;

/**
 * Writes the lines of requests whose responses a handler writes itself, as bytes, and ends their records. They are taken to be in the order of the requests. What is written is read
 * only as far as needed: a response begins where a message of the handler, or what is left of one, begins with a status line. Its body ends with its Content-Length, with a message that ends in the
 * last chunk, where the next response begins, or with the connection.
 */
export class AnswerLog {
  readonly #log: SiteAccessLog;
  /** The request whose response comes now or next, and those after it. */
  #waiting: LoggedRequest[] = [];
  #cost = 0;
  /** Of the response that has begun; 0 if none has. */
  #status = 0;
  /** Bytes of its body that were written, and that are to come. */
  #bytes = 0;
  #left = UNKNOWN;
  #chunked = false;
  /** Bytes of the present answer that may still be read as heads. */
  #headsLeft = 0;

  constructor(log: SiteAccessLog) {
    this.#log = log;
  }

  /** A request was given to the handler. */
  add(request: LoggedRequest): void {
    this.#waiting.push(request);
    this.#charge(costOf(request));
    while (this.#waiting.length > 1 && this.#holdsTooMuch) this.#finish();
  }

  /** The handler has written `bytes`. */
  written(bytes: Buffer): void {
    let at = 0;
    this.#headsLeft = MAX_HEADS;
    while (at < bytes.length && this.#waiting.length > 0) at = this.#take(bytes, at);
  }

  /** The next bytes are a response in place of the handler's. */
  fail(error: ErrorCode): void {
    const { record = null } = this.#waiting[0] ?? {};
    if (record !== null) record.error = error;
  }

  /** The connection is closed. @param reason empty where a handler has closed it */
  end(reason: ErrorCode | '' = ''): void {
    while (this.#waiting.length > 0) this.#finish(this.#complete(reason) ? '' : reason || 'HF_BACKEND_ERROR');
  }

  /** Whether the end of the connection is that of the response which has begun: it is, where nothing else says where that ends. */
  #complete(reason: ErrorCode | ''): boolean {
    const endsWithConnection = this.#status !== 0 && this.#left === UNKNOWN && !this.#chunked;
    return endsWithConnection && (reason === '' || reason === 'HF_CLIENT_GONE');
  }

  /** Takes a response, or more of one, from `at`. Returns where it ends. */
  #take(bytes: Buffer, at: number): number {
    const head = readAnswerHead(bytes, at, this.#headsLeft);
    if (head === null) return this.#takeBody(bytes, at);
    const { status, end, bodyLength } = head;
    this.#headsLeft = Math.max(0, this.#headsLeft - (end - at));
    // RFC 9110 §15.2: the final response follows.
    if (status < 200 && status !== 101) return end;
    if (this.#status !== 0) {
      this.#finish();
      if (this.#waiting.length === 0) return bytes.length;
    }
    const { method, record = null, givenAt = 0 } = this.#waiting[0] as LoggedRequest;
    // RFC 9110 §6.4.1: these have no body, whatever their fields say.
    const empty = method === 'HEAD' || status === 204 || status === 304;
    this.#status = status;
    if (record !== null) noteHead(record, status, givenAt);
    this.#chunked = head.chunked;
    this.#left = empty ? 0 : head.chunked || bodyLength < 0 ? UNKNOWN : bodyLength;
    return this.#left === 0 || end < bytes.length ? this.#takeBody(bytes, end) : end;
  }

  #takeBody(bytes: Buffer, at: number): number {
    const count = Math.min(bytes.length - at, this.#left);
    this.#bytes += count;
    this.#left -= count;
    const end = at + count;
    if (this.#left === 0 || (this.#chunked && endsInLastChunk(bytes, at))) this.#finish();
    return end;
  }

  get #holdsTooMuch(): boolean {
    return this.#cost > MAX_WAITING || this.#log.waiting > MAX_WAITING_TOTAL;
  }

  #charge(bytes: number): void {
    this.#cost += bytes;
    this.#log.waiting += bytes;
  }

  /** Writes the line of the first request. @param error why it has no whole response */
  #finish(error: ErrorCode | '' = ''): void {
    const request = this.#waiting.shift() as LoggedRequest;
    const { record = null } = request;
    this.#charge(-costOf(request));
    const line = this.#log.silent ? '' : accessLine(request, this.#status, this.#bytes);
    if (record !== null) {
      record.responseBytes = this.#bytes;
      record.end(error);
    }
    this.#status = 0;
    this.#bytes = 0;
    this.#left = UNKNOWN;
    this.#chunked = false;
    if (line !== '') this.#log.write(line);
  }
}

function costOf({ host, path, record = null }: LoggedRequest): number {
  let bytes = host.length + path.length;
  // It keeps the whole head.
  if (record !== null) for (const text of record.request.headers) bytes += text.length;
  return Math.max(LEAST_COST, bytes);
}

function noteHead(record: ExchangeRecord, status: number, givenAt: number): void {
  record.responded({ status });
  record.originTime = record.respondedAt - givenAt;
  record.webSocket = status === 101;
}

function endsInLastChunk(bytes: Buffer, from: number): boolean {
  const start = bytes.length - LAST_CHUNK.length;
  return start >= from && bytes.compare(LAST_CHUNK, 0, LAST_CHUNK.length, start) === 0;
}
