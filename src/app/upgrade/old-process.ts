import { Sessions } from '../../control/index.ts';
import { type Log, reportFault } from '../../exchange/index.ts';
import { listeningSockets } from '../../net/index.ts';
import type { NewSide } from './hand-over.ts';
import { type ChannelReceiver, channelFromOld, type SocketHandle, type ToOldProcess } from './upgrade-channel.ts';
import type { OldProcessMessage } from './upgrade-messages.ts';

/** In the environment of a process that was started for an upgrade. */
export const UPGRADE_MARK = 'HOLDFAST_UPGRADE';

/**
 * The process that this one replaces, as this one sees it: it gives the listening sockets and then what is open, and ends some time after that. Where it ends
 * early this process goes on alone.
 */
export class OldProcess implements ChannelReceiver<OldProcessMessage> {
  readonly pid = process.ppid;
  readonly channel: ToOldProcess;
  /** Settles when this process is the main one. */
  readonly done: Promise<void>;
  /** They take what is given over; each sees all messages. */
  readonly sides: NewSide[] = [];
  /** Whether its held clients move, or all stay; null where it has none. Known when the listening sockets are here. */
  move: boolean | null = null;
  /** Of those who have logged in there. */
  readonly sessions = new Sessions();
  /** Connections that it has given. */
  moved = 0;
  #listening = false;
  #replaced = false;
  #ended = false;
  #log: Log | null = null;
  readonly #counters = { faults: 0 };
  #onListening: () => void = () => {};
  #onListeningFailed: (error: Error) => void = () => {};
  #onDone: () => void = () => {};

  private constructor() {
    this.channel = channelFromOld();
    this.done = new Promise((resolve) => {
      this.#onDone = resolve;
    });
  }

  /** The old process, if this one was started for an upgrade; otherwise null. The mark is taken out of `env`: it is not for further processes. */
  static from(env: NodeJS.ProcessEnv): OldProcess | null {
    const marked = env[UPGRADE_MARK] !== undefined;
    delete env[UPGRADE_MARK];
    return marked && process.connected ? new OldProcess() : null;
  }

  /** Whether it still has clients of its own. */
  get runs(): boolean {
    return !this.#ended;
  }

  /** Whether it gives what is open, and may still go on as before; finishes what could not move; or has ended. */
  get state(): 'giving' | 'finishing' | 'ended' {
    if (this.#ended) return 'ended';
    return this.#replaced ? 'finishing' : 'giving';
  }

  /**
   * Says that the configuration can be used, and takes the listening sockets.
   * @param takesClients whether held clients can move here, to worker processes or not; null if they cannot
   * @throws Error when the old process has ended before it gave them
   */
  async begin(log: Log, takesClients: { readonly spread: boolean } | null): Promise<void> {
    this.#log = log;
    const listening = new Promise<void>((resolve, reject) => {
      this.#onListening = resolve;
      this.#onListeningFailed = reject;
    });
    this.channel.receive(this);
    if (takesClients !== null) this.channel.send({ kind: 'takes', ...takesClients });
    this.channel.send({ kind: 'loaded' });
    await listening;
  }

  /** This process accepts connections. */
  ready(): void {
    this.channel.send({ kind: 'ready' });
  }

  /** This process cannot start. Settles when the old one has been told. */
  failed(reason: string): Promise<void> {
    return new Promise((resolve) => {
      this.channel.send({ kind: 'failed', reason }, undefined, () => {
        this.channel.close();
        resolve();
      });
    });
  }

  onMessage(message: OldProcessMessage, handle: SocketHandle | undefined): void {
    if (message.kind === 'listening') {
      this.#listening = true;
      listeningSockets.accept(message.sockets);
      this.#onListening();
    } else if (message.kind === 'clients') {
      this.move = message.move;
    } else if (message.kind === 'done') {
      this.#replaced = true;
      this.#onDone();
    } else if (message.kind === 'sessions') {
      this.sessions.adopt(message.sessions);
    } else {
      if (message.kind === 'go') this.moved += message.moved;
      for (const side of this.sides) side.onMessage(message, handle);
    }
  }

  onLost(): void {
    this.#ended = true;
    if (!this.#listening) {
      this.#onListeningFailed(new Error('the process that this one was to replace has ended'));
      return;
    }
    this.#log?.info({ pid: this.pid }, 'upgrade: old process has ended');
    for (const side of this.sides) side.onOldProcessEnded();
    this.#onDone();
  }

  onFault(thrown: unknown): void {
    const log = this.#log;
    if (log !== null) reportFault({ counters: this.#counters, log }, thrown);
  }
}
