/** What is wrong with a call. */
export type ZmqErrorKind =
  /** The endpoint is invalid. */
  | 'endpoint'
  /** This machine or version of Node.js does not support it. */
  | 'unsupported'
  /** The endpoint cannot be bound. */
  | 'bind'
  /** No such endpoint is bound or connected. */
  | 'unknown'
  /** An option is out of range. */
  | 'option'
  /** The socket is closed. */
  | 'closed';

/** A call failed. What peers do never throws. */
export class ZmqError extends Error {
  override readonly name = 'ZmqError';
  readonly kind: ZmqErrorKind;

  constructor(kind: ZmqErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
