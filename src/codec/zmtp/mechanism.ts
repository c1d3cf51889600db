import type { Metadata } from './metadata.ts';
import type { Command } from './zmtp-command.ts';

/** A mechanism's response to a command of the peer. */
export interface MechanismStep {
  /** Frame to send to the peer; null for none. */
  readonly reply: Buffer | null;
  /** The peer's properties once the handshake is complete, null before that. */
  readonly peer: Metadata | null;
}

/** The handshake of one connection by a security mechanism (RFC 23, "Authentication And Confidentiality"). */
export interface Mechanism {
  /** Name in the greeting. */
  readonly name: string;
  /** Whether this end takes the server's part; false for a mechanism without roles. */
  readonly asServer: boolean;
  /** The frame to send before the peer has said anything; null for none. */
  start(): Buffer | null;
  /** Takes a command of the peer. @throws ZmtpError if the handshake fails */
  receive(command: Command): MechanismStep;
}
