import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_CLIENT_LIMITS, HttpClient, originOf } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import {
  type Counters,
  type Current,
  type Log,
  OriginCounters,
  ServerCounters,
  type Service,
} from '../exchange/index.ts';
import { describeAddress, UnixDialler } from '../net/index.ts';
import { ResumableStreams } from '../resume/index.ts';
import { HttpServer, type ServerLimits } from '../server/index.ts';
import { sweepSockets } from './sweep-sockets.ts';

/** Seconds that another process has to respond. */
const RESPONSE_TIMEOUT = 5;

/** Each stream from another process is a connection of its own, and closes at its end: a process that waits for it can end then. */
const CLIENT_LIMITS = { ...DEFAULT_CLIENT_LIMITS, responseTimeout: RESPONSE_TIMEOUT, bodyTimeout: 0, poolMaxIdle: 0 };

/** What it is made of. */
export interface StreamPlacesOptions {
  /** Of this server: processes with the same addresses find each other. */
  readonly listen: Config['server']['listen'];
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  /** Bytes of all streams of this process. */
  readonly maxBytes: Current<number>;
  readonly limits: Current<ServerLimits>;
}

/**
 * The streams of this process, and the way to those of the other processes of the server: further workers, and those that an upgrade has replaced. Each
 * process that has streams listens on a unix socket, which has the name that its event ids begin with.
 */
export class StreamPlaces {
  readonly streams: ResumableStreams;
  readonly #log: Log;
  readonly #folder: string;
  readonly #client: HttpClient;
  readonly #server: HttpServer;
  #listening = false;
  /** Responds for the other nodes of a cluster; null for one node by itself. */
  shared: Service | null = null;

  constructor({ listen, wheel, counters, log, maxBytes, limits }: StreamPlacesOptions) {
    this.#log = log;
    this.#folder = folderOf(listen);
    this.streams = new ResumableStreams({ wheel, counters, log, maxBytes });
    this.streams.onFirst = () => void this.#listen();
    this.#client = new HttpClient({
      dialler: new UnixDialler(this.#folder),
      wheel,
      // The clients of these are counted where they are.
      counters: new OriginCounters(),
      log,
      limits: { current: CLIENT_LIMITS },
    });
    this.#server = new HttpServer({
      service: this.streams.service,
      limits,
      wheel,
      counters: new ServerCounters(),
      log,
      idPrefix: 'stream-',
    });
  }

  /** Respond for the process with this name, which may not be there, and for those of other nodes. @param place 8 hex digits */
  sourcesOf(place: string): readonly Service[] {
    const own = place === this.streams.place ? this.streams.service : this.#serviceAt(place);
    return this.shared === null ? [own] : [own, this.shared];
  }

  /** Settles when no stream is left, and no process reads one. */
  async whenEmpty(): Promise<void> {
    await this.streams.whenEmpty();
    await this.#server.whenEmpty();
  }

  /** Ends all streams. */
  stop(): void {
    this.streams.close();
    this.#server.drain();
    this.#server.destroy();
    this.#client.close();
  }

  #serviceAt(place: string): Service {
    const origin = originOf(place, 1);
    return (request, requester) => this.#client.send(origin, request, requester);
  }

  async #listen(): Promise<void> {
    if (this.#listening) return;
    this.#listening = true;
    try {
      privateFolder(this.#folder);
      const path = join(this.#folder, this.streams.place);
      await this.#server.listen({ kind: 'unix', path, mode: 0o600, user: null, group: null }, { isPrivate: true });
    } catch (error) {
      this.#log.warn({ reason: reasonOf(error) }, 'clients can resume their streams in this process only');
      return;
    }
    try {
      await sweepSockets(this.#folder);
    } catch (error) {
      this.#log.warn({ reason: reasonOf(error) }, 'sockets of processes that were killed cannot be removed');
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The folder of the sockets of a server: the same for all its processes, and for no other server of the user. */
function folderOf(listen: Config['server']['listen']): string {
  const addresses = listen.map(describeAddress).join();
  const name = createHash('sha256').update(addresses).digest('hex').slice(0, 12);
  return join(tmpdir(), `holdfast-${process.getuid?.() ?? 0}-${name}`);
}

/**
 * Makes a folder that nobody else can look into.
 * @throws Error where there is something else in its place
 */
function privateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stats = lstatSync(path);
  const isOwn = stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0;
  if (!isOwn) throw new Error(`${path} is not a folder of this user alone`);
}
