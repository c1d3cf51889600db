import { InputError } from '../input-error/index.ts';
import type { SessionRef } from './packet.ts';
import type { FieldName } from './packet-fields.ts';
import type { ZhttpErrorKind } from './zhttp-error.ts';

/**
 * The fields of one packet in either format. `next` goes from field to field; the other methods read the value of the
 * field that it returned last, and throw a `FieldError` if it is of the wrong type or out of bounds.
 */
export interface FieldSource {
  /** The key of the next field, empty if unknown, null after the last field. */
  next(): FieldName | '' | null;
  /** @param maxBytes maximum length of the text */
  text(maxBytes: number): string;
  /** The same for text that repeats from packet to packet. */
  word(maxBytes: number): string;
  bytes(): Buffer;
  /** An integer from 0 to `max`; digits given as text count too. */
  integer(max: number): number;
  boolean(): boolean;
  /** A flat list from a list of pairs. */
  headers(maxHeaders: number): readonly string[];
  /** One id, or a list of ids with their own `seq`. */
  ids(): SessionRef[];
  /** The known members of `ext`. */
  ext(): { readonly multi: boolean; readonly quiet: boolean };
  /** The value as encoded. */
  value(): Buffer;
}

/** An invalid field. */
export class FieldError extends InputError {
  readonly kind: Exclude<ZhttpErrorKind, 'malformed'>;

  constructor(kind: Exclude<ZhttpErrorKind, 'malformed'>, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** @throws FieldError that names the field and what was expected */
export function wrong(field: string, what: string): never {
  throw new FieldError('invalid', `"${field}" is not ${what}`);
}

/** @throws FieldError that names the field and its limit */
export function tooLarge(field: string, limit: string): never {
  throw new FieldError('too-large', `"${field}" has more than ${limit}`);
}
