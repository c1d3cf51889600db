import type { KnownKey } from '../hub/index.ts';
import { isCount, jsonObject } from './json-object.ts';

/** Bytes of a record, without what the broker adds. */
const MAX_RECORD = 65_536;

/** Bytes of the record of an idempotency key, as the broker counts them. A longer one says only how many items were accepted. */
export const MAX_RECORD_BYTES = MAX_RECORD + 1_024;

/** What the nodes of a cluster know of an idempotency key. */
export interface KeyRecord extends KnownKey {
  /** Whether the items have been published. If not, a node is about to do that. */
  readonly done: boolean;
}

/** A record as a value. */
export function encodeRecord(record: KeyRecord): string {
  const text = JSON.stringify(record);
  return text.length <= MAX_RECORD ? text : JSON.stringify({ ...record, receivers: [], numbers: [] });
}

/** The record of a value; null for anything else. */
export function recordOf(value: Uint8Array): KeyRecord | null {
  const { digest, taken, receivers, numbers, done } = jsonObject(value) ?? {};
  if (typeof digest !== 'string' || !isCount(taken) || typeof done !== 'boolean') return null;
  if (!areCounts(receivers) || !areCounts(numbers)) return null;
  return { digest, taken, receivers, numbers, done };
}

function areCounts(value: unknown): value is (number | null)[] {
  return Array.isArray(value) && value.every((count) => count === null || isCount(count));
}
