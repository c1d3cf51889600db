import { type ChildProcess, spawn } from 'node:child_process';
import { type FaultReport, reportFault, systemErrorText } from '../../exchange/index.ts';
import type { PassedSocket } from '../../net/index.ts';
import { UPGRADE_MARK } from './old-process.ts';
import {
  type ChannelReceiver,
  channelTo,
  FIRST_LISTENING,
  type SocketHandle,
  type ToNewProcess,
} from './upgrade-channel.ts';
import type { NewProcessMessage } from './upgrade-messages.ts';

/** Variables that are about this process alone. */
const OWN_VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'WATCHDOG_PID'];

/** What goes wrong with the new process of an upgrade, as a sentence for the log and for whoever asked. */
export class UpgradeError extends Error {
  override readonly name = 'UpgradeError';
}

/** The new process of an upgrade, as the old one sees it until it has taken over. */
export class StartedProcess implements ChannelReceiver<NewProcessMessage> {
  readonly channel: ToNewProcess;
  /** Rejects with an `UpgradeError` once the new process can no longer take over; settles in no other way. */
  readonly failure: Promise<never>;
  /** Takes what is not about the phases. */
  onOther: (message: NewProcessMessage, handle: SocketHandle | undefined) => void = () => {};
  readonly #child: ChildProcess;
  readonly #report: FaultReport;
  #awaited: { readonly kind: NewProcessMessage['kind']; readonly resolve: () => void } | null = null;
  #fail: (error: UpgradeError) => void = () => {};

  /**
   * Starts the new process.
   * @param program file and arguments. The launcher of Holdfast finds what is installed now
   * @throws UpgradeError when the system can start none
   * @param sockets are the listening sockets by their descriptors in this process; the new one gets them from `FIRST_LISTENING` on
   */
  constructor(program: readonly string[], sockets: readonly PassedSocket[], report: FaultReport) {
    this.#report = report;
    this.failure = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for a phase hears of it; after the last phase nobody does.
    this.failure.catch(() => {});
    const env: NodeJS.ProcessEnv = { ...process.env, [UPGRADE_MARK]: '1' };
    for (const name of OWN_VARIABLES) delete env[name];
    this.#child = spawn(process.execPath, [...process.execArgv, ...program], {
      env,
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', 'pipe', 'pipe', 'pipe', 'pipe', ...sockets.map(({ fd }) => fd)],
      serialization: 'advanced',
    });
    this.#child.on('error', (error) => this.#onEnd(`it cannot be started: ${systemErrorText(error)}`));
    if (this.#child.pid === undefined) throw new UpgradeError('the system can start no process now');
    this.channel = channelTo(this.#child);
    this.#child.on('exit', (code, signal) =>
      this.#onEnd(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`),
    );
    this.channel.receive(this);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /**
   * Waits for a phase.
   * @param time in milliseconds
   * @throws UpgradeError when the process fails or lets the time pass
   */
  async reach(kind: NewProcessMessage['kind'], time: number): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      this.#awaited = { kind, resolve };
    });
    await this.orFailure(reached, time);
    this.#awaited = null;
  }

  /**
   * Waits for a step that both processes take.
   * @param time in milliseconds
   * @throws UpgradeError when the process fails or lets the time pass; or with what the step throws
   */
  async orFailure<T>(step: Promise<T>, time: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new UpgradeError(`it makes no progress for ${time / 1_000} s`)), time);
    });
    try {
      return await Promise.race([step, this.failure, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it, whatever it does. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  onMessage(message: NewProcessMessage, handle: SocketHandle | undefined): void {
    if (message.kind === 'failed') {
      this.#fail(new UpgradeError(message.reason));
    } else if (message.kind === this.#awaited?.kind) {
      this.#awaited.resolve();
    } else {
      this.onOther(message, handle);
    }
  }

  /** Its exit follows, and says more. */
  onLost(): void {}

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown);
  }

  #onEnd(how: string): void {
    this.#fail(new UpgradeError(how));
  }
}

/** The listening sockets as the new process gets them. */
export function asPassed(sockets: readonly PassedSocket[]): readonly PassedSocket[] {
  return sockets.map((socket, i) => ({ ...socket, fd: FIRST_LISTENING + i }));
}
