import { isFieldText, isToken } from '../http1/index.ts';
import { encodeHeaderText } from './header-text.ts';
import { integerOf } from './integers.ts';
import { stringMap } from './string-map.ts';

/** Throws the caller's own error with the detail. */
export type Fail = (detail: string) => never;

/** Whether a JSON value is an object, with members. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/**
 * The members of a JSON object that came from outside. Each reading takes the key, returns null where there is no such member,
 * and complains of a wrong type or value naming object and key.
 */
export class JsonMembers {
  readonly #members: Record<string, unknown>;
  readonly #name: string;
  readonly #fail: Fail;

  /** @param name what the object is called in complaints */
  constructor(value: unknown, name: string, fail: Fail) {
    if (!isJsonObject(value)) fail(`${name} is not an object`);
    this.#members = value;
    this.#name = name;
    this.#fail = fail;
  }

  /** The member as it is; undefined if it is absent. */
  get(key: string): unknown {
    return this.#members[key];
  }

  string(key: string): string | null {
    const value = this.#members[key];
    if (value === undefined) return null;
    return typeof value === 'string' ? value : this.wrongType(key);
  }

  boolean(key: string): boolean | null {
    const value = this.#members[key];
    if (value === undefined) return null;
    return typeof value === 'boolean' ? value : this.wrongType(key);
  }

  /** An integer of `min` to `max`, as a number or as a string of digits. */
  integer(key: string, min: number, max = Number.MAX_SAFE_INTEGER): number | null {
    const value = this.#members[key];
    if (value === undefined) return null;
    const number = integerOf(value);
    if (number === null) return this.wrongType(key);
    return number >= min && number <= max ? number : this.invalidValue(key);
  }

  list(key: string): readonly unknown[] | null {
    const value = this.#members[key];
    if (value === undefined) return null;
    return Array.isArray(value) ? value : this.wrongType(key);
  }

  /** A list of strings. */
  strings(key: string): readonly string[] | null {
    const list = this.list(key);
    if (list === null) return null;
    return list.every((element) => typeof element === 'string') ? list : this.wrongType(key);
  }

  /** An object whose members are strings, as one without prototype. */
  stringMap(key: string): Record<string, string> | null {
    const value = this.#members[key];
    if (value === undefined) return null;
    if (!isJsonObject(value)) return this.wrongType(key);
    const map = stringMap();
    for (const name of Object.keys(value)) {
      const text = value[name];
      map[name] = typeof text === 'string' ? text : this.wrongType(key);
    }
    return map;
  }

  /** Bytes: base64 in `binaryKey`, decoded as far as it goes, or else text in `textKey`. A Buffer under either key is taken as it is. */
  bytes(textKey: string, binaryKey: string): Buffer | null {
    const raw = this.#members[binaryKey] ?? this.#members[textKey];
    if (Buffer.isBuffer(raw)) return raw;
    const base64 = this.string(binaryKey);
    if (base64 !== null) return Buffer.from(base64, 'base64');
    const text = this.string(textKey);
    return text === null ? null : Buffer.from(text);
  }

  /** A text for the status line, made fit for it. */
  reason(key: string): string | null {
    const text = this.string(key);
    if (text === null) return null;
    const reason = encodeHeaderText(text);
    return isFieldText(reason) ? reason : this.invalidValue(key);
  }

  /** Header fields, given as an object or as a list of pairs, as a flat `[name, value, …]` list that is safe to be written. */
  headers(key: string): string[] | null {
    const value = this.#members[key];
    if (value === undefined) return null;
    const headers: string[] = [];
    if (Array.isArray(value)) {
      for (const pair of value) {
        if (!Array.isArray(pair) || pair.length !== 2) return this.wrongType(key);
        this.#addField(headers, key, pair[0], pair[1]);
      }
    } else if (isJsonObject(value)) {
      for (const name of Object.keys(value)) this.#addField(headers, key, name, value[name]);
    } else {
      return this.wrongType(key);
    }
    return headers;
  }

  /** Response splitting ends here: a name that is no token, or a control character in a value (RFC 9110 §5.1, §5.5). */
  #addField(headers: string[], key: string, name: unknown, value: unknown): void {
    if (typeof name !== 'string' || typeof value !== 'string') this.wrongType(key);
    const encoded = encodeHeaderText(value);
    if (!isToken(name) || !isFieldText(encoded)) this.invalidValue(key);
    headers.push(name, encoded);
  }

  wrongType(key: string): never {
    return this.#fail(`${this.#name} contains '${key}' with wrong type`);
  }

  invalidValue(key: string): never {
    return this.#fail(`${this.#name} contains '${key}' with invalid value`);
  }

  missing(key: string): never {
    return this.#fail(`${this.#name} does not contain '${key}'`);
  }
}
