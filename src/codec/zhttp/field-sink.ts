import type { SessionRef } from './packet.ts';
import type { Field } from './packet-fields.ts';

/** Takes the fields of one packet and writes them in its format. */
export interface FieldSink {
  /** Latin1 text. */
  text(field: Field, value: string): void;
  bytes(field: Field, value: Buffer): void;
  /** A safe, non-negative integer. */
  integer(field: Field, value: number): void;
  /** A field that is true. */
  flag(field: Field): void;
  headers(headers: readonly string[]): void;
  /** Several sessions. */
  ids(ids: readonly SessionRef[]): void;
  ext(multi: boolean, quiet: boolean): void;
  /**
   * One value that is already encoded.
   * @throws ZhttpError if it is not exactly one
   */
  value(field: Field, value: Buffer): void;
  /** The packet with its prefix and type byte. */
  end(): Buffer;
}
