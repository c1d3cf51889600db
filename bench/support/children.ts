import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { searchPath } from './commands.ts';

/** How long a process may take to end after SIGTERM before it is killed, in milliseconds. */
const STOP_MS = 15_000;

/** Milliseconds between two looks at a process that is no child. */
const POLL_MS = 20;

/** What a child works for; with pinning each role has a core of its own. */
export type Role = 'server' | 'load';

/** A process that the bench has started. */
export class Child {
  readonly name: string;
  /** 0 if the process could not be started at all. */
  readonly pid: number;
  readonly process: ChildProcess;
  /** Resolves when the process is gone, with how it ended: `exit code 0`, `SIGTERM`, `spawn … ENOENT`. */
  readonly ended: Promise<string>;
  readonly #logFile: string;
  #stopping = false;
  /** The process that has replaced it; 0 for none. */
  #successor = 0;

  constructor(name: string, child: ChildProcess, logFile: string) {
    this.name = name;
    this.pid = child.pid ?? 0;
    this.process = child;
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.once('error', (error) => resolve(error.message));
    });
    this.#logFile = logFile;
  }

  /** Whether `stop` was called: then its end is no failure. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Another process takes its place, which `stop` ends too: its own end is no failure from now on. */
  replacedBy(pid: number): void {
    this.#stopping = true;
    this.#successor = pid;
  }

  /** What the process has written so far, on both of its outputs. */
  output(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** Ends the process and waits until it is gone. May be called again. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.process.kill('SIGTERM');
      const timer = setTimeout(() => {
        console.log(`${this.name} did not end within ${STOP_MS / 1000} s after SIGTERM and was killed`);
        this.process.kill('SIGKILL');
      }, STOP_MS);
      await this.ended;
      clearTimeout(timer);
    }
    await this.ended;
    if (this.#successor !== 0) await endByPid(this.#successor);
    this.#successor = 0;
  }
}

/** Ends a process that is no child of this one, and waits until it is gone. */
async function endByPid(pid: number): Promise<void> {
  for (let waited = 0; existsSync(`/proc/${pid}`); waited += POLL_MS) {
    if (waited === 0) process.kill(pid, 'SIGTERM');
    if (waited >= STOP_MS) process.kill(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
}

/** All processes and temporary files of one bench run: whatever happens, `close` leaves nothing behind. */
export class Children {
  /** Temporary folder of this run. */
  readonly directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  /** Rejects when a started process ends by itself. The measurement is void then. */
  readonly failure: Promise<never>;
  readonly #pin: boolean;
  readonly #running = new Set<Child>();
  #fail: (error: Error) => void = () => {};
  #spawned = 0;
  #closed = false;

  /** @param pin servers run on the first core and load on the second. */
  constructor(pin: boolean) {
    this.#pin = pin;
    this.failure = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // A later `await` sees the rejection; at this moment there may be none.
    this.failure.catch(() => {});
  }

  /** Starts a process that runs until it is stopped; what it writes is shown if it ends by itself. Throws after `close`. */
  start(name: string, role: Role, command: string, args: readonly string[], withMessages = false): Child {
    const child = this.#spawn(name, role, command, args, withMessages);
    child.ended.then((how) => {
      if (!child.stopping)
        this.#fail(new Error(`${name} ended by itself: ${how}\n${child.output().slice(-4000)}`.trimEnd()));
    });
    return child;
  }

  /** Runs a process to its end and returns what it wrote. Throws if it fails, and after `close`. */
  async run(name: string, role: Role, command: string, args: readonly string[]): Promise<string> {
    const child = this.#spawn(name, role, command, args, false);
    const how = await child.ended;
    if (how !== 'exit code 0') throw new Error(`${name} failed: ${how}\n${child.output().slice(-4000)}`.trimEnd());
    return child.output();
  }

  /** Ends all processes and removes the temporary folder. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running].map((child) => child.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  #spawn(name: string, role: Role, command: string, args: readonly string[], withMessages: boolean): Child {
    if (this.#closed) throw new Error('the bench is over');
    const logFile = join(this.directory, `${++this.#spawned}.log`);
    const log = openSync(logFile, 'w');
    // taskset becomes the command it starts: the pid stays.
    const [file, line] = this.#pin
      ? ['taskset', ['--cpu-list', role === 'server' ? '0' : '1', command, ...args]]
      : [command, args];
    const child = new Child(
      name,
      spawn(file, line, {
        stdio: withMessages ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
        env: { ...process.env, PATH: searchPath },
        // In a group of its own, Ctrl-C at the terminal reaches only the bench, which then stops everything in order.
        detached: true,
      }),
      logFile,
    );
    closeSync(log);
    this.#running.add(child);
    child.ended.then(() => this.#running.delete(child));
    return child;
  }
}
