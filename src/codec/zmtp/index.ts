export type { Mechanism, MechanismStep } from './mechanism.ts';
export { encodeMetadata, type Metadata } from './metadata.ts';
export { NullMechanism } from './null-mechanism.ts';
export {
  type Command,
  encodeError,
  encodePing,
  encodePong,
  encodeSubscription,
  parseError,
  parsePing,
} from './zmtp-command.ts';
export { ZmtpError, type ZmtpErrorKind } from './zmtp-error.ts';
export { DEFAULT_LIMITS, MAX_COMMAND_BYTES, MAX_CONTEXT_BYTES, type ZmtpLimits } from './zmtp-limits.ts';
export { COMMAND_FRAME, MESSAGE, NEED_INPUT, READY, ZmtpSession, type ZmtpSessionState } from './zmtp-session.ts';
export {
  encodeMessages,
  isPieces,
  type Part,
  partBytes,
  REFERENCE_BYTES,
  wholePart,
  wireBytes,
} from './zmtp-writer.ts';
