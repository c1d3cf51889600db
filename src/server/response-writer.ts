import type { Socket } from 'node:net';
import { fieldValue } from '../codec/fields/index.ts';
import {
  chunkHeader,
  encodeChunk,
  type Http1Version,
  LAST_CHUNK,
  reasonPhrase,
  responseHeadText,
  SMALL_BODY,
} from '../codec/http1/index.ts';
import { ExchangeError, type Payload, type ResponseHead, UNKNOWN_LENGTH } from '../exchange/index.ts';
import type { WriterProgress } from './suspended-connection.ts';

const NONE = 0;
const LENGTH = 1;
const CHUNKED = 2;
const UNTIL_CLOSE = 3;

/** Stands for a head that another process has written. */
const SENT: ResponseHead = { status: 200, reason: '', headers: [], bodyLength: UNKNOWN_LENGTH };

/**
 * Writes one response to a socket (RFC 9112 §6): picks the framing, keeps head and first bytes together in one write, and holds the
 * responder to the length it declared. Writing methods return false when the socket wants its writer to wait.
 */
export class ResponseWriter {
  /** Whether the connection may carry another request afterwards. */
  keepAlive: boolean;
  /** Id of the request that the client gets with its response; empty for none. */
  protected returnedId = '';
  readonly method: string;
  readonly version: Http1Version;
  protected readonly socket: Socket;
  #head: ResponseHead | null = null;
  #headWritten = false;
  #framing = NONE;
  /** Bytes of a declared length that are still to come. */
  #left = 0;
  #probed = false;

  /** @param method and version of the request: the framing depends on them */
  constructor(socket: Socket, method: string, version: Http1Version, keepAlive: boolean) {
    this.socket = socket;
    this.method = method;
    this.version = version;
    this.keepAlive = keepAlive;
  }

  /** How far the response is. */
  protected get progress(): WriterProgress {
    return { started: this.#headWritten, framing: this.#framing, probed: this.#probed };
  }

  /** Goes on where the writer of another process has stopped. */
  protected set progress({ started, framing, probed }: WriterProgress) {
    if (started) this.#head = SENT;
    this.#headWritten = started;
    this.#framing = framing;
    this.#probed = probed;
  }

  /** Whether bytes of the response have left: no other response is possible. */
  get started(): boolean {
    return this.#headWritten;
  }

  /** Whether a head was given. */
  get hasHead(): boolean {
    return this.#head !== null;
  }

  /** Whether only the end of the connection ends the body. */
  get endsWithConnection(): boolean {
    return this.#framing === UNTIL_CLOSE;
  }

  /** Keeps the head until the first bytes of the body, or until `flush`. */
  head(head: ResponseHead): void {
    this.#head = head;
  }

  /** Takes back a head that has not been written. */
  dropHead(): void {
    this.#head = null;
  }

  /** Writes the head now if it still waits. */
  flush(): void {
    if (this.#head === null || this.#headWritten) return;
    this.socket.write(this.#headText(this.#head, this.#head.bodyLength), 'latin1');
  }

  /** @throws ExchangeError when the body is not as long as was declared */
  data(chunk: Buffer, more: boolean): boolean {
    const head = this.#head as ResponseHead;
    let prefix = '';
    if (!this.#headWritten) {
      // What is complete before the head has left needs no chunks.
      const whole = !more && head.bodyLength === UNKNOWN_LENGTH ? chunk.length : head.bodyLength;
      prefix = this.#headText(head, whole);
    }
    switch (this.#framing) {
      case NONE:
        return prefix === '' || this.socket.write(prefix, 'latin1');
      case LENGTH:
        this.#left -= chunk.length;
        if (this.#left < 0 || (!more && this.#left > 0)) {
          // The head has not left yet if it was to go with this chunk.
          if (prefix !== '') this.#headWritten = false;
          throw new ExchangeError('HF_RESPONSE_INVALID', 'the response body does not match its declared length');
        }
        return this.#write(prefix, chunk, '');
      case CHUNKED: {
        // An empty chunk would end the body.
        if (chunk.length === 0) return this.#write(prefix, chunk, more ? '' : LAST_CHUNK);
        return this.#write(prefix + chunkHeader(chunk.length), chunk, more ? '\r\n' : `\r\n${LAST_CHUNK}`);
      }
      default:
        return this.#write(prefix, chunk, '');
    }
  }

  /**
   * Writes something that changes nothing for the client: at the first time, while a chunked body is under way, the leading zero of
   * the next chunk's size (RFC 9112 §7.1), which a host that does not know the connection responds with a reset; otherwise no byte.
   */
  probe(): void {
    const zero = this.#headWritten && this.#framing === CHUNKED && !this.#probed;
    if (zero) this.#probed = true;
    this.socket.write(zero ? '0' : '', 'latin1');
  }

  /** As `data(payload.body, true)`; chunk encoding is done once for all connections. */
  payload(payload: Payload): boolean {
    this.flush();
    if (this.#framing !== CHUNKED) return this.data(payload.body, true);
    // An empty chunk would end the body.
    payload.http1Chunk ??= payload.body.length === 0 ? payload.body : encodeChunk(payload.body);
    return this.socket.write(payload.http1Chunk);
  }

  /** The head's text; from here on the framing is settled. */
  #headText(head: ResponseHead, bodyLength: number): string {
    const { status } = head;
    // RFC 9110 §15.2: an interim response is not a response to send, and a 101 belongs to a handshake.
    if (status < 200) throw new ExchangeError('HF_RESPONSE_INVALID', `status ${status} is not final`);
    const bodyless = this.method === 'HEAD' || status === 304;
    // RFC 9110 §8.6: the Content-Length of a response without a body says what the body would have been. It stands among the fields;
    // only the body of a response to HEAD is what a GET would get. The body of a 304 says nothing of it.
    const given = this.method === 'HEAD' && status !== 304 && bodyLength > 0;
    let text = responseHeadText(status, head.reason || reasonPhrase(status), head.headers, bodyless && !given);
    if (bodyless || status === 204) {
      this.#framing = NONE;
      if (given) text += `Content-Length: ${bodyLength}\r\n`;
    } else if (bodyLength !== UNKNOWN_LENGTH) {
      this.#framing = LENGTH;
      this.#left = bodyLength;
      text += `Content-Length: ${bodyLength}\r\n`;
    } else if (this.version === '1.1') {
      this.#framing = CHUNKED;
      text += 'Transfer-Encoding: chunked\r\n';
    } else {
      // RFC 9112 §6.3: HTTP/1.0 knows no chunks.
      this.#framing = UNTIL_CLOSE;
      this.keepAlive = false;
    }
    // RFC 9110 §7.8: a sender of Upgrade lists it in Connection; a 426 has to send it (§15.5.22).
    if (status === 426 && fieldValue(head.headers, 'upgrade') !== undefined) text += 'Connection: Upgrade\r\n';
    if (this.returnedId !== '' && fieldValue(head.headers, 'x-request-id') === undefined) {
      text += `X-Request-Id: ${this.returnedId}\r\n`;
    }
    if (!this.keepAlive) text += 'Connection: close\r\n';
    else if (this.version === '1.0') text += 'Connection: keep-alive\r\n';
    this.#headWritten = true;
    return `${text}\r\n`;
  }

  #write(prefix: string, chunk: Buffer, suffix: string): boolean {
    const socket = this.socket;
    if (chunk.length <= SMALL_BODY && (prefix !== '' || suffix !== '')) {
      return socket.write(prefix + chunk.toString('latin1') + suffix, 'latin1');
    }
    if (prefix === '' && suffix === '') return chunk.length === 0 || socket.write(chunk);
    socket.cork();
    if (prefix !== '') socket.write(prefix, 'latin1');
    socket.write(chunk);
    if (suffix !== '') socket.write(suffix, 'latin1');
    socket.uncork();
    return !socket.writableNeedDrain;
  }
}
