import { isUtf8 } from 'node:buffer';
import { DEFAULT_TNETSTRING_LIMITS } from '../tnetstring/index.ts';
import { FieldError, type FieldSource, tooLarge, wrong } from './field-source.ts';
import type { SessionRef } from './packet.ts';
import { FIELD_NAMES, type FieldName } from './packet-fields.ts';
import { MAX_ID_BYTES, MAX_IDS } from './zhttp-limits.ts';

const FIELDS: ReadonlySet<string> = new Set(FIELD_NAMES);

/** At most as many digits as the largest safe integer has. */
const DIGITS = /^\d{1,16}$/;

/** The fields of a packet in JSON. JSON text is UTF-8, so other bytes cannot be sent. */
export class JsonSource implements FieldSource {
  readonly #members: Record<string, unknown>;
  readonly #keys: string[];
  #next = 0;
  #name = '';
  #value: unknown = null;

  /**
   * @param payload the packet, with its type byte
   * @throws SyntaxError unless it is one JSON object in UTF-8
   */
  constructor(payload: Buffer) {
    const text = payload.subarray(1);
    if (!isUtf8(text)) throw new SyntaxError('packet is not UTF-8');
    const members = parse(text.toString());
    if (!isObject(members)) throw new SyntaxError('packet is not an object');
    this.#members = members;
    this.#keys = Object.keys(members);
  }

  next(): FieldName | '' | null {
    if (this.#next === this.#keys.length) return null;
    this.#name = this.#keys[this.#next++] as string;
    this.#value = this.#members[this.#name];
    return FIELDS.has(this.#name) ? (this.#name as FieldName) : '';
  }

  text(maxBytes: number): string {
    return this.#textOf(this.#value, maxBytes);
  }

  word(maxBytes: number): string {
    return this.text(maxBytes);
  }

  bytes(): Buffer {
    if (typeof this.#value !== 'string') wrong(this.#name, 'a string');
    return Buffer.from(this.#value);
  }

  integer(max: number): number {
    return this.#integerOf(this.#value, max);
  }

  boolean(): boolean {
    return this.#booleanOf(this.#value);
  }

  headers(maxHeaders: number): string[] {
    const list = this.#value;
    if (!Array.isArray(list)) wrong(this.#name, 'a list');
    if (list.length > maxHeaders) tooLarge(this.#name, `${maxHeaders} fields`);
    const headers: string[] = [];
    for (const pair of list as unknown[]) {
      if (!Array.isArray(pair) || pair.length !== 2) wrong(this.#name, 'a list of pairs');
      for (const part of pair as unknown[]) headers.push(this.#textOf(part, Number.POSITIVE_INFINITY));
    }
    return headers;
  }

  ids(): SessionRef[] {
    const list = this.#value;
    if (typeof list === 'string') return [{ id: this.#textOf(list, MAX_ID_BYTES), seq: null }];
    if (!Array.isArray(list)) wrong(this.#name, 'a string or a list');
    if (list.length > MAX_IDS) tooLarge(this.#name, `${MAX_IDS} elements`);
    return (list as unknown[]).map((element) => {
      if (!isObject(element)) wrong(this.#name, 'a list of objects');
      const id = this.#textOf(element.id, MAX_ID_BYTES);
      return { id, seq: element.seq === undefined ? null : this.#integerOf(element.seq, Number.MAX_SAFE_INTEGER) };
    });
  }

  ext(): { readonly multi: boolean; readonly quiet: boolean } {
    const ext = this.#value;
    if (!isObject(ext)) wrong(this.#name, 'an object');
    const { multi = false, quiet = false } = ext;
    return { multi: this.#booleanOf(multi), quiet: this.#booleanOf(quiet) };
  }

  value(): Buffer {
    // At most as deep as a tnetstring, so that writing it cannot exhaust the stack.
    if (!nestsWithin(this.#value, DEFAULT_TNETSTRING_LIMITS.maxDepth)) wrong(this.#name, 'one value of bounded depth');
    return Buffer.from(JSON.stringify(this.#value));
  }

  #textOf(value: unknown, maxBytes: number): string {
    if (typeof value !== 'string') wrong(this.#name, 'made of strings');
    const bytes = Buffer.from(value);
    if (bytes.length > maxBytes) tooLarge(this.#name, `${maxBytes} bytes`);
    return bytes.toString('latin1');
  }

  #integerOf(value: unknown, max: number): number {
    const number = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
    if (!Number.isSafeInteger(number)) wrong(this.#name, 'an integer');
    if ((number as number) < 0 || (number as number) > max) wrong(this.#name, `from 0 to ${max}`);
    return number as number;
  }

  #booleanOf(value: unknown): boolean {
    // Condure refuses the strings "true" and "false" as well.
    if (typeof value !== 'boolean') throw new FieldError('invalid', `"${this.#name}" is not made of booleans`);
    return value;
  }
}

/** The engine's message differs between versions, and quotes the input. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError('packet is not JSON');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether lists and objects are nested at most `depth` deep. */
function nestsWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => nestsWithin(member, depth - 1));
}
