import { ListTexts } from '../fields/index.ts';
import { encode, integerElement, MapWriter, type TnetstringInput } from '../tnetstring/index.ts';
import type { FieldSink } from './field-sink.ts';
import { headerField } from './header-field.ts';
import { isTnetstring } from './is-tnetstring.ts';
import type { SessionRef } from './packet.ts';
import { FIELDS, type Field } from './packet-fields.ts';
import { ZhttpError } from './zhttp-error.ts';

/** The field that says that the sender takes packets for many sessions at once. */
export const EXT_MULTI = FIELDS.ext.key + element({ multi: true });
const EXT_QUIET = FIELDS.ext.key + element({ quiet: true });
const EXT_BOTH = FIELDS.ext.key + element({ multi: true, quiet: true });

const headerTexts = new ListTexts(headerField);

/** Writes packets as tnetstrings. */
export class TnetstringSink implements FieldSink {
  readonly #writer = new MapWriter();

  /** @param address written before the packet, with a space; empty for none */
  begin(address: string): void {
    this.#writer.begin(address === '' ? 'T' : `${address} T`);
  }

  text(field: Field, value: string): void {
    this.#writer.elements(field.key + textElement(value));
  }

  bytes(field: Field, value: Buffer): void {
    this.#writer.elements(field.key);
    this.#writer.bytes(value);
  }

  integer(field: Field, value: number): void {
    this.#writer.elements(`${field.key}${integerElement(value)}`);
  }

  flag(field: Field): void {
    this.#writer.elements(field.flag);
  }

  headers(headers: readonly string[]): void {
    this.#writer.elements(headerTexts.of(headers));
  }

  ids(ids: readonly SessionRef[]): void {
    let list = '';
    for (const { id, seq } of ids) {
      let ref = FIELDS.id.key + textElement(id);
      if (seq !== null) ref += `${FIELDS.seq.key}${integerElement(seq)}`;
      list += `${ref.length}:${ref}}`;
    }
    this.#writer.elements(`${FIELDS.id.key}${list.length}:${list}]`);
  }

  ext(multi: boolean, quiet: boolean): void {
    this.#writer.elements(multi ? (quiet ? EXT_BOTH : EXT_MULTI) : EXT_QUIET);
  }

  value(field: Field, value: Buffer): void {
    // An incomplete value would break the packet, and an invalid one would make the peer refuse it.
    if (!isTnetstring(value)) throw new ZhttpError('invalid', `"${field.name}" is not one tnetstring`);
    this.#writer.elements(field.key);
    this.#writer.elementBytes(value);
  }

  end(): Buffer {
    return this.#writer.end();
  }

  /** Like `end`, as latin1 text if possible. */
  endText(): Buffer | string {
    return this.#writer.endText();
  }

  /** Like `end`, in pieces: values given as bytes are not copied. */
  endPieces(): readonly Buffer[] {
    return this.#writer.endPieces();
  }
}

/** The element of latin1 text. */
export function textElement(text: string): string {
  return `${text.length}:${text},`;
}

function element(value: TnetstringInput): string {
  return encode(value).toString('latin1');
}
