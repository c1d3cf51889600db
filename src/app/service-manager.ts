import { spawn } from 'node:child_process';
import { type Log, systemErrorText } from '../exchange/index.ts';

/** What tells the manager: Node has no datagram unix sockets. It belongs to systemd. */
const PROGRAM = 'systemd-notify';

/** Milliseconds that it has. */
const TIME = 5_000;

/**
 * The service manager, as sd_notify(3) and sd_watchdog_enabled(3) describe it: it is told what the process does, where it asks for that. Messages come
 * from another process, so the unit needs `NotifyAccess=all`.
 */
export class ServiceManager {
  readonly #log: Log;
  #listens: boolean;
  /** Milliseconds between two signs of life; 0 for none. */
  readonly #interval: number;
  #queue: Promise<void> = Promise.resolve();
  #watchdog: NodeJS.Timeout | undefined;
  #failed = false;

  /** @param env has `NOTIFY_SOCKET` where the manager listens, and `WATCHDOG_USEC` where it waits for signs of life */
  constructor(env: NodeJS.ProcessEnv, log: Log) {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: pid = String(process.pid) } = env;
    this.#log = log;
    this.#listens = socket !== undefined && socket !== '';
    const isOurs = pid === String(process.pid) && /^[1-9][0-9]{0,15}$/.test(watchdog ?? '');
    this.#interval = this.#listens && isOurs ? Number(watchdog) / 2_000 : 0;
  }

  /** This process, which may have replaced another one, serves. */
  ready(): void {
    this.#tell(`MAINPID=${process.pid}`, 'READY=1', 'STATUS=Ready');
    if (this.#interval > 0) this.#watchdog ??= setInterval(() => this.#tell('WATCHDOG=1'), this.#interval);
  }

  /** A reload begins; `ready` ends it. */
  reloading(): void {
    // CLOCK_MONOTONIC, as systemd compares it.
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`, 'STATUS=Reloading');
  }

  /** This process stops. Settles when the manager has been told, or cannot be. */
  stopping(): Promise<void> {
    clearInterval(this.#watchdog);
    this.#tell('STOPPING=1', 'STATUS=Stopping');
    return this.#queue;
  }

  /** This process ends with this call of the event loop. */
  quitting(): void {
    if (this.#listens) void this.#notify(['STOPPING=1', 'STATUS=Stopping']);
  }

  /** Says in a sentence what the process does. */
  status(text: string): void {
    this.#tell(`STATUS=${text}`);
  }

  /** Another process is the main one: it tells the manager from now on. */
  release(): void {
    clearInterval(this.#watchdog);
    this.#listens = false;
  }

  /** One message after the other: their order matters. */
  #tell(...message: readonly string[]): void {
    // It is asked again when the turn of the message comes: it may be another process's by then.
    if (this.#listens) this.#queue = this.#queue.then(() => (this.#listens ? this.#notify(message) : undefined));
  }

  #notify(message: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      const child = spawn(PROGRAM, message, { stdio: 'ignore', timeout: TIME });
      child.on('error', (error) => {
        this.#fail(systemErrorText(error));
        resolve();
      });
      child.on('exit', (code) => {
        if (code !== 0) this.#fail(`exit code ${code}`);
        resolve();
      });
    });
  }

  /** Only the first failure is worth a line. */
  #fail(reason: string): void {
    if (!this.#failed) this.#log.warn({ program: PROGRAM, reason }, 'the service manager cannot be told');
    this.#failed = true;
  }
}
