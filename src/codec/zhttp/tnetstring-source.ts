import { type FieldList, RepeatedBlocks } from '../fields/index.ts';
import { BYTES, ElementReader, INTEGER, KeyTable, LIST, MAP, TextCache } from '../tnetstring/index.ts';
import { type FieldSource, tooLarge, wrong } from './field-source.ts';
import { isTnetstring } from './is-tnetstring.ts';
import { NO_BODY, type SessionRef } from './packet.ts';
import { FIELD_NAMES, type FieldName } from './packet-fields.ts';
import { MAX_ID_BYTES, MAX_IDS } from './zhttp-limits.ts';

const FIELDS = new KeyTable(FIELD_NAMES);
const WORDS = new TextCache();
const EXT = new KeyTable(['multi', 'quiet']);

/** Earlier lists of header fields: a responder mostly repeats them. */
const LISTS = new RepeatedBlocks(readHeaders);

/**
 * The fields of a packet in tnetstring format. Values of fields that are not asked for are skipped by their length alone.
 */
export class TnetstringSource implements FieldSource {
  readonly #reader: ElementReader;
  #name: FieldName | '' = '';
  /** Where the value of the field starts, and the next field. */
  #value = 0;
  #at: number;
  readonly #end: number;

  /**
   * @param payload the packet, with its type byte
   * @throws TnetstringError unless it is one map
   */
  constructor(payload: Buffer) {
    const reader = new ElementReader(payload);
    const end = reader.read(1, payload.length);
    if (end !== payload.length) reader.fail('trailing bytes after the packet', end);
    if (reader.type !== MAP) reader.fail('packet is not a map', 1);
    this.#reader = reader;
    this.#at = reader.start;
    this.#end = reader.end;
  }

  /** @throws TnetstringError if the packet is broken here */
  next(): FieldName | '' | null {
    const reader = this.#reader;
    const end = this.#end;
    if (this.#at === end) return null;
    this.#value = this.#readKey(this.#at, end);
    this.#name = FIELDS.find(reader.buffer, reader.start, reader.end) ?? '';
    this.#at = reader.read(this.#value, end);
    return this.#name;
  }

  text(maxBytes: number): string {
    this.#expectText(maxBytes);
    return this.#reader.text();
  }

  word(maxBytes: number): string {
    this.#expectText(maxBytes);
    const { buffer, start, end } = this.#reader;
    return WORDS.text(buffer, start, end);
  }

  bytes(): Buffer {
    const reader = this.#reader;
    this.#expect(BYTES, 'a byte string');
    return reader.start === reader.end ? NO_BODY : reader.bytes();
  }

  integer(max: number): number {
    const reader = this.#reader;
    if (reader.type !== INTEGER && reader.type !== BYTES) wrong(this.#name, 'an integer');
    const value = reader.digits();
    if (value < 0 || value > max) wrong(this.#name, `from 0 to ${max}`);
    return value;
  }

  boolean(): boolean {
    return this.#reader.boolean();
  }

  headers(maxHeaders: number): FieldList {
    const reader = this.#reader;
    this.#expect(LIST, 'a list');
    const { buffer, start, end } = reader;
    const headers = LISTS.find(buffer, start, end) ?? readHeaders(buffer, start, end);
    if (headers.length > 2 * maxHeaders) tooLarge(this.#name, `${maxHeaders} fields`);
    return headers;
  }

  ids(): SessionRef[] {
    const reader = this.#reader;
    if (reader.type === BYTES) return [{ id: this.text(MAX_ID_BYTES), seq: null }];
    this.#expect(LIST, 'a byte string or a list');
    const { start, end } = reader;
    const ids: SessionRef[] = [];
    for (let at = start; at < end; ) {
      if (ids.length === MAX_IDS) tooLarge(this.#name, `${MAX_IDS} elements`);
      at = reader.read(at, end);
      this.#expect(MAP, 'a list of maps');
      ids.push(this.#sessionRef(reader.start, reader.end));
    }
    return ids;
  }

  ext(): { readonly multi: boolean; readonly quiet: boolean } {
    const reader = this.#reader;
    this.#expect(MAP, 'a map');
    const { start, end } = reader;
    const ext = { multi: false, quiet: false };
    for (let at = start; at < end; ) {
      const value = this.#readKey(at, end);
      const key = EXT.find(reader.buffer, reader.start, reader.end);
      at = reader.read(value, end);
      if (key !== null) ext[key] = reader.boolean();
    }
    return ext;
  }

  value(): Buffer {
    const value = this.#reader.buffer.subarray(this.#value, this.#at);
    // It becomes part of another packet, which it must not break.
    if (!isTnetstring(value)) wrong(this.#name, 'one whole value');
    return value;
  }

  #sessionRef(start: number, end: number): SessionRef {
    const reader = this.#reader;
    let id: string | null = null;
    let seq: number | null = null;
    for (let at = start; at < end; ) {
      const value = this.#readKey(at, end);
      const key = FIELDS.find(reader.buffer, reader.start, reader.end);
      at = reader.read(value, end);
      if (key === 'id') id = this.text(MAX_ID_BYTES);
      else if (key === 'seq') seq = this.integer(Number.MAX_SAFE_INTEGER);
    }
    if (id === null) wrong(this.#name, 'a list of maps with an id each');
    return { id, seq };
  }

  /** Checks the type of the element just read; otherwise the field is not `what`. */
  #expect(type: number, what: string): void {
    if (this.#reader.type !== type) wrong(this.#name, what);
  }

  #expectText(maxBytes: number): void {
    this.#expect(BYTES, 'a byte string');
    if (this.#reader.end - this.#reader.start > maxBytes) tooLarge(this.#name, `${maxBytes} bytes`);
  }

  /** Reads a key. Returns where its value starts. */
  #readKey(at: number, end: number): number {
    const reader = this.#reader;
    const value = reader.read(at, end);
    if (reader.type !== BYTES) reader.fail('key is not a byte string', at);
    if (value === end) reader.fail('key without a value', at);
    return value;
  }
}

/** A list of pairs of byte strings, from `start` to `end`. @throws FieldError, TnetstringError */
function readHeaders(buffer: Buffer, start: number, end: number): FieldList {
  const reader = new ElementReader(buffer);
  // One text for all fields: the names and values are slices of it.
  const text = buffer.toString('latin1', start, end);
  const headers: string[] = [];
  const readText = (at: number, limit: number): number => {
    if (at === limit) wrong('headers', 'a list of pairs');
    const next = reader.read(at, limit);
    if (reader.type !== BYTES) wrong('headers', 'a list of pairs of byte strings');
    headers.push(text.substring(reader.start - start, reader.end - start));
    return next;
  };
  for (let at = start; at < end; ) {
    at = reader.read(at, end);
    if (reader.type !== LIST) wrong('headers', 'a list of pairs');
    const pairEnd = reader.end;
    if (readText(readText(reader.start, pairEnd), pairEnd) !== pairEnd) wrong('headers', 'a list of pairs');
  }
  return headers;
}
