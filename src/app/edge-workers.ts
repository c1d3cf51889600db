import cluster, { type Worker } from 'node:cluster';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/index.ts';
import { LinkRelay } from '../zhttp-client/index.ts';
import { type EdgeContext, ZmqEdgeLinks } from './edge-links.ts';
import type { WorkerOrder, WorkerReport } from './edge-messages.ts';
import type { LogLevel } from './logger.ts';
import { zhttpAddress } from './zhttp-address.ts';

/** What the processes of an edge are made of. */
export interface EdgeWorkersOptions extends EdgeContext {
  readonly edge: Config['edge'];
  readonly logLevel: LogLevel;
}

/** Milliseconds before a process that has died is started anew. */
const RESTART_DELAY = 500;

/** Milliseconds that processes have for their goodbyes. */
const STOP_TIMEOUT = 15_000;

/** The same program as source and built. */
const PROGRAM = fileURLToPath(new URL(`./edge-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url));

/** What workers load first: a signal for the whole group is for the main process to act on. */
const IGNORE_SIGNALS = fileURLToPath(new URL('../../bin/ignore-signals.js', import.meta.url));

/**
 * The edge in several processes: each accepts connections on the same addresses, and this one has the ZeroMQ endpoints. One that dies
 * loses its own connections alone, and is replaced.
 */
export class EdgeWorkers {
  readonly addresses: string[] = [];
  readonly #options: EdgeWorkersOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
  readonly #relays: LinkRelay[] = [];
  readonly #workers = new Set<Worker>();
  /** Those that have connections yet while all drain. */
  readonly #busy = new Set<Worker>();
  #stopping = false;
  #whenEmpty: (() => void) | null = null;

  constructor(options: EdgeWorkersOptions) {
    this.#options = options;
  }

  /**
   * Opens the endpoints, and starts the processes.
   * @throws Error when an address or an endpoint cannot be used
   */
  async start(): Promise<void> {
    const { edge } = this.#options;
    const links = new ZmqEdgeLinks(edge, this.#options);
    const modes = new Set(edge.listen.map(({ mode }) => mode));
    if (modes.has('stream'))
      await this.#relay('stream', new LinkRelay(this.#relayOptions, (sink) => links.openStream(sink)));
    if (modes.has('req')) await this.#relay('req', new LinkRelay(this.#relayOptions, (sink) => links.openReq(sink)));
    await links.ready();
    // Each process shall accept by itself: handing accepted sockets over would cost more than it evens out.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: PROGRAM, args: [], execArgv: [...process.execArgv, '--require', IGNORE_SIGNALS] });
    // One after the other: the first one clears away what an earlier run may have left at a path.
    for (let i = 0; i < edge.workers; i++) {
      const addresses = await this.#fork();
      if (i === 0) this.addresses.push(...addresses);
    }
  }

  drain(): void {
    for (const worker of this.#workers) {
      this.#busy.add(worker);
      order(worker, { order: 'drain' });
    }
    this.#stopping = true;
    this.#checkEmpty();
  }

  whenEmpty(): Promise<void> {
    if (this.#busy.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#workers].map(stopped));
    await Promise.all(this.#relays.map((relay) => relay.close()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #relayOptions() {
    const { edge, wheel, zmqCounters, counters, log } = this.#options;
    return { address: zhttpAddress(edge.id), context: { wheel, counters: zmqCounters, log }, counters, log };
  }

  async #relay(mode: 'stream' | 'req', relay: LinkRelay): Promise<void> {
    this.#relays.push(relay);
    await relay.open(this.#endpoint(mode));
  }

  #endpoint(mode: 'stream' | 'req'): string {
    return `ipc://${join(this.#folder, mode)}`;
  }

  /** Starts a process. Returns where it listens. */
  #fork(): Promise<readonly string[]> {
    const { edge, logLevel, log } = this.#options;
    const worker = cluster.fork();
    this.#workers.add(worker);
    const relays = { stream: this.#endpoint('stream'), req: this.#endpoint('req') };
    return new Promise((resolve, reject) => {
      worker.on('message', (report: WorkerReport) => {
        if (report.report === 'ready') order(worker, { order: 'start', edge, logLevel, relays });
        else if (report.report === 'listening') resolve(report.addresses);
        else if (report.report === 'failed') reject(new Error(report.reason));
        else this.#notBusy(worker);
      });
      worker.on('exit', (code, signal) => {
        this.#workers.delete(worker);
        this.#notBusy(worker);
        reject(new Error(`a worker ended at once: ${signal ?? `exit code ${code}`}`));
        if (this.#stopping) return;
        log.error({ pid: worker.process.pid, code, signal }, 'worker died, its connections are lost');
        setTimeout(() => this.#replace(), RESTART_DELAY);
      });
    });
  }

  #replace(): void {
    if (this.#stopping) return;
    this.#fork().catch((error: Error) => {
      if (!this.#stopping) this.#options.log.error({ reason: error.message }, 'worker cannot be replaced');
    });
  }

  #notBusy(worker: Worker): void {
    this.#busy.delete(worker);
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#stopping && this.#busy.size === 0) this.#whenEmpty?.();
  }
}

function order(worker: Worker, message: WorkerOrder): void {
  // One that is just dying cannot be told any more.
  if (worker.isConnected()) worker.send(message, () => {});
}

/** Lets a process end, and settles when it has. */
function stopped(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => worker.process.kill('SIGKILL'), STOP_TIMEOUT);
    worker.on('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    if (worker.isDead()) worker.emit('exit');
    else order(worker, { order: 'stop' });
  });
}
