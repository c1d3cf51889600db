import { type Config, hasProxy } from '../../config/index.ts';
import type { ProxyRole } from '../proxy-role.ts';
import { Publishing } from '../publishing.ts';
import type { OldSide } from './hand-over.ts';
import { type HandOverMeans, HeldMover, type MovingClients } from './held-mover.ts';
import { HeldReceiver } from './held-receiver.ts';
import type { OldProcess } from './old-process.ts';

/** What the hand-over is made of. */
interface ProxyMeans extends Omit<HandOverMeans, 'publishing' | 'limits'> {
  readonly clients: MovingClients & Pick<ProxyRole, 'hubLimits'>;
}

/** What a proxy that is in one process gives the next process, and gets of the one before. */
export class ProxyHandOver {
  /** What publishers publish to. */
  readonly publishing: Publishing;
  /** What is given over. */
  readonly sides: readonly OldSide[];
  readonly #means: HandOverMeans;
  readonly #mover: HeldMover;
  #receiver: HeldReceiver | null = null;
  readonly #moves: boolean;

  constructor(config: Config, means: ProxyMeans) {
    this.publishing = new Publishing(means.clients.hub);
    this.#means = { ...means, publishing: this.publishing, limits: means.clients.hubLimits };
    this.#moves = hasProxy(config.server) && config.server.workers === 1;
    this.#mover = new HeldMover(this.#means);
    this.sides = this.#moves ? [this.#mover] : [];
  }

  /** Takes what the process before this one gives. Settles when that is reached: then this one may accept. */
  async follow(old: OldProcess | null): Promise<void> {
    if (old === null || !this.#moves) return;
    const side = new HeldReceiver(this.#means);
    this.#receiver = side;
    old.side = side;
    await side.follow(old.channel);
  }

  /** Closes the ways to other processes. */
  async stop(): Promise<void> {
    await Promise.all([this.#mover.close(), this.#receiver?.close()]);
  }
}
