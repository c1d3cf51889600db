import { digitsOf, elementLength, encode, LIST, MAP, MapWriter, type TnetstringInput } from '../tnetstring/index.ts';
import type { FieldSink } from './field-sink.ts';
import { isTnetstring } from './is-tnetstring.ts';
import type { SessionRef } from './packet.ts';
import { FIELDS, type Field } from './packet-fields.ts';
import { ZhttpError } from './zhttp-error.ts';

const EXT_MULTI = element({ multi: true });
const EXT_QUIET = element({ quiet: true });
const EXT_BOTH = element({ multi: true, quiet: true });

/** Writes packets as tnetstrings. */
export class TnetstringSink implements FieldSink {
  protected readonly writer = new MapWriter();

  /** @param address stands in front of the packet, with a space; empty for none */
  begin(address: string): void {
    this.writer.begin(address === '' ? 'T' : `${address} T`);
  }

  text(field: Field, value: string): void {
    this.writer.constant(field.key);
    this.writer.text(value);
  }

  bytes(field: Field, value: Buffer): void {
    this.writer.constant(field.key);
    this.writer.bytes(value);
  }

  integer(field: Field, value: number): void {
    this.writer.constant(field.key);
    this.writer.integer(value);
  }

  flag(field: Field): void {
    this.writer.constant(field.flag);
  }

  headers(headers: readonly string[]): void {
    const writer = this.writer;
    let length = 0;
    for (let i = 0; i < headers.length; i += 2) length += elementLength(pairLength(headers, i));
    writer.constant(FIELDS.headers.key);
    writer.open(length);
    for (let i = 0; i < headers.length; i += 2) {
      writer.open(pairLength(headers, i));
      writer.text(headers[i] as string);
      writer.text(headers[i + 1] as string);
      writer.close(LIST);
    }
    writer.close(LIST);
  }

  ids(ids: readonly SessionRef[]): void {
    const writer = this.writer;
    writer.constant(FIELDS.id.key);
    let length = 0;
    for (const ref of ids) length += elementLength(refLength(ref));
    writer.open(length);
    for (const ref of ids) {
      writer.open(refLength(ref));
      writer.constant(FIELDS.id.key);
      writer.text(ref.id);
      if (ref.seq !== null) {
        writer.constant(FIELDS.seq.key);
        writer.integer(ref.seq);
      }
      writer.close(MAP);
    }
    writer.close(LIST);
  }

  ext(multi: boolean, quiet: boolean): void {
    this.writer.constant(FIELDS.ext.key);
    this.writer.constant(multi ? (quiet ? EXT_BOTH : EXT_MULTI) : EXT_QUIET);
  }

  value(field: Field, value: Buffer): void {
    // One that is not whole would break the packet, and one that is broken within would make the peer refuse it.
    if (!isTnetstring(value)) throw new ZhttpError('invalid', `"${field.name}" is not one tnetstring`);
    this.writer.constant(field.key);
    this.writer.elements(value);
  }

  end(): Buffer {
    return this.writer.end();
  }
}

/** Writes packets in pieces: the body is not copied. */
export class PiecesSink extends TnetstringSink {
  override bytes(field: Field, value: Buffer): void {
    this.writer.constant(field.key);
    this.writer.reference(value);
  }

  endPieces(): readonly Buffer[] {
    return this.writer.endPieces();
  }
}

function pairLength(headers: readonly string[], at: number): number {
  return elementLength((headers[at] as string).length) + elementLength((headers[at + 1] as string).length);
}

function refLength(ref: SessionRef): number {
  const length = FIELDS.id.key.length + elementLength(ref.id.length);
  return ref.seq === null ? length : length + FIELDS.seq.key.length + elementLength(digitsOf(ref.seq));
}

function element(value: TnetstringInput): Uint8Array {
  return Uint8Array.from(encode(value));
}
