import type { FieldSink } from './field-sink.ts';
import type { SessionRef } from './packet.ts';
import type { Field, FieldName } from './packet-fields.ts';
import { ZhttpError } from './zhttp-error.ts';

/** Writes one packet as JSON: compact and with sorted keys, like Condure. Bytes that are not UTF-8 are lost. */
export class JsonSink implements FieldSink {
  readonly #prefix: string;
  readonly #members: [FieldName, unknown][] = [];

  /** @param address written before the packet, with a space; empty for none */
  constructor(address: string) {
    this.#prefix = address === '' ? 'J' : `${address} J`;
  }

  text(field: Field, value: string): void {
    this.#members.push([field.name, textOf(value)]);
  }

  bytes(field: Field, value: Buffer): void {
    this.#members.push([field.name, value.toString()]);
  }

  integer(field: Field, value: number): void {
    this.#members.push([field.name, value]);
  }

  flag(field: Field): void {
    this.#members.push([field.name, true]);
  }

  headers(headers: readonly string[]): void {
    const pairs: string[][] = [];
    for (let i = 0; i < headers.length; i += 2) {
      pairs.push([textOf(headers[i] as string), textOf(headers[i + 1] as string)]);
    }
    this.#members.push(['headers', pairs]);
  }

  ids(ids: readonly SessionRef[]): void {
    const refs = ids.map(({ id, seq }) => (seq === null ? { id: textOf(id) } : { id: textOf(id), seq }));
    this.#members.push(['id', refs]);
  }

  ext(multi: boolean, quiet: boolean): void {
    this.#members.push(['ext', { ...(multi && { multi }), ...(quiet && { quiet }) }]);
  }

  value(field: Field, value: Buffer): void {
    this.#members.push([field.name, jsonOf(field, value)]);
  }

  end(): Buffer {
    const members = this.#members.sort(([a], [b]) => (a < b ? -1 : 1));
    const json = JSON.stringify(Object.fromEntries(members));
    const prefix = Buffer.from(this.#prefix, 'latin1');
    return Buffer.concat([prefix, Buffer.from(json)]);
  }
}

function textOf(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString();
}

function jsonOf(field: Field, value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    throw new ZhttpError('invalid', `"${field.name}" is not JSON`);
  }
}
