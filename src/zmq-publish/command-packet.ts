import { isUtf8 } from 'node:buffer';
import {
  decode,
  encode,
  type TnetstringInput,
  type TnetstringMap,
  type TnetstringValue,
} from '../codec/tnetstring/index.ts';

/** A request to the command socket. */
export interface Command {
  /** Repeated in the reply; as it came. */
  readonly id: TnetstringInput;
  readonly method: string;
  readonly args: TnetstringMap;
}

/** Arguments that a method cannot use. */
export const BAD_REQUEST = 'bad-request';

/**
 * Reads a request: a tnetstring map with `id`, `method` and, if the method has any, `args`.
 * @returns null for anything else, which gets no reply (GRIP)
 */
export function parseCommand(message: Buffer): Command | null {
  let value: TnetstringValue;
  try {
    value = decode(message);
  } catch {
    return null;
  }
  if (!isMap(value)) return null;
  const { id, method, args } = value;
  const name = textOf(method ?? null);
  if (!Buffer.isBuffer(id) || name === null) return null;
  return {
    id: Buffer.from(id),
    method: name,
    args: isMap(args ?? null) ? (args as TnetstringMap) : Object.create(null),
  };
}

/** The reply to a command that was carried out; null if there is nothing to say. */
export function success({ id }: Command, value: TnetstringInput = null): Buffer {
  return encode({ id, success: true, value });
}

/** The reply to a command that failed. */
export function failure({ id }: Command, condition: string, value: TnetstringInput = null): Buffer {
  return encode({ id, success: false, condition, value });
}

/** The text of a byte string; null for anything else. */
export function textOf(value: TnetstringValue): string | null {
  return Buffer.isBuffer(value) && isUtf8(value) ? value.toString() : null;
}

function isMap(value: TnetstringValue): value is TnetstringMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
