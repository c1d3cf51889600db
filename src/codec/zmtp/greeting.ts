import { ZmtpError } from './zmtp-error.ts';

/** Bytes of a greeting (RFC 23, "Version Negotiation"). */
export const GREETING_BYTES = 64;

/** The minor version spoken here, of major version 3. */
const MINOR_VERSION = 1;
const SIGNATURE_END = 9;
const MAJOR = 10;
const MINOR = 11;
const MECHANISM = 12;
const MECHANISM_BYTES = 20;
const AS_SERVER = 32;
/** The grammar of mechanism names has no lower-case letters. */
const MECHANISM_NAME = /^[A-Z0-9\-_.+]{1,20}$/;

/** What a peer sends before anything else. */
export interface Greeting {
  /** Minor version of ZMTP 3 that both support: 0 or 1. */
  readonly minor: 0 | 1;
  /** Name of the security mechanism. */
  readonly mechanism: string;
  /** Whether the peer takes the server's part in the mechanism. */
  readonly asServer: boolean;
}

/**
 * The greeting of a ZMTP 3.1 peer.
 * @param mechanism 1 to 20 of `A-Z 0-9 - _ . +`
 * @throws RangeError if it is invalid
 */
export function encodeGreeting(mechanism: string, asServer: boolean): Buffer {
  if (!MECHANISM_NAME.test(mechanism)) throw new RangeError(`invalid mechanism name: ${mechanism}`);
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  // An older peer takes the first ten bytes for a frame; these two make it a frame of a single byte.
  greeting[8] = 1;
  greeting[SIGNATURE_END] = 0x7f;
  greeting[MAJOR] = 3;
  greeting[MINOR] = MINOR_VERSION;
  greeting.write(mechanism, MECHANISM, 'latin1');
  greeting[AS_SERVER] = asServer ? 1 : 0;
  return greeting;
}

/**
 * Checks as much of a greeting as has arrived, so that a peer of another protocol is detected by its first bytes.
 * @throws ZmtpError `malformed` for another protocol, `version` for a peer older than 3.0
 */
export function checkGreeting(bytes: Buffer): void {
  if (bytes.length === 0) return;
  // A ZMTP 1.0 peer starts with a frame, its identity: a length below 255, or 255 and eight bytes of length.
  if (bytes[0] !== 0xff) throw new ZmtpError('malformed', 'not a ZMTP greeting');
  if (bytes.length <= SIGNATURE_END) return;
  // ZMTP 1.0 with a long identity: the flags of its frame, of which the lowest bit is 0.
  if (((bytes[SIGNATURE_END] as number) & 1) === 0) throw new ZmtpError('version', 'the peer speaks ZMTP 1.0');
  if (bytes[SIGNATURE_END] !== 0x7f) throw new ZmtpError('malformed', 'not a ZMTP signature');
  if (bytes.length <= MAJOR) return;
  const major = bytes[MAJOR] as number;
  // The revision of ZMTP 2.0 is 1.
  if (major < 3) throw new ZmtpError('version', `the peer speaks ZMTP ${major === 1 ? '2.0' : `revision ${major}`}`);
}

/**
 * Reads a whole greeting.
 * @param bytes `GREETING_BYTES` that `checkGreeting` has accepted
 * @throws ZmtpError `malformed` if the mechanism name is invalid
 */
export function parseGreeting(bytes: Buffer): Greeting {
  const field = bytes.toString('latin1', MECHANISM, MECHANISM + MECHANISM_BYTES);
  const padding = field.indexOf('\0');
  const mechanism = padding === -1 ? field : field.slice(0, padding);
  if (!MECHANISM_NAME.test(mechanism) || /[^\0]/.test(field.slice(mechanism.length))) {
    throw new ZmtpError('malformed', 'invalid mechanism name in the greeting');
  }
  // RFC 23: the lower of two versions is used, so a later one than ours is fine.
  const later = (bytes[MAJOR] as number) > 3 || (bytes[MINOR] as number) >= MINOR_VERSION;
  return { minor: later ? 1 : 0, mechanism, asServer: bytes[AS_SERVER] === 1 };
}
