import { fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attempt, fault, type Guarded, guarded } from '../clock/index.ts';
import { type CounterRegistry, type FaultReport, type Log, reportFault } from '../exchange/index.ts';
import { describeAddress, type ListenAddress, type PassedSocket, type ReservedSocket, reserve } from '../net/index.ts';
import type { ChangeParts } from './change-parts.ts';
import type { ClientQuestion } from './client-view.ts';
import type { ProcessTable } from './metrics/process-table.ts';
import { PoolChanges, type PreparedWorkers } from './pool-changes.ts';
import { PoolWorker } from './pool-worker.ts';
import type { MetricsSum } from './proxy-metrics.ts';
import { RestartDelay } from './restart-delay.ts';
import type { SocketHandle } from './upgrade/upgrade-channel.ts';
import type { MovingOrder, MovingReport } from './upgrade/upgrade-messages.ts';
import { FIRST_CHANNEL, type WorkerJob, type WorkerOrder, type WorkerReport } from './worker-messages.ts';

/** What is counted of worker processes. */
export class PoolCounters {
  /** Processes that serve. */
  workersOpen = 0;
  workersStarted = 0;
  /** Processes that died while they served: their connections were lost. */
  workersDied = 0;
}

/** Takes what the workers of all pools tell of themselves. */
export interface WorkerWatch {
  readonly processes: ProcessTable;
  readonly poolCounters: PoolCounters;
}

/** What a pool is made of. */
export interface WorkerPoolOptions<Job extends WorkerJob> {
  /** Processes that serve at a time. */
  readonly count: number;
  /** Sockets that each process shares with this one, beside the channel for orders. */
  readonly channels: number;
  /** Where the processes accept connections. The sockets belong to this process, so they stay when one dies. */
  readonly listen: readonly ListenAddress[];
  /** What the process in this place, from 0, is to do; called again for its replacements. */
  readonly job: (place: number) => Job;
  /** What the processes are to use, as one change. */
  readonly whole: () => ChangeParts;
  /** A process was started: `sockets` are its channels. */
  readonly onStarted: (job: Job, sockets: readonly Socket[]) => void;
  /** A process has ended. */
  readonly onEnded: (job: Job) => void;
  /** Hears what processes say of clients that move, perhaps with the handle of a socket. */
  readonly onMoving?: (job: Job, report: MovingReport, handle: SocketHandle | undefined) => void;
  /** Takes what the processes count. */
  readonly registry: CounterRegistry;
  /** Takes their metrics, where they have some. */
  readonly metrics?: MetricsSum;
  readonly watch: WorkerWatch;
  /** Counts faults of the pool itself. */
  readonly counters: FaultReport['counters'];
  readonly log: Log;
}

/** Milliseconds that a process has until it listens. */
const START_TIMEOUT = 30_000;

/** Milliseconds that a process has to end. */
const STOP_TIMEOUT = 15_000;

/** The same program as source and built. */
const PROGRAM = fileURLToPath(new URL(`./worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url));

/** What workers load first: a signal for the whole group is for the main process to act on. */
const IGNORE_SIGNALS = fileURLToPath(new URL('../../bin/ignore-signals.js', import.meta.url));

/** Processes that the pools of this process have started. */
let started = 0;

/**
 * Worker processes of one role, which accept connections on the same addresses. A process that dies loses its own connections alone and
 * is replaced, after ever longer waits while replacements fail.
 */
export class WorkerPool<Job extends WorkerJob> implements Guarded {
  /** Where the processes listen. */
  readonly addresses: string[] = [];
  readonly #options: WorkerPoolOptions<Job>;
  readonly #workers = new Set<PoolWorker<Job>>();
  /** Workers that still have connections while all drain. */
  readonly #busy = new Set<PoolWorker<Job>>();
  readonly #delays: readonly RestartDelay[];
  readonly #restarts = new Set<NodeJS.Timeout>();
  #sockets: readonly ReservedSocket[] = [];
  /** What the processes are told of other configurations. */
  readonly #changes: PoolChanges;
  #stopping = false;
  #whenEmpty: (() => void) | null = null;

  constructor(options: WorkerPoolOptions<Job>) {
    this.#options = options;
    this.#changes = new PoolChanges(options.whole, options.log);
    this.#delays = Array.from({ length: options.count }, () => new RestartDelay());
  }

  /**
   * Starts the processes.
   * @throws Error when one cannot start
   */
  async start(): Promise<void> {
    for (const address of this.#options.listen) this.#sockets = [...this.#sockets, await reserve(address)];
    // One after the other: what is wrong with the first one is wrong with all.
    for (let place = 0; place < this.#options.count; place++) {
      const addresses = await this.#fork(place);
      if (place === 0) this.addresses.push(...addresses);
    }
  }

  /** Other processes accept from now on. */
  retire(): void {
    this.#windDown({ order: 'retire' });
  }

  /** Ends what has stayed, spread over a time in milliseconds. */
  dismiss(time: number): void {
    this.order({ order: 'dismiss', time });
  }

  drain(): void {
    this.#windDown({ order: 'drain' });
  }

  whenEmpty(): Promise<void> {
    if (this.#busy.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Gives all processes that serve an order. */
  order(order: WorkerOrder): void {
    for (const worker of this.#serving) worker.order(order);
  }

  /**
   * Has all processes prepare a change.
   * @throws Error when one of them cannot use it; then none does
   */
  prepareChange(parts: ChangeParts): Promise<PreparedWorkers> {
    return this.#changes.prepare(parts);
  }

  /** The jobs of the processes that serve. */
  get serving(): readonly Job[] {
    return this.#serving.map(({ job }) => job);
  }

  get #serving(): readonly PoolWorker<Job>[] {
    return [...this.#workers].filter(({ servingSince }) => servingSince !== null);
  }

  /** Gives a process an order about clients that move. @param onSent is called when it has left, or cannot leave */
  move(idPrefix: string, message: MovingOrder, handle?: SocketHandle, onSent: () => void = () => {}): void {
    const worker = [...this.#workers].find(({ job }) => job.idPrefix === idPrefix);
    if (worker === undefined) onSent();
    else worker.order({ order: 'move', message }, handle, onSent);
  }

  /**
   * Asks about clients. Resolves with the answers that have come. The id of one begins with the prefix of its process; any process may have a client that
   * has come from another server process.
   */
  async askClients(question: ClientQuestion): Promise<readonly unknown[]> {
    const serving = this.#serving;
    const own = 'id' in question ? serving.filter(({ job }) => question.id.startsWith(job.idPrefix)) : [];
    const answers = await Promise.all((own.length > 0 ? own : serving).map((worker) => worker.ask(question)));
    return answers.filter((answer) => answer !== null);
  }

  /** Ends the processes. */
  async stop(): Promise<void> {
    this.#stopReplacing();
    this.#closeSockets();
    await Promise.all([...this.#workers].map((worker) => this.#end(worker)));
  }

  #windDown(order: WorkerOrder): void {
    this.#stopReplacing();
    this.#closeSockets();
    // One that does not serve yet has no connections.
    for (const worker of this.#serving) {
      this.#busy.add(worker);
      worker.order(order);
    }
    this.#checkEmpty();
  }

  #closeSockets(): void {
    for (const socket of this.#sockets) socket.close();
    this.#sockets = [];
  }

  /** The sockets as a process gets them. */
  get #passed(): PassedSocket[] {
    const { channels, listen } = this.#options;
    return listen.map((address, i) => ({
      address: describeAddress(address),
      fd: FIRST_CHANNEL + channels + i,
      file: null,
    }));
  }

  #stopReplacing(): void {
    this.#stopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    this.#restarts.clear();
  }

  /** Starts a process. Returns where it listens. */
  #fork(place: number): Promise<readonly string[]> {
    const { channels, job: jobOf, onStarted } = this.#options;
    const job = jobOf(place);
    const pipes = Array<'pipe'>(channels).fill('pipe');
    const child = fork(PROGRAM, [], {
      execArgv: [...process.execArgv, '--require', IGNORE_SIGNALS],
      // Each process accepts by itself: handing accepted sockets over would cost more than it evens out.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...pipes, ...this.#sockets.map(({ fd }) => fd)],
      // What clients that move have in buffers goes as it is.
      serialization: 'advanced',
    });
    const worker = new PoolWorker(place, job, ++started, child, this.#changes.generation);
    this.#workers.add(worker);
    const listens = new Promise<readonly string[]>((resolve, reject) => {
      worker.onListening = resolve;
      worker.onFailed = reject;
    });
    worker.process.on(
      'message',
      guarded(this, (report: WorkerReport, handle?: SocketHandle) => this.#onReport(worker, report, handle)),
    );
    worker.process.on(
      'exit',
      guarded(this, (code: number | null, signal: string | null) => this.#onExit(worker, code, signal)),
    );
    worker.process.on(
      'error',
      guarded(this, (error: Error) => {
        worker.onFailed(error);
        // One that could not be started has no exit.
        if (worker.process.pid === undefined) this.#onExit(worker, null, null);
      }),
    );
    worker.startTimer = setTimeout(
      guarded(this, () => worker.process.kill('SIGKILL')),
      START_TIMEOUT,
    );
    const { stdio } = worker.process;
    try {
      onStarted(job, stdio.slice(FIRST_CHANNEL, FIRST_CHANNEL + channels) as unknown as Socket[]);
    } catch (thrown) {
      fault(this, thrown);
      // Its exit says that it failed, and has it replaced.
      worker.process.kill('SIGKILL');
    }
    return listens;
  }

  #onReport(worker: PoolWorker<Job>, report: WorkerReport, handle: SocketHandle | undefined): void {
    switch (report.report) {
      case 'ready':
        worker.order({ order: 'start', job: worker.job, listening: this.#passed });
        break;
      case 'listening':
        clearTimeout(worker.startTimer);
        worker.servingSince = performance.now();
        this.#options.watch.poolCounters.workersOpen++;
        this.#options.watch.poolCounters.workersStarted++;
        worker.onListening(report.addresses);
        this.#changes.add(worker, worker.generation);
        // It was still starting when the others were told.
        if (this.#stopping) worker.order({ order: 'drain' });
        break;
      case 'taken':
      case 'prepared':
        this.#changes.onReport(worker, report);
        break;
      case 'failed':
        worker.onFailed(new Error(report.reason));
        break;
      case 'counters':
        worker.counters = report.counters;
        this.#options.registry.report(worker.name, report.counters);
        if (report.process !== undefined) this.#options.watch.processes.report(worker.placeName, report.process);
        if (report.metrics !== undefined) this.#options.metrics?.report(worker.name, report.metrics);
        break;
      case 'move':
        this.#options.onMoving?.(worker.job, report.message, handle);
        break;
      case 'answer':
        worker.answered(report.number, report.value);
        break;
      default:
        this.#notBusy(worker);
    }
  }

  #onExit(worker: PoolWorker<Job>, code: number | null, signal: string | null): void {
    const { registry, metrics, log, onEnded, watch } = this.#options;
    clearTimeout(worker.startTimer);
    this.#workers.delete(worker);
    this.#notBusy(worker);
    attempt(this, () => worker.end());
    attempt(this, () => this.#changes.remove(worker));
    worker.onFailed(new Error(`a worker ended at once: ${signal ?? `exit code ${code}`}`));
    // What goes wrong here must not keep the process from being replaced.
    attempt(this, () => registry.end(worker.name));
    attempt(this, () => metrics?.end(worker.name));
    attempt(this, () => watch.processes.end(worker.placeName));
    if (worker.servingSince !== null) watch.poolCounters.workersOpen--;
    attempt(this, () => onEnded(worker.job));
    const { pid } = worker.process;
    if (this.#stopping) {
      log.info({ pid, counters: worker.counters }, 'worker stopped');
      return;
    }
    const { servingSince, place } = worker;
    const lifetime = servingSince === null ? 0 : performance.now() - servingSince;
    const delay = (this.#delays[place] as RestartDelay).next(lifetime);
    if (servingSince !== null) {
      watch.poolCounters.workersDied++;
      log.error({ pid, code, signal, counters: worker.counters }, 'worker died, its connections are lost');
    }
    this.#replaceLater(place, delay);
  }

  #replaceLater(place: number, delay: number): void {
    const timer = setTimeout(
      guarded(this, () => {
        this.#restarts.delete(timer);
        this.#replace(place);
      }),
      delay,
    );
    this.#restarts.add(timer);
  }

  #replace(place: number): void {
    const failed = guarded(this, ({ message: reason }: Error) => {
      if (!this.#stopping) this.#options.log.error({ reason }, 'worker cannot be replaced yet');
    });
    try {
      this.#fork(place).catch(failed);
    } catch (error) {
      failed(error as Error);
      this.#replaceLater(place, (this.#delays[place] as RestartDelay).next(0));
    }
  }

  /** Lets a process end, and settles when it has. */
  #end(worker: PoolWorker<Job>): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        guarded(this, () => worker.process.kill('SIGKILL')),
        STOP_TIMEOUT,
      );
      const ended = () => {
        clearTimeout(timer);
        resolve();
      };
      worker.process.on('exit', ended);
      if (worker.process.exitCode !== null || worker.process.signalCode !== null) ended();
      // A worker that never listened has no clients.
      else if (worker.servingSince === null) worker.process.kill('SIGKILL');
      else worker.order({ order: 'stop' });
    });
  }

  #notBusy(worker: PoolWorker<Job>): void {
    this.#busy.delete(worker);
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#stopping && this.#busy.size === 0) this.#whenEmpty?.();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }
}
