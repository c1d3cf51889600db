import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { type ConfigSource, type LoadedConfig, ReloadError } from '../app/index.ts';
import { inSlices } from '../clock/index.ts';
import type { Route } from '../config/index.ts';
import type { ConfigReading, ReadRequest } from './config-reading.ts';
import type { ReadFile } from './config-texts.ts';
import type { ThreadAnswer, ThreadRequest } from './config-thread.ts';
import { fileState } from './read-config-text.ts';

/** Milliseconds without a reload after which the thread ends: it takes some 50 MB. */
const IDLE_TIME = 5_000;

/** Megabytes of objects that a configuration may become while it is read. */
const MAX_HEAP = 1_024;

/** The same program as source and built. */
const PROGRAM = fileURLToPath(new URL(`./config-thread${extname(fileURLToPath(import.meta.url))}`, import.meta.url));

/** The files of a configuration, the overlay and the command line. They are read again in a thread of their own. */
export class FilesSource implements ConfigSource {
  readonly #request: ReadRequest;
  #files: readonly ReadFile[];
  /** The configuration file. */
  #file: string | null;
  #routesFile: string;
  /** The state of the routes file when it was read last. */
  #triedRoutes: string;
  #thread: Worker | null = null;
  #idleTimer: NodeJS.Timeout | undefined;
  #answered: (answer: ThreadAnswer) => void = () => {};
  /** Tells that the routes file is another one. */
  onRoutesFile: (file: string) => void = () => {};

  /** @param reading what the program has started with */
  constructor(request: ReadRequest, { files, loaded, routesFile }: ConfigReading) {
    this.#request = request;
    this.#files = files;
    this.#file = loaded.file;
    this.#routesFile = routesFile;
    this.#triedRoutes = files.find(({ file }) => file === routesFile)?.state ?? '';
  }

  /** Empty without one. */
  get routesFile(): string {
    return this.#routesFile;
  }

  /** Whether the routes file is another one than was read last, or was tried to. */
  get hasNewRoutes(): boolean {
    const state = fileState(this.#routesFile);
    return state !== '' && state !== this.#triedRoutes;
  }

  /** A file that is about to be written is empty at first. Whoever wants all defaults can write a comment; a routes file may have no routes. */
  get #filled(): string | null {
    const read = this.#files.find(({ file }) => file === this.#file);
    return read === undefined || read.text.trim() === '' ? null : read.file;
  }

  async read(what: 'all' | 'routes'): Promise<LoadedConfig> {
    const known = what === 'all' ? [] : this.#files.filter(({ file }) => file !== this.#routesFile);
    this.#triedRoutes = fileState(this.#routesFile);
    const answer = await this.#ask({ request: this.#request, known, filled: this.#filled });
    if (answer.answer === 'failed') throw new ReloadError(answer.message, answer.issues);
    const { loaded, files, routesFile } = answer.reading;
    this.#file = loaded.file;
    const routes: Route[] = [];
    await inSlices(answer.routes, (piece) => {
      for (const route of deserialize(piece) as Route[]) routes.push(route);
    });
    this.#files = files;
    this.#triedRoutes = files.find(({ file }) => file === routesFile)?.state ?? '';
    if (routesFile !== this.#routesFile) {
      this.#routesFile = routesFile;
      this.onRoutesFile(routesFile);
    }
    return { ...loaded, config: { ...loaded.config, routes } };
  }

  /** Ends the thread. */
  close(): void {
    clearTimeout(this.#idleTimer);
    const thread = this.#thread;
    this.#thread = null;
    void thread?.terminate();
  }

  /** The reloader asks for one thing at a time. */
  #ask(request: ThreadRequest): Promise<ThreadAnswer> {
    clearTimeout(this.#idleTimer);
    this.#thread ??= this.#newThread();
    this.#thread.ref();
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#thread?.postMessage(request);
    });
  }

  #newThread(): Worker {
    const thread = new Worker(PROGRAM, { resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP } });
    const fail = (message: string): void => {
      // One that was told to end does so when there may be another one.
      if (this.#thread !== thread) return;
      this.#thread = null;
      this.#settle({ answer: 'failed', message, issues: [] });
    };
    thread.on('message', (answer: ThreadAnswer) => {
      thread.unref();
      this.#idleTimer = setTimeout(() => this.close(), IDLE_TIME).unref();
      this.#settle(answer);
    });
    thread.on('error', (error) => fail(`the configuration cannot be read: ${(error as Error).message}`));
    thread.on('exit', (code) => fail(`the thread that reads the configuration has ended with the code ${code}`));
    return thread;
  }

  #settle(answer: ThreadAnswer): void {
    const answered = this.#answered;
    this.#answered = () => {};
    answered(answer);
  }
}
