import { TnetstringError } from '../tnetstring/index.ts';
import { FieldError, type FieldSource } from './field-source.ts';
import { JsonSource } from './json-source.ts';
import type { PacketFormat } from './packet.ts';
import { TnetstringSource } from './tnetstring-source.ts';

/** The format of a packet, and of its responses; null if invalid. */
export function packetFormat(payload: Buffer): PacketFormat | null {
  if (payload[0] === 0x54) return 'T';
  return payload[0] === 0x4a ? 'J' : null;
}

/** @throws errors that `isFault` knows */
export function openSource(payload: Buffer): FieldSource {
  switch (packetFormat(payload)) {
    case 'T':
      return new TnetstringSource(payload);
    case 'J':
      return new JsonSource(payload);
    default:
      throw new SyntaxError('packet is neither a tnetstring nor JSON');
  }
}

/** Whether the packet is to blame for the error. */
export function isFault(error: unknown): error is Error {
  return error instanceof FieldError || error instanceof TnetstringError || error instanceof SyntaxError;
}
