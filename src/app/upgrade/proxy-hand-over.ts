import { type Config, hasProxy } from '../../config/index.ts';
import { Publishing } from '../publishing.ts';
import type { OldSide } from './hand-over.ts';
import { type HandOverMeans, HeldMover } from './held-mover.ts';
import { HeldReceiver } from './held-receiver.ts';
import type { OldProcess } from './old-process.ts';

/** What a proxy that is in one process gives the next process, and gets of the one before. */
export class ProxyHandOver {
  /** What publishers publish to. */
  readonly publishing: Publishing;
  /** What is given over. */
  readonly sides: readonly OldSide[];
  readonly #means: HandOverMeans;
  readonly #moves: boolean;

  constructor(config: Config, means: Omit<HandOverMeans, 'publishing'>) {
    this.publishing = new Publishing(means.clients.hub);
    this.#means = { ...means, publishing: this.publishing };
    this.#moves = hasProxy(config.server) && config.server.workers === 1;
    this.sides = this.#moves ? [new HeldMover(this.#means)] : [];
  }

  /** Takes what the process before this one gives. Settles when that is reached: then this one may accept. */
  async follow(old: OldProcess | null): Promise<void> {
    if (old === null || !this.#moves) return;
    const side = new HeldReceiver(this.#means);
    old.side = side;
    await side.follow(old.channel);
  }
}
