export {
  type Command,
  encodeError,
  encodePing,
  encodePong,
  encodeSubscription,
  parseError,
  parsePing,
} from './command.ts';
export { ZmtpError, type ZmtpErrorKind } from './errors.ts';
export { DEFAULT_LIMITS, MAX_COMMAND_BYTES, MAX_CONTEXT_BYTES, type ZmtpLimits } from './limits.ts';
export type { Mechanism, MechanismStep } from './mechanism.ts';
export { encodeMetadata, type Metadata } from './metadata.ts';
export { NullMechanism } from './null-mechanism.ts';
export { COMMAND_FRAME, MESSAGE, NEED_INPUT, READY, ZmtpSession } from './session.ts';
export { encodeMessages, type Part, REFERENCE_BYTES, wireBytes } from './writer.ts';
