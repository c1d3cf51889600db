import { type Config, hasProxy } from '../../config/index.ts';
import { Sessions } from '../../control/index.ts';
import type { HistoryRole } from '../history-role.ts';
import type { ProxyRole } from '../proxy-role.ts';
import { Publishing } from '../publishing.ts';
import type { OldSide } from './hand-over.ts';
import { type HandOverMeans, HeldMover } from './held-mover.ts';
import { HeldReceiver } from './held-receiver.ts';
import type { MovingClients } from './moving-clients.ts';
import { OldClients } from './old-clients.ts';
import type { OldProcess } from './old-process.ts';
import { OwnClients, type ProxyClients } from './own-clients.ts';
import { SessionHandOver } from './session-hand-over.ts';
import { StayingClients } from './staying-clients.ts';
import type { ToNewProcess } from './upgrade-channel.ts';
import type { NewProcessMessage } from './upgrade-messages.ts';
import { type ClientProcesses, WorkerClients } from './worker-clients.ts';

/** What the hand-over is made of. */
interface ProxyMeans extends Omit<HandOverMeans, 'clients' | 'publishing' | 'limits' | 'presence' | 'history'> {
  /** The proxy of this process. It has no clients where worker processes have them. */
  readonly proxy: ProxyClients & Pick<ProxyRole, 'hubLimits' | 'presence'>;
}

/** Whether held clients can move to a process with this configuration, and whether worker processes take them; null if it has no proxy. */
export function takesClients({ server }: Config): { readonly spread: boolean } | null {
  return hasProxy(server) ? { spread: server.workers > 1 } : null;
}

/**
 * What this process gives the next one, and gets of the one before: sessions of the control port, and the clients of the proxy or what is published for
 * them.
 */
export class ProxyHandOver implements OldSide {
  /** What publishers publish to. */
  readonly publishing: Publishing;
  /** Of those who have logged in, here or there. */
  readonly sessions: Sessions;
  /** What is given over. */
  readonly sides: readonly OldSide[];
  readonly #config: Config;
  readonly #means: Omit<HandOverMeans, 'clients' | 'history'>;
  /** The clients of this process, or of its worker processes. */
  #clients: MovingClients;
  /** What gives over in the upgrade under way: the clients move, or all stay. Null when there is no upgrade. */
  #side: HeldMover | StayingClients | null = null;
  /** Whether the new process takes clients, in worker processes or not; null before it has said so. */
  #takes: { readonly spread: boolean } | null = null;
  #receiver: HeldReceiver | null = null;
  #history: HistoryRole | null = null;

  /** @param old the process before this one; null for none */
  constructor(config: Config, { proxy, ...means }: ProxyMeans, old: OldProcess | null) {
    this.sessions = old?.sessions ?? new Sessions();
    this.publishing = new Publishing(proxy.hub);
    this.#config = config;
    const { hubLimits: limits, presence } = proxy;
    this.#means = { ...means, publishing: this.publishing, limits, presence };
    this.#clients = new OwnClients(proxy, means);
    this.sides = [new SessionHandOver(this.sessions), this];
  }

  /**
   * Takes what the process before this one gives. Settles when that is reached: then this one may accept.
   * @param workers the processes that will have the clients; null for none
   * @param history keeps the items of channels
   */
  async follow(old: OldProcess | null, workers: ClientProcesses | null, history: HistoryRole): Promise<void> {
    this.#history = history;
    if (workers !== null) {
      this.#clients = new WorkerClients(workers);
      this.publishing.current = workers.relay;
    }
    if (old === null || old.move === null) return;
    if (workers !== null && !old.move) {
      const side = new OldClients(workers.relay);
      old.sides.push(side);
      await side.follow(old.channel);
      return;
    }
    this.#receiver = new HeldReceiver({ ...this.#means, clients: this.#clients, history });
    old.sides.push(this.#receiver);
    await this.#receiver.follow(old.channel, old.move);
  }

  async lead(channel: ToNewProcess): Promise<void> {
    if (!hasProxy(this.#config.server)) return;
    const history = this.#history;
    if (history === null) return;
    const means = { ...this.#means, clients: this.#clients, history };
    this.#side = this.#takes?.spread === means.clients.spread ? new HeldMover(means) : new StayingClients(means);
    await this.#side.lead(channel);
  }

  onMessage(message: NewProcessMessage): void {
    if (message.kind === 'takes') this.#takes = message;
    this.#side?.onMessage(message);
  }

  async giveOver(): Promise<void> {
    await this.#side?.giveOver();
  }

  takeBack(): void {
    this.#side?.takeBack();
    this.#side = null;
    this.#takes = null;
  }

  finish(): void {
    this.#side?.finish();
  }

  /** Closes the ways to other processes. */
  async stop(): Promise<void> {
    await Promise.all([this.#side?.close(), this.#receiver?.close()]);
  }
}
