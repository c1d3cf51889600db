import { InputError } from '../input-error/index.ts';

/** Kinds of faulty messages; each has one status for clients. */
export type Http1ErrorKind =
  /** The bytes are not an HTTP/1 message (400). */
  | 'malformed'
  /** The request target or the request line exceeds its limit (414). */
  | 'target-too-long'
  /** The head exceeds its limit in bytes or fields (431). */
  | 'head-too-large'
  /** HTTP, but not 1.0 or 1.1 (505). */
  | 'version'
  /** A method that does not ask for a response: CONNECT (501). */
  | 'method'
  /** A transfer coding other than chunked (501). */
  | 'transfer-coding'
  /** The connection ended before the message did. */
  | 'truncated'
  /** The output would not be one well-formed message. */
  | 'unwritable';

/** A message that breaks RFC 9112, or exceeds a limit. */
export class Http1Error extends InputError {
  override readonly name = 'Http1Error';
  readonly kind: Http1ErrorKind;

  constructor(kind: Http1ErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
