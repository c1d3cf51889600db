import { type Config, hasProxy } from '../../config/index.ts';
import { Sessions } from '../../control/index.ts';
import type { ProxyRole } from '../proxy-role.ts';
import { Publishing } from '../publishing.ts';
import type { OldSide } from './hand-over.ts';
import { type HandOverMeans, HeldMover, type MovingClients } from './held-mover.ts';
import { HeldReceiver } from './held-receiver.ts';
import type { OldProcess } from './old-process.ts';
import { SessionHandOver } from './session-hand-over.ts';

/** What the hand-over is made of. */
interface ProxyMeans extends Omit<HandOverMeans, 'publishing' | 'limits'> {
  readonly clients: MovingClients & Pick<ProxyRole, 'hubLimits'>;
}

/** What this process gives the next one, and gets of the one before: sessions of the control port, and the clients of a proxy that is in one process. */
export class ProxyHandOver {
  /** What publishers publish to. */
  readonly publishing: Publishing;
  /** Of those who have logged in, here or there. */
  readonly sessions: Sessions;
  /** What is given over. */
  readonly sides: readonly OldSide[];
  readonly #means: HandOverMeans;
  readonly #mover: HeldMover;
  #receiver: HeldReceiver | null = null;
  readonly #moves: boolean;

  /** @param old the process before this one; null for none */
  constructor(config: Config, means: ProxyMeans, old: OldProcess | null) {
    this.sessions = old?.sessions ?? new Sessions();
    this.publishing = new Publishing(means.clients.hub);
    this.#means = { ...means, publishing: this.publishing, limits: means.clients.hubLimits };
    this.#moves = hasProxy(config.server) && config.server.workers === 1;
    this.#mover = new HeldMover(this.#means);
    const ofSessions = new SessionHandOver(this.sessions);
    this.sides = this.#moves ? [ofSessions, this.#mover] : [ofSessions];
  }

  /** Takes what the process before this one gives. Settles when that is reached: then this one may accept. */
  async follow(old: OldProcess | null): Promise<void> {
    if (old === null || !old.moves || !this.#moves) return;
    const side = new HeldReceiver(this.#means);
    this.#receiver = side;
    old.sides.push(side);
    await side.follow(old.channel);
  }

  /** Closes the ways to other processes. */
  async stop(): Promise<void> {
    await Promise.all([this.#mover.close(), this.#receiver?.close()]);
  }
}
