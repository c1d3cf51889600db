import { type Config, hasProxy } from '../../config/index.ts';
import { Sessions } from '../../control/index.ts';
import { type HubRelay, RelayedHub } from '../../hub-relay/index.ts';
import type { ProxyRole } from '../proxy-role.ts';
import { Publishing } from '../publishing.ts';
import type { NewSide, OldSide } from './hand-over.ts';
import { type HandOverMeans, HeldMover, type MovingClients } from './held-mover.ts';
import { HeldReceiver } from './held-receiver.ts';
import { OldClients } from './old-clients.ts';
import type { OldProcess } from './old-process.ts';
import { SessionHandOver } from './session-hand-over.ts';
import { StayingClients } from './staying-clients.ts';
import type { ToNewProcess } from './upgrade-channel.ts';

/** What the hand-over is made of. */
interface ProxyMeans extends Omit<HandOverMeans, 'publishing' | 'limits'> {
  readonly clients: MovingClients & Pick<ProxyRole, 'hubLimits'>;
}

/** Whether held clients can move to a process with this configuration, and from it: they can where one process has them all. */
export function takesClients({ server }: Config): boolean {
  return hasProxy(server) && server.workers === 1;
}

/** What this process gives the next one, and gets of the one before: sessions of the control port, and the clients of the proxy or what is published for them. */
export class ProxyHandOver implements OldSide {
  /** What publishers publish to. */
  readonly publishing: Publishing;
  /** Of those who have logged in, here or there. */
  readonly sessions: Sessions;
  /** What is given over. */
  readonly sides: readonly OldSide[];
  readonly #config: Config;
  readonly #means: HandOverMeans;
  readonly #mover: HeldMover;
  readonly #staying: StayingClients;
  /** Of the two that which counts in the upgrade under way. */
  #side: OldSide | null = null;
  /** Whether the new process takes clients. */
  #taken = false;
  #receiver: HeldReceiver | null = null;
  /** Of the worker processes; null for none. */
  #workers: HubRelay | null = null;

  /** @param old the process before this one; null for none */
  constructor(config: Config, means: ProxyMeans, old: OldProcess | null) {
    this.sessions = old?.sessions ?? new Sessions();
    this.publishing = new Publishing(means.clients.hub);
    this.#config = config;
    this.#means = { ...means, publishing: this.publishing, limits: means.clients.hubLimits };
    this.#mover = new HeldMover(this.#means);
    this.#staying = new StayingClients(this.#means, () =>
      this.#workers === null ? means.clients.hub : new RelayedHub(this.#workers),
    );
    this.sides = [new SessionHandOver(this.sessions), this];
  }

  /**
   * Takes what the process before this one gives. Settles when that is reached: then this one may accept.
   * @param workers has the clients of the worker processes; null for none
   */
  async follow(old: OldProcess | null, workers: HubRelay | null): Promise<void> {
    this.#workers = workers;
    if (workers !== null) this.publishing.current = workers;
    if (old === null || old.move === null) return;
    let side: NewSide;
    if (workers === null) {
      this.#receiver = new HeldReceiver(this.#means);
      side = this.#receiver;
    } else {
      side = new OldClients(workers);
    }
    old.sides.push(side);
    await (this.#receiver?.follow(old.channel, old.move) ?? side.follow(old.channel));
  }

  async lead(channel: ToNewProcess): Promise<void> {
    if (!hasProxy(this.#config.server)) return;
    this.#side = this.#taken && takesClients(this.#config) ? this.#mover : this.#staying;
    await this.#side.lead(channel);
  }

  onMessage(message: unknown, handle: object | undefined): void {
    if ((message as { readonly kind: unknown }).kind === 'takes') this.#taken = true;
    this.#side?.onMessage(message, handle);
  }

  async giveOver(channel: ToNewProcess): Promise<void> {
    await this.#side?.giveOver(channel);
  }

  takeBack(): void {
    this.#side?.takeBack();
    this.#side = null;
    this.#taken = false;
  }

  finish(): void {
    this.#side?.finish();
  }

  /** Closes the ways to other processes. */
  async stop(): Promise<void> {
    await Promise.all([this.#mover.close(), this.#staying.close(), this.#receiver?.close()]);
  }
}
