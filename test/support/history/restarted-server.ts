import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePorts } from '../free-ports.ts';
import { startHoldfast } from '../holdfast.ts';
import type { LogRecord } from '../program.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { Upgraded } from '../upgraded.ts';

/** What a server of the model is like. */
export interface ServerOptions {
  readonly origin: string;
  readonly store: 'memory' | 'disk';
  readonly workers: number;
  /** Items of each channel that are kept. */
  readonly items: number;
  /** Items that may wait for one client. */
  readonly queueItems: number;
}

/** A built program that stops, is killed, is upgraded and reloaded, at the same addresses. */
export class RestartedServer {
  readonly options: ServerOptions;
  readonly port: number;
  /** The fewest items that a channel has kept so far. */
  fewest: number;
  #losses = 0;
  /** Items of each channel that are kept now. */
  #items: number;
  /** What is kept may be getting lost. */
  #isLosing = false;
  readonly #t: TestContext;
  readonly #control: number;
  readonly #cwd: string;
  #running: Upgraded | null = null;
  #waiters: (() => void)[] = [];
  #errors: LogRecord[] = [];

  static async start(t: TestContext, options: ServerOptions): Promise<RestartedServer> {
    const [port = 0, control = 0] = await freePorts(2);
    const server = new RestartedServer(t, options, port, control);
    await server.#start();
    return server;
  }

  private constructor(t: TestContext, options: ServerOptions, port: number, control: number) {
    this.#t = t;
    this.options = options;
    this.fewest = options.items;
    this.#items = options.items;
    this.port = port;
    this.#control = control;
    this.#cwd = temporaryFolder(t);
  }

  /**
   * How often clients may have lost what was kept: in a restart of a server that keeps it in memory, or, if they are subscribed by pattern, when the rules of channels
   * change. While that happens each call gives a higher number, since it is not known whether it has happened yet.
   */
  lossesUntilNow(): number {
    return this.#isLosing ? ++this.#losses : this.#losses;
  }

  get publishUrl(): string {
    return `http://127.0.0.1:${this.#control}/publish`;
  }

  /** Resolves when it runs. */
  async up(): Promise<void> {
    while (this.#running === null) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Ends all its processes in order, or kills the main one, and starts it again. */
  async restart(how: 'stop' | 'kill'): Promise<void> {
    const running = this.#running as Upgraded;
    this.#running = null;
    this.#isLosing = this.options.store === 'memory' || this.#items !== this.options.items;
    process.kill(running.pid, how === 'stop' ? 'SIGTERM' : 'SIGKILL');
    // When the output has no writer any more the workers are gone, too.
    await running.program.ended;
    this.#errors.push(...running.program.errors());
    await this.#start();
    this.#endLoss();
  }

  async upgrade(): Promise<void> {
    const running = this.#running as Upgraded;
    const old = running.pid;
    await running.upgrade();
    await running.gone(old);
  }

  /** Goes on with another number of items. */
  async reload(items: number): Promise<void> {
    const { pid, program } = this.#running as Upgraded;
    this.fewest = Math.min(this.fewest, items);
    this.#isLosing = items !== this.#items;
    this.#write(items);
    const before = program.log().filter(({ msg }) => msg === 'configuration reloaded').length;
    process.kill(pid, 'SIGHUP');
    let count = 0;
    await program.logged('configuration reloaded', () => count++ >= before);
    this.#endLoss();
  }

  #endLoss(): void {
    if (this.#isLosing) this.#losses++;
    this.#isLosing = false;
  }

  /** Stops it. Returns what it has logged of its own defects. */
  async stop(): Promise<readonly LogRecord[]> {
    const { pid, program } = this.#running as Upgraded;
    process.kill(pid, 'SIGTERM');
    await program.ended;
    return [...this.#errors, ...program.errors()];
  }

  async #start(): Promise<void> {
    this.#write(this.options.items);
    const program = startHoldfast(this.#t, ['run'], { cwd: this.#cwd });
    await program.logged('started');
    this.#running = new Upgraded(this.#t, program);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #write(items: number): void {
    this.#items = items;
    const { origin, store, workers, queueItems } = this.options;
    const history = store === 'disk' ? `[history]\nstore = "disk"\npath = "${this.#cwd}/history"\n` : '';
    writeFileSync(
      join(this.#cwd, 'holdfast.toml'),
      `${history}
[server]
listen = ["127.0.0.1:${this.port}"]
workers = ${workers}
upgrade_timeout = 2
[control]
listen = ["127.0.0.1:${this.#control}"]
[hub]
queue_items = ${queueItems}
[[channel]]
match = "kept.*"
history_items = ${items}
[[route]]
host = "*"
targets = ["${origin}"]
join = "lines"
`,
    );
  }
}
