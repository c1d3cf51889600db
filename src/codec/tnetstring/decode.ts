import { isUtf8 } from 'node:buffer';
import { ElementReader } from './element-reader.ts';
import { BOOLEAN, BYTES, FLOAT, INTEGER, LIST, MAP, NULL } from './marks.ts';
import { DEFAULT_TNETSTRING_LIMITS, type TnetstringLimits } from './tnetstring-limits.ts';

/** Values of a tnetstring. Maps are objects without prototype, so that they contain only received keys. */
export type TnetstringValue = null | boolean | number | Buffer | TnetstringValue[] | TnetstringMap;

/** A map: the last one of equal keys counts. */
export interface TnetstringMap {
  [key: string]: TnetstringValue;
}

/** A finite number in decimal, with or without a fraction and an exponent. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Decodes a whole tnetstring. Byte strings are views of `buffer`.
 * @throws TnetstringError for bytes that are not exactly one tnetstring, keys that are not UTF-8 byte strings, integers out of the safe range,
 *   numbers that are not finite, and values that the limits do not allow
 */
export function decode(buffer: Buffer, limits: TnetstringLimits = DEFAULT_TNETSTRING_LIMITS): TnetstringValue {
  const reader = new ElementReader(buffer);
  if (buffer.length > limits.maxBytes) reader.fail(`more than ${limits.maxBytes} bytes`, limits.maxBytes);
  const end = reader.read(0, buffer.length);
  if (end !== buffer.length) reader.fail('trailing bytes after the value', end);
  return elementValue(reader, limits, limits.maxDepth);
}

/** The value of the element just read. */
function elementValue(reader: ElementReader, limits: TnetstringLimits, depth: number): TnetstringValue {
  switch (reader.type) {
    case BYTES:
      return reader.bytes();
    case INTEGER:
      return reader.integer();
    case FLOAT:
      if (!limits.floats) reader.fail('floats are not accepted', reader.start);
      return float(reader);
    case BOOLEAN:
      return reader.boolean();
    case NULL:
      if (reader.start !== reader.end) reader.fail('null with data', reader.start);
      return null;
    case LIST:
      return list(reader, limits, depth);
    case MAP:
      return map(reader, limits, depth);
    default:
      reader.fail('unknown type of element', reader.end);
  }
}

function float(reader: ElementReader): number {
  const text = reader.text();
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) reader.fail('number is malformed or out of range', reader.start);
  return value;
}

function list(reader: ElementReader, limits: TnetstringLimits, depth: number): TnetstringValue[] {
  const { start, end } = reader;
  if (depth === 0) reader.fail('lists and maps nested too deeply', start);
  const values: TnetstringValue[] = [];
  for (let at = start; at < end; ) {
    at = reader.read(at, end);
    values.push(elementValue(reader, limits, depth - 1));
  }
  return values;
}

function map(reader: ElementReader, limits: TnetstringLimits, depth: number): TnetstringMap {
  const { start, end } = reader;
  if (depth === 0) reader.fail('lists and maps nested too deeply', start);
  const members: TnetstringMap = Object.create(null);
  for (let at = start; at < end; ) {
    at = reader.read(at, end);
    const key = reader.bytes();
    if (reader.type !== BYTES || !isUtf8(key)) reader.fail('key is not text', reader.start);
    if (at === end) reader.fail('key without a value', at);
    at = reader.read(at, end);
    members[key.toString()] = elementValue(reader, limits, depth - 1);
  }
  return members;
}
