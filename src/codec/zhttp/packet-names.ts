import type { FieldSource } from './field-source.ts';
import { isFault, openSource } from './open-source.ts';
import type { SessionRef } from './packet.ts';
import type { FieldName } from './packet-fields.ts';
import { MAX_ADDRESS_BYTES } from './zhttp-limits.ts';

const NO_IDS: readonly SessionRef[] = [];

/** Who sent a packet, and which sessions it is for. */
export interface PacketNames {
  /** Empty where the packet has none, or no valid one. */
  from: string;
  /** As the packet has it: not checked. */
  type: string;
  /** Numbers that are given once for a single id are left out. */
  ids: readonly SessionRef[];
  /** Whether the bytes are no packet, at least from some place on. */
  malformed: boolean;
  /** What is wrong with the bytes or with one of these fields; empty if nothing is. */
  fault: string;
}

/** Reads who sent a packet and which sessions it is for, and skips the values of all other fields. Faults of the packet do not throw. */
export function packetNames(payload: Buffer): PacketNames {
  const names: PacketNames = { from: '', type: '', ids: NO_IDS, malformed: false, fault: '' };
  try {
    const source = openSource(payload);
    for (let name = source.next(); name !== null; name = source.next()) {
      if (name === 'from' || name === 'id' || name === 'type') readName(names, name, source);
    }
  } catch (error) {
    names.malformed = true;
    noteFault(names, error);
  }
  return names;
}

function readName(names: PacketNames, name: FieldName, source: FieldSource): void {
  try {
    if (name === 'from') names.from = source.word(MAX_ADDRESS_BYTES);
    else if (name === 'type') names.type = source.word(Number.POSITIVE_INFINITY);
    else names.ids = source.ids();
  } catch (error) {
    noteFault(names, error);
  }
}

function noteFault(names: PacketNames, error: unknown): void {
  if (!isFault(error)) throw error;
  names.fault ||= error.message;
}
