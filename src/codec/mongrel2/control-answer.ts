import { decode, TnetstringError, type TnetstringValue } from '../tnetstring/index.ts';
import { Mongrel2Error } from './mongrel2-error.ts';

/** What an extended answer asks for. */
export interface ControlAnswer {
  /** The connections count as active. */
  readonly keepAlive: boolean;
  /** Bytes of an upload that the handler takes beyond those granted before; 0 or more. */
  readonly credits: number;
  /** The connections are closed at once, without a notice. */
  readonly cancel: boolean;
}

/**
 * Bytes of an extended answer's body, which is decoded whole.
 * @bound mongrel2-extended-answer
 */
const MAX_BYTES = 65_536;

const LIMITS = { maxBytes: MAX_BYTES, maxDepth: 8, floats: false };

/**
 * Reads the body of an extended answer: a list of a key and a value. The key is `ctl`, and its value a dictionary. Unknown members are ignored, as
 * Mongrel2 does.
 * @param ids for the error
 * @throws Mongrel2Error `malformed` unless it is a tnetstring without floats; else `extension`
 */
export function readControl(body: Buffer, ids: readonly number[]): ControlAnswer {
  const value = decoded(body, ids);
  if (!Array.isArray(value) || value.length !== 2) fail('an extended answer is not a list of a key and a value', ids);
  const [key, members] = value as [TnetstringValue, TnetstringValue];
  if (!Buffer.isBuffer(key)) fail('the key of an extended answer is not a string', ids);
  if (key.toString('latin1') !== 'ctl') fail('unknown key of an extended answer', ids);
  if (members === null || typeof members !== 'object' || Array.isArray(members) || Buffer.isBuffer(members)) {
    fail('the value of ctl is not a dictionary', ids);
  }
  const { credits = 0 } = members;
  if (typeof credits !== 'number' || credits < 0) fail('credits are not a number of bytes', ids);
  return { keepAlive: 'keep-alive' in members, credits, cancel: 'cancel' in members };
}

function decoded(body: Buffer, ids: readonly number[]): TnetstringValue {
  try {
    return decode(body, LIMITS);
  } catch (error) {
    if (error instanceof TnetstringError)
      throw new Mongrel2Error('malformed', `extended answer: ${error.message}`, ids);
    throw error;
  }
}

function fail(what: string, ids: readonly number[]): never {
  throw new Mongrel2Error('extension', what, ids);
}
