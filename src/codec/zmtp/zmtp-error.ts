import { InputError } from '../input-error/index.ts';

/** Kinds of faults of a peer, for the log and the counters. The connection is closed in every case. */
export type ZmtpErrorKind =
  /** The bytes are not ZMTP, or break its grammar. */
  | 'malformed'
  /** ZMTP, but older than 3.0. */
  | 'version'
  /** The peer offers another security mechanism. */
  | 'mechanism'
  /** A frame, message or command exceeds its limit. */
  | 'limit'
  /** Well-formed, but not allowed at this point of the conversation. */
  | 'unexpected'
  /** The peer refused the connection with an ERROR command. */
  | 'refused';

/** A peer that breaks ZMTP 3.x, exceeds a limit or refuses the connection. */
export class ZmtpError extends InputError {
  override readonly name = 'ZmtpError';
  readonly kind: ZmtpErrorKind;

  constructor(kind: ZmtpErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
