/** What is wrong with a message; each kind has one status towards clients. */
export type Http1ErrorKind =
  /** The bytes are no HTTP/1 message (400). */
  | 'malformed'
  /** The request target or the request line is over its limit (414). */
  | 'target-too-long'
  /** The head is over its limit in bytes or fields (431). */
  | 'head-too-large'
  /** HTTP, but not 1.0 or 1.1 (505). */
  | 'version'
  /** A method that asks for something else than a response, i.e. CONNECT (501). */
  | 'method'
  /** A transfer coding other than chunked (501). */
  | 'transfer-coding'
  /** The connection ended before the message did. */
  | 'truncated'
  /** What was to be written would not be one well-formed message. */
  | 'unwritable';

/** A message that breaks RFC 9112, or a limit. */
export class Http1Error extends Error {
  override readonly name = 'Http1Error';
  readonly kind: Http1ErrorKind;

  constructor(kind: Http1ErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
