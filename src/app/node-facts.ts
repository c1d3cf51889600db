import { createHash } from 'node:crypto';
import type { NodeFacts } from '../cluster/index.ts';
import type { Config } from '../config/index.ts';
import type { Life } from '../control/index.ts';
import type { CounterRegistry } from '../exchange/index.ts';
import { openConnections } from './status-of.ts';

/** Where the facts of a heartbeat are read. */
export interface NodeSources {
  readonly life: () => Life;
  /** Those in force. */
  readonly rules: () => Config['channels'];
  readonly registry: CounterRegistry;
  /** Channels and patterns with a subscriber, now. */
  readonly channels: () => number;
}

/** Returns what reads the facts of this node. */
export function nodeFacts({ life, rules, registry, channels }: NodeSources): () => NodeFacts {
  let hashed: Config['channels'] | null = null;
  let hash = '';
  return () => {
    const inForce = rules();
    if (hashed !== inForce) {
      hashed = inForce;
      hash = createHash('sha256').update(JSON.stringify(inForce)).digest('base64url');
    }
    const { itemsPublished = 0, itemsDelivered = 0 } = registry.snapshot().proxy ?? {};
    return {
      state: life() === 'draining' ? 'draining' : 'ready',
      connections: openConnections(registry),
      channels: channels(),
      published: itemsPublished,
      delivered: itemsDelivered,
      rules: hash,
      presence: inForce.some(({ presence }) => presence),
    };
  };
}
