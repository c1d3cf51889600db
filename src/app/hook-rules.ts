import { createHash } from 'node:crypto';
import { webhookChannel } from '../codec/grip/index.ts';
import type { Config } from '../config/index.ts';
import type { HookRule } from '../hub/index.ts';

/**
 * Events of one webhook that wait, and their bytes. Beyond it the oldest are dropped.
 * @bound webhook-queue
 */
const QUEUE = { items: 50_000, bytes: 16_777_216 };

/** What webhooks are told, for the rules of channels. */
export function hookRules(tables: Config['webhooks']): HookRule[] {
  return tables.map(({ url, match, events, retryTime }) => ({
    queue: queueOf(url, match),
    match,
    events: new Set(events),
    keep: { ...QUEUE, age: retryTime },
  }));
}

/** The name of its queue, the same after a restart. */
export function queueOf(url: string, match: string): string {
  return webhookChannel(createHash('sha256').update(`${url}\n${match}`).digest('hex').slice(0, 32));
}
