import { hash } from 'node:crypto';
import { encodeItem } from './encoded-item.ts';
import { MAX_TTL } from './item-limits.ts';
import type { JsonMembers } from './json-members.ts';
import type { ItemExtras, PublishItem, RepeatKey } from './types.ts';

/** Bytes of an idempotency key, in UTF-8: it is remembered for some minutes. */
export const MAX_KEY_BYTES = 1_024;

/** Characters of a digest: 132 bits. */
const DIGEST_LENGTH = 22;

/** The key of a whole request, from which its items have theirs. */
export type RequestKey = Omit<RepeatKey, 'index'>;

/** @param bytes of the request */
export function requestKey(key: string, bytes: Buffer): RequestKey {
  return { key: `r${key}`, digest: digestOf(bytes) };
}

/**
 * Reads the extras of an item; its own key comes before that of its request.
 * @returns null if it has none
 */
export function itemExtras(
  item: Omit<PublishItem, 'extras'>,
  members: JsonMembers,
  request: RequestKey | null,
  index: number,
): ItemExtras | null {
  const key = members.string('idempotency-key');
  const version = members.integer('version', 0);
  const ttl = members.integer('ttl', 1, MAX_TTL);
  const isKept = members.boolean('retain') ?? true;
  if (key === null && version === null && ttl === null && isKept && request === null) return null;
  if (key !== null && (key === '' || Buffer.byteLength(key) > MAX_KEY_BYTES)) members.invalidValue('idempotency-key');
  // The last version is that of the newest item accepted, and `prev-id` may let items wait for one another.
  if (version !== null && item.prevId !== null) members.invalidValue('version');
  const extras: ItemExtras = { repeatKey: null, version, ttl, expires: 0, ...(!isKept && { retain: false }) };
  if (key === null) return { ...extras, repeatKey: request && { ...request, index } };
  // The length tells where the channel ends.
  const scoped = `${item.channel.length} ${item.channel}${key}`;
  return { ...extras, repeatKey: { key: scoped, digest: digestOf(encodeItem({ ...item, extras })), index: 0 } };
}

function digestOf(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64url').slice(0, DIGEST_LENGTH);
}
