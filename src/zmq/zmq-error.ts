/** What is wrong with a call. */
export type ZmqErrorKind =
  /** The endpoint cannot be understood. */
  | 'endpoint'
  /** This machine or version of Node.js cannot do it. */
  | 'unsupported'
  /** The endpoint cannot be bound. */
  | 'bind'
  /** No such endpoint is bound or connected. */
  | 'unknown'
  /** An option is out of its range. */
  | 'option'
  /** The socket is closed. */
  | 'closed';

/** A call that a socket cannot carry out. What peers do never throws. */
export class ZmqError extends Error {
  override readonly name = 'ZmqError';
  readonly kind: ZmqErrorKind;

  constructor(kind: ZmqErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
