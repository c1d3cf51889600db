import { JoinedBytes } from './joined-bytes.ts';
import { Mongrel2Error } from './mongrel2-error.ts';

/** What a `read` found; `none` if it needs more input. */
export type SocketEvent =
  | 'none'
  /** A message `@ROUTE {…}`. */
  | 'json'
  /** A message `<TAG …>`. */
  | 'xml'
  /** `@ROUTE {"type":"ping"}`: the client is there, and nobody is told. */
  | 'ping'
  /** `<policy-file-request/>`: a Flash client asks what it may do. */
  | 'policy';

const AT = 0x40;
const LESS = 0x3c;
const SPACE = 0x20;
const BRACE = 0x7b;

const POLICY = '<policy-file-request/>';

/** What clients of JSON sockets send to stay connected. White space may stand after the colon only. */
const PING = /^\{"type":[ \t\r\n]*"ping"\}$/;
/** Route of a ping. */
const PING_ROUTE = /^@[a-z/]*$/;

/** Nothing that is longer is a ping. */
const PING_BYTES = 64;

/** A path of RFC 3986: what may follow the `@`. */
const ROUTE = /^@(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;
const TAG = /^<[A-Za-z0-9.-]+/;

const NO_DATA = Buffer.alloc(0);

/**
 * Reads the messages of a client of a JSON or XML socket, each of which ends with a NUL. A `read` finds at most one. The caller repeats it with the
 * returned offset until `event` is `none`; then the reader keeps what is not complete.
 */
export class SocketMessages {
  event: SocketEvent = 'none';
  /** With `json`: `@ROUTE`. With `xml`: `<TAG`. Else empty. */
  path = '';
  /** With `json` the object, with `xml` the whole element, without the NUL; else empty. */
  body: Buffer = NO_DATA;
  readonly #maxBytes: number;
  /** The beginning of a message. */
  readonly #kept = new JoinedBytes();

  /** @param maxBytes of one message, its NUL included */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of memory for a message that is not complete. */
  get held(): number {
    return this.#kept.capacity;
  }

  /**
   * Reads `input` from `offset`. Returns where it stopped.
   * @throws Mongrel2Error `malformed` for anything else, `too-large`
   */
  read(input: Buffer, offset: number): number {
    this.event = 'none';
    this.path = '';
    this.body = NO_DATA;
    if (offset >= input.length) return offset;
    // What cannot become a message is refused at once, and before its size is looked at: so it does not matter how it is cut.
    const first = (this.#kept.first ?? input[offset]) as number;
    if (first !== AT && first !== LESS) refuse();
    const nul = input.indexOf(0, offset);
    const end = nul === -1 ? input.length : nul + 1;
    if (this.#kept.length + end - offset > this.#maxBytes) {
      throw new Mongrel2Error('too-large', `message of more than ${this.#maxBytes} bytes`);
    }
    const piece = input.subarray(offset, end);
    if (nul === -1) this.#kept.add(piece, this.#maxBytes);
    else this.#take(this.#kept.end(piece.subarray(0, -1)));
    return end;
  }

  #take(message: Buffer): void {
    if (message[0] === AT) this.#takeJson(message);
    else this.#takeXml(message);
  }

  #takeJson(message: Buffer): void {
    const space = message.indexOf(SPACE);
    if (space === -1 || message[space + 1] !== BRACE || message[message.length - 1] !== 0x7d) refuse();
    const route = message.toString('latin1', 0, space);
    if (!ROUTE.test(route)) refuse();
    const body = message.subarray(space + 1);
    if (body.length <= PING_BYTES && PING_ROUTE.test(route) && PING.test(body.toString('latin1'))) {
      this.event = 'ping';
      return;
    }
    this.event = 'json';
    this.path = route;
    this.body = body;
  }

  #takeXml(message: Buffer): void {
    if (message.length === POLICY.length && message.toString('latin1') === POLICY) {
      this.event = 'policy';
      return;
    }
    const [tag = ''] = TAG.exec(message.toString('latin1', 0, Math.min(message.length, MAX_TAG))) ?? [];
    const next = message[tag.length];
    const isTag =
      tag.length > 1 &&
      (next === 0x2f || next === 0x3e || next === SPACE || ((next as number) >= 0x09 && (next as number) <= 0x0d));
    if (!isTag || message[message.length - 1] !== 0x3e) refuse();
    this.event = 'xml';
    this.path = tag;
    this.body = message;
  }
}

/** Bytes of a tag's name, with its `<`. */
const MAX_TAG = 256;

function refuse(): never {
  throw new Mongrel2Error('malformed', 'expected `@ROUTE {JSON}` or `<TAG>`, and a NUL');
}
