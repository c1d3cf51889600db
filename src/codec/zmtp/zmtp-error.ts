/** What is wrong with a peer; decides what is logged and counted. The connection is lost in every case. */
export type ZmtpErrorKind =
  /** The bytes are no ZMTP, or break its grammar. */
  | 'malformed'
  /** ZMTP, but older than 3.0. */
  | 'version'
  /** The peer asks for another security mechanism. */
  | 'mechanism'
  /** A frame, message or command is over its limit. */
  | 'limit'
  /** Well-formed, but not allowed at this point of the conversation. */
  | 'unexpected'
  /** The peer itself has refused the connection with an ERROR command. */
  | 'refused';

/** A peer that breaks ZMTP 3.x or a limit, or that has refused the connection. */
export class ZmtpError extends Error {
  override readonly name = 'ZmtpError';
  readonly kind: ZmtpErrorKind;

  constructor(kind: ZmtpErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
