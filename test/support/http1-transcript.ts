import {
  type BodyReader,
  bodyReader,
  CHUNKED,
  DEFAULT_LIMITS,
  Http1Error,
  type Http1Limits,
  type Http1RequestHead,
  type Http1ResponseHead,
  RequestHeadReader,
  ResponseHeadReader,
  UNTIL_CLOSE,
} from '../../src/codec/http1/index.ts';
import type { ProtocolCase } from './cases.ts';

/** What was read of one message, in latin1. */
export interface ReadMessage {
  readonly head: Http1RequestHead | Http1ResponseHead;
  body: string;
  trailers: readonly string[];
  complete: boolean;
}

/** How bytes are given to the readers. */
export interface Feeding {
  readonly limits: Http1Limits;
  /** Body bytes that are granted again and again, each time the last grant is used up. */
  readonly credit: number;
  /** Method of the request that a response answers; null when requests are read. */
  readonly method: string | null;
}

/**
 * How a case of `test/cases/http1` is read, with unlimited credit.
 * @throws Error for options that `test/cases/http1/README.md` does not explain
 */
export function feedingOf(protocolCase: ProtocolCase): Feeding {
  const { kind, options } = protocolCase;
  if (kind !== 'http request' && kind !== 'http response') throw new Error(`unknown kind of input: ${kind}`);
  let limits = DEFAULT_LIMITS;
  for (const [key, value] of options) {
    if (key === 'lenient') limits = { ...limits, lenientLineEnds: true };
    else if (key === 'limits') limits = { ...limits, ...limitsOf(value) };
    else if (key !== 'method' && !/^(node|llhttp [\d.]+)$/.test(key)) throw new Error(`unknown option: ${key}`);
  }
  const method = kind === 'http request' ? null : (options.get('method') ?? 'GET');
  return { limits, credit: Number.POSITIVE_INFINITY, method };
}

/** The limits in `maxHeaders=2 maxHeadBytes=100`. */
function limitsOf(text: string): Partial<Http1Limits> {
  const limits: Record<string, number> = {};
  for (const setting of text.split(' ')) {
    const [, name = '', value] = /^(maxHeadBytes|maxHeaders|maxTargetBytes)=(\d+)$/.exec(setting) ?? [];
    if (name === '') throw new Error(`unknown limit: ${setting}`);
    limits[name] = Number(value);
  }
  return limits;
}

/**
 * Reads requests one after the other, or the answer to one request, as a connection does, and writes down what happens.
 * @throws whatever the readers throw that is no `Http1Error`, and Error when they break their own contract
 */
export class Http1Transcript {
  /** One event a line; data that came in pieces is one event. */
  readonly events: string[] = [];
  readonly messages: ReadMessage[] = [];
  /** Whether the bytes were refused or ended too early. */
  refused = false;
  readonly #feeding: Feeding;
  readonly #requests: RequestHeadReader;
  readonly #responses: ResponseHeadReader;
  #body: BodyReader | null = null;
  /** No further message is read: the connection ends with the one before. */
  #closed = false;
  #rest = 0;

  constructor(feeding: Feeding) {
    this.#feeding = feeding;
    this.#requests = new RequestHeadReader(feeding.limits);
    this.#responses = new ResponseHeadReader(feeding.limits);
  }

  /** The transcript of `pieces`, each given alone, and then the end of the connection. */
  static of(pieces: Iterable<Buffer>, feeding: Feeding): Http1Transcript {
    const transcript = new Http1Transcript(feeding);
    for (const piece of pieces) transcript.#feed(piece);
    transcript.#end();
    return transcript;
  }

  #feed(input: Buffer): void {
    let offset = 0;
    try {
      while (offset < input.length && !this.refused && !this.#closed) {
        offset = this.#body === null ? this.#readHead(input, offset) : this.#readBody(this.#body, input, offset);
      }
    } catch (error) {
      this.#refuse(error);
    }
    if (this.#closed) this.#rest += input.length - offset;
  }

  #end(): void {
    if (this.#body !== null && !this.refused) {
      try {
        this.#body.end();
        this.#endMessage();
      } catch (error) {
        this.#refuse(error);
      }
    } else if ((this.#requests.started || this.#responses.started) && !this.refused) {
      this.events.push('incomplete');
      this.refused = true;
    }
    if (this.#rest > 0) this.events.push(`rest ${this.#rest}`);
  }

  #readHead(input: Buffer, offset: number): number {
    const { method } = this.#feeding;
    const reader = method === null ? this.#requests : this.#responses;
    const head = method === null ? this.#requests.read(input, offset) : this.#responses.read(input, offset, method);
    if (head !== null) this.#begin(head);
    else if (reader.offset !== input.length) throw new Error('an incomplete head did not take all input');
    return reader.offset;
  }

  #begin(head: Http1RequestHead | Http1ResponseHead): void {
    this.events.push('status' in head ? describeResponse(head) : describeRequest(head));
    for (let i = 0; i < head.headers.length; i += 2) {
      this.events.push(`field ${head.headers[i]}: ${head.headers[i + 1]}`);
    }
    this.messages.push({ head, body: '', trailers: [], complete: false });
    if (head.bodyLength === 0) this.#endMessage();
    else this.#body = bodyReader(head.bodyLength, this.#feeding.limits);
  }

  #readBody(body: BodyReader, input: Buffer, offset: number): number {
    const { credit } = this.#feeding;
    const end = body.read(input, offset, credit);
    if (end === offset) throw new Error('no progress with credit at hand');
    if (body.data !== null) {
      if (body.data.length > credit) throw new Error('more data than credit');
      (this.messages.at(-1) as ReadMessage).body += body.data.toString('latin1');
    }
    if (body.done) this.#endMessage();
    return end;
  }

  #endMessage(): void {
    const message = this.messages.at(-1) as ReadMessage;
    message.complete = true;
    message.trailers = this.#body?.trailers ?? [];
    this.#body = null;
    this.#writeData(message);
    for (let i = 0; i < message.trailers.length; i += 2) {
      this.events.push(`trailer ${message.trailers[i]}: ${message.trailers[i + 1]}`);
    }
    this.events.push('end');
    const { head } = message;
    this.#closed = 'status' in head ? head.status >= 200 || head.status === 101 : !head.keepAlive;
  }

  #writeData(message: ReadMessage): void {
    if (message.body !== '') this.events.push(`data "${message.body}"`);
  }

  #refuse(error: unknown): void {
    if (!(error instanceof Http1Error)) throw error;
    const message = this.messages.at(-1);
    if (message?.complete === false) this.#writeData(message);
    this.events.push(`error ${error.kind} "${error.message}"`);
    this.refused = true;
  }
}

function describeRequest(head: Http1RequestHead): string {
  const { method, target, authority, version, bodyLength, keepAlive, expectContinue, expectUnknown } = head;
  const flags = `${keepAlive ? 'keep-alive' : 'close'}${expectContinue ? ' expect-continue' : ''}${expectUnknown ? ' expect-unknown' : ''}`;
  return `head method=${method} target=${target} authority=${authority} version=${version} body=${lengthText(bodyLength)} ${flags}`;
}

function describeResponse(head: Http1ResponseHead): string {
  const { status, reason, version, bodyLength, keepAlive } = head;
  return `head status=${status} reason="${reason}" version=${version} body=${lengthText(bodyLength)} ${keepAlive ? 'keep-alive' : 'close'}`;
}

function lengthText(bodyLength: number): string {
  if (bodyLength === CHUNKED) return 'chunked';
  return bodyLength === UNTIL_CLOSE ? 'until-close' : String(bodyLength);
}
