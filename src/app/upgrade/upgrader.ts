import { type FaultReport, type Log, systemErrorText } from '../../exchange/index.ts';
import { listeningSockets, type PassedSocket } from '../../net/index.ts';
import type { OldSide } from './hand-over.ts';
import { asPassed, StartedProcess, UpgradeError } from './started-process.ts';

const TIMES: UpgradeTimes = { load: 30_000, start: 60_000, give: 120_000 };

/** What an upgrade is made of. */
export interface UpgraderOptions {
  readonly log: Log;
  /** Counts faults. */
  readonly counters: FaultReport['counters'];
  /** What is given over, in this order. */
  readonly sides: readonly OldSide[];
  /** Why there can be no upgrade now; null if there can. */
  readonly hindrance: () => string | null;
  /** An upgrade begins, or has failed. */
  readonly onState: (upgrading: boolean) => void;
  /** The new process is the main one: this one stops accepting at once, finishes, and ends. */
  readonly onDone: (pid: number) => void;
  /** Id of this process. Default: that of the system. */
  readonly pid?: number;
  /** What is started: a file and its arguments. Default: what this process was started with. */
  readonly program?: readonly string[];
  /** Milliseconds that each step may take. Default: 30 s to read the configuration, 60 s to accept, 120 s to take what is given over. */
  readonly times?: UpgradeTimes;
}

/** Milliseconds that the new process has. */
export interface UpgradeTimes {
  /** To read its configuration. */
  readonly load: number;
  /** To begin to accept. */
  readonly start: number;
  /** To take what is given over. */
  readonly give: number;
}

/** Replaces this process by a new one with the program and the configuration that are there now. */
export class Upgrader {
  readonly #options: UpgraderOptions;
  #started: StartedProcess | null = null;
  #done = false;

  constructor(options: UpgraderOptions) {
    this.#options = options;
  }

  /** Whether a new process has been started, and has not failed. */
  get running(): boolean {
    return this.#started !== null;
  }

  /**
   * Starts the new process.
   * @returns its id, once it accepts connections. What is open is given over after that
   * @throws UpgradeError with the reason why this process goes on as before
   */
  async upgrade(): Promise<number> {
    const { log, sides, onState, times = TIMES } = this.#options;
    const hindrance = this.#hindrance();
    if (hindrance !== null) {
      log.warn({ reason: hindrance }, 'upgrade refused');
      throw new UpgradeError(hindrance);
    }
    const sockets = listeningSockets.all;
    const started = this.#start(sockets);
    onState(true);
    log.info({ pid: started.pid }, 'upgrade: new process started');
    started.onOther = (message, handle) => {
      for (const side of sides) side.onMessage(message, handle);
    };
    try {
      await started.reach('loaded', times.load);
      for (const side of sides) await started.orFailure(side.lead(started.channel), times.start);
      started.channel.send({ kind: 'listening', sockets: asPassed(sockets) });
      await started.reach('ready', times.start);
    } catch (error) {
      this.#giveUp(started, error);
      throw error;
    }
    log.info({ pid: started.pid }, 'upgrade: new process accepts connections');
    void this.#handOver(started);
    return started.pid;
  }

  /** Ends an upgrade that is not done: this process stops, or goes on as before. */
  cancel(): void {
    if (!this.#done) this.#started?.kill();
  }

  #start(sockets: readonly PassedSocket[]): StartedProcess {
    const { log, counters, program = process.argv.slice(1) } = this.#options;
    try {
      this.#started = new StartedProcess(program, sockets, { log, counters });
      return this.#started;
    } catch (error) {
      log.error({ reason: systemErrorText(error) }, 'upgrade failed: no process can be started');
      throw error;
    }
  }

  #hindrance(): string | null {
    const { pid = process.pid, hindrance } = this.#options;
    if (pid === 1) {
      return 'this process is the first one of its container, which would end with it: start another container, or run the program below an init process';
    }
    if (this.#started !== null) return 'an upgrade is under way';
    if (listeningSockets.all.some(({ fd }) => fd < 0)) return 'this system has no descriptors that can be passed';
    return hindrance();
  }

  async #handOver(started: StartedProcess): Promise<void> {
    const { log, sides, onDone, times = TIMES } = this.#options;
    try {
      await started.orFailure(this.#giveOver(started), times.give);
    } catch (error) {
      this.#giveUp(started, error);
      return;
    }
    this.#done = true;
    onDone(started.pid);
    started.channel.send({ kind: 'done' });
    for (const side of sides) side.finish();
    log.info({ pid: started.pid }, 'upgrade: new process has taken over');
  }

  async #giveOver({ channel }: StartedProcess): Promise<void> {
    for (const side of this.#options.sides) await side.giveOver(channel);
  }

  #giveUp(started: StartedProcess, error: unknown): void {
    for (const side of this.#options.sides) side.takeBack();
    started.kill();
    this.#started = null;
    this.#options.onState(false);
    const reason = error instanceof Error ? error.message : String(error);
    const { pid } = started;
    this.#options.log.error({ pid, reason }, 'upgrade failed: the new process did not take over, this one goes on');
  }
}
