import type { Heartbeat } from './heartbeat.ts';
import { OLDEST_PROTOCOL, PROTOCOL } from './item-message.ts';

/** Milliseconds after which a node that has started has heard the heartbeats of all others. */
const LEARNING_MS = 3_000;

/** The other nodes, as far as their protocols count. */
export interface ProtocolSources {
  readonly others: ReadonlyMap<string, { readonly heartbeat: Pick<Heartbeat, 'protocol'> }>;
}

/**
 * The version of the protocol in which a node sends: the latest one that all nodes understand. So nodes of two versions can run together, and the later ones change over when the last of the earlier
 * ones has gone. A node that has just started does not know the others: it sends in the oldest one.
 */
export class SpokenProtocol {
  readonly #nodes: ProtocolSources;
  readonly #now: () => number;
  readonly #since: number;
  #lowest = PROTOCOL;

  /** @param now tells the time in milliseconds */
  constructor(nodes: ProtocolSources, now: () => number) {
    this.#nodes = nodes;
    this.#now = now;
    this.#since = now();
  }

  get version(): number {
    return this.#now() - this.#since < LEARNING_MS ? OLDEST_PROTOCOL : this.#lowest;
  }

  /** A node has come or gone. One whose protocol is older than all that are understood here does not count: nothing can be sent to it. */
  nodeCame(): void {
    this.#lowest = PROTOCOL;
    for (const { heartbeat } of this.#nodes.others.values()) {
      if (heartbeat.protocol >= OLDEST_PROTOCOL) this.#lowest = Math.min(this.#lowest, heartbeat.protocol);
    }
  }

  nodeGone(): void {
    this.nodeCame();
  }
}
