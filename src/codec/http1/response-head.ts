import type { FieldList } from '../fields/index.ts';
import { isFieldText } from './chars.ts';
import { type FieldLines, lineEnd, nextLine, parseFieldLines } from './field-lines.ts';
import { CHUNKED, checkChunked, type Http1Version, isPersistent, parseContentLength, UNTIL_CLOSE } from './framing.ts';
import { HeadCollector } from './head-collector.ts';
import { Http1Error } from './http1-error.ts';
import type { Http1Limits } from './http1-limits.ts';

/** A response head (RFC 9112 §4), parsed as far as the connection needs it. */
export interface Http1ResponseHead {
  /** 100 to 999. */
  readonly status: number;
  readonly reason: string;
  readonly version: Http1Version;
  /** All fields as received. */
  readonly headers: FieldList;
  /** Bytes of the body, 0 for none, `CHUNKED` or `UNTIL_CLOSE`. */
  readonly bodyLength: number;
  /** Whether the connection can carry another request after this response. */
  readonly keepAlive: boolean;
}

/** The start of every response (RFC 9112 §2.3). */
const START = Buffer.from('HTTP/', 'latin1');

const SP = 0x20;
const ZERO = 0x30;

/** Reads response heads from bytes, however split; a reader reads one head after the other. */
export class ResponseHeadReader extends HeadCollector {
  /** Number of bytes of `START` received. */
  #matched = 0;

  /**
   * Reads `input` from `offset`; returns the head once it is complete, else null. Interim (1xx) responses are returned
   * like any other, with no body.
   * @param method of the request: it decides whether there is a body
   * @throws Http1Error; nothing can be read after it
   */
  read(input: Buffer, offset: number, method: string): Http1ResponseHead | null {
    if (this.#matched < START.length) this.#matchStart(input, offset);
    const known = this.knownFields(input, offset);
    const text = known === null ? this.collect(input, offset) : input.toString('latin1', offset, this.lineEnd);
    if (text === null) return null;
    this.#matched = 0;
    return parseResponseHead(text, method, this.limits, known);
  }

  /** A peer that speaks another protocol may never send the end of a head, so the beginning is checked. */
  #matchStart(input: Buffer, offset: number): void {
    for (let i = offset; i < input.length && this.#matched < START.length; i++) {
      if (input[i] !== START[this.#matched]) throw new Http1Error('malformed', 'not an HTTP response');
      this.#matched++;
    }
  }
}

/** @param known the parsed field lines, if known: `text` is then only the status line */
function parseResponseHead(
  text: string,
  method: string,
  limits: Http1Limits,
  known: FieldLines | null,
): Http1ResponseHead {
  const end = lineEnd(text, 0, limits);
  const name = text.slice(0, 8);
  if (name !== 'HTTP/1.1' && name !== 'HTTP/1.0') {
    if (/^HTTP\/\d\.\d$/.test(name)) throw new Http1Error('version', `${name} is not supported`);
    throw new Http1Error('malformed', 'not an HTTP response');
  }
  const status = statusOf(text, end);
  const reason = text.slice(Math.min(13, end), end);
  if (!isFieldText(reason)) throw new Http1Error('malformed', 'control character in the reason');
  const fields = known ?? parseFieldLines(text, nextLine(text, end), limits);
  const version = name === 'HTTP/1.1' ? '1.1' : '1.0';
  const bodyLength = responseBodyLength(fields, method, status, version);
  return {
    status,
    reason,
    version,
    headers: fields.headers,
    bodyLength,
    // RFC 9110 §15.2.2: after a 101 the connection speaks another protocol.
    keepAlive: bodyLength !== UNTIL_CLOSE && status !== 101 && isPersistent(version, fields.connection),
  };
}

/**
 * The status code. status-line = HTTP-version SP 3DIGIT SP [ reason ] (RFC 9112 §4); the last space is often missing, which is harmless.
 * @param end of the status line
 * @throws Http1Error `malformed`
 */
function statusOf(text: string, end: number): number {
  const hundreds = text.charCodeAt(9) - ZERO;
  const tens = text.charCodeAt(10) - ZERO;
  const ones = text.charCodeAt(11) - ZERO;
  const delimited = text.charCodeAt(8) === SP && (end === 12 || (end > 12 && text.charCodeAt(12) === SP));
  if (!delimited || hundreds === 0 || !isDigit(hundreds) || !isDigit(tens) || !isDigit(ones)) {
    throw new Http1Error('malformed', 'invalid status line');
  }
  return hundreds * 100 + tens * 10 + ones;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

/** How the body of a response is framed (RFC 9112 §6.3). */
function responseBodyLength(fields: FieldLines, method: string, status: number, version: Http1Version): number {
  const { contentLength, transferEncoding } = fields;
  if (transferEncoding !== null) {
    if (version === '1.0') throw new Http1Error('malformed', 'Transfer-Encoding in an HTTP/1.0 response');
    if (contentLength !== null) throw new Http1Error('malformed', 'Content-Length together with Transfer-Encoding');
    checkChunked(transferEncoding);
  }
  const length = contentLength === null ? UNTIL_CLOSE : parseContentLength(contentLength);
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0;
  return transferEncoding !== null ? CHUNKED : length;
}
