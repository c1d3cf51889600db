import { attempt } from '../clock/index.ts';
import { pathOf } from '../codec/http1/index.ts';
import {
  ExchangeError,
  type HeaderList,
  type Log,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  type Service,
} from '../exchange/index.ts';
import { Conditions } from './conditions.ts';
import type { EntryMap } from './file-cache.ts';
import { FileEntry } from './file-entry.ts';
import { FileExchange } from './file-exchange.ts';
import type { Found } from './file-loader.ts';
import { type FileResponse, plainResponse, redirectResponse, responseFor } from './file-response.ts';
import type { FilesHost, LoadingFolder } from './files-host.ts';
import type { FolderOptions } from './folder-options.ts';
import { relativePath } from './relative-path.ts';

const SLASH = 0x2f;

/** Requests for a file that is being looked for: those that came before that began, and others, which may be about a later state of the file. */
interface Waiting {
  readonly first: readonly FileExchange[];
  readonly later: FileExchange[];
}

/** A folder of files. It makes services, one for each route that leads to it. */
export class ServedFolder implements LoadingFolder {
  readonly options: FolderOptions;
  readonly counters: { faults: number };
  readonly log: Log;
  /** Small files with their content, and larger ones while they are being sent. */
  readonly entries: EntryMap = new Map();
  readonly #host: FilesHost;
  readonly #ttl: number;
  readonly #waiting = new Map<string, Waiting>();

  constructor(options: FolderOptions, host: FilesHost) {
    this.options = options;
    this.counters = host.counters;
    this.log = host.log;
    this.#host = host;
    this.#ttl = options.cacheTtl * 1_000;
  }

  /**
   * Serves the folder to requests whose path begins with `prefix`: what follows it is looked up. As in Mongrel2 a path that is the prefix
   * itself, without a slash at its end, is looked up as a whole: so the route `/favicon.ico` serves the file of that name.
   */
  service(prefix: string): Service {
    return (request, requester) => this.#serve(request, requester, prefix);
  }

  #serve(request: RequestHead, requester: Requester, prefix: string): Responder {
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      return this.#send(request, requester, this.#plain(405, ['Allow', 'GET, HEAD']), null);
    }
    const key = this.#keyOf(pathOf(request.target), prefix);
    if (key === null) return this.#send(request, requester, this.#plain(404), null);
    const entry = this.entries.get(key);
    if (entry === undefined || !entry.isCurrent(this.#host.clock(), this.#ttl)) {
      if (entry !== undefined) this.#host.forget(entry, this.entries);
      const exchange = new FileExchange(request, requester, this);
      this.#load(key, exchange);
      return exchange;
    }
    entry.recent = true;
    const { content } = entry;
    // Most requests: a small file, and nothing to compare.
    const simple = content !== null && method === 'GET' && content.length <= request.credits;
    if (simple && Conditions.of(request.headers) === null) {
      requester.onResponse(entry.wholeHead(this.#host.date()));
      requester.onResponseData(content, false);
      return NO_RESPONDER;
    }
    return this.#send(request, requester, this.#responseFor(entry, request), entry);
  }

  /** The path of the file below the folder; null for what no file can be. */
  #keyOf(path: string, prefix: string): string | null {
    const isFolder = path.charCodeAt(path.length - 1) === SLASH;
    const key = relativePath(path, !isFolder && path === prefix ? 0 : prefix.length);
    return isFolder && key !== null ? key + this.options.indexFile : key;
  }

  #plain(status: number, fields: HeaderList = []): FileResponse {
    return plainResponse(status, this.#host.date(), this.options.server, fields);
  }

  #responseFor(entry: FileEntry, request: RequestHead): FileResponse {
    return responseFor(entry, request, this.#host.date(), this.options.server);
  }

  #send(request: RequestHead, requester: Requester, response: FileResponse, entry: FileEntry | null): Responder {
    const exchange = new FileExchange(request, requester, this);
    exchange.respond(response, entry);
    return exchange;
  }

  /** Looks for a file once for all that ask for it meanwhile. */
  #load(key: string, exchange: FileExchange): void {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) waiting.later.push(exchange);
    else this.#loadFor(key, [exchange]);
  }

  #loadFor(key: string, first: readonly FileExchange[]): void {
    this.#waiting.set(key, { first, later: [] });
    this.#host.load(this, key);
  }

  onFound(key: string, outcome: Found | ExchangeError): void {
    const { first, later } = this.#waiting.get(key) as Waiting;
    this.#waiting.delete(key);
    const current =
      later.length > 0 && outcome instanceof FileEntry && outcome.isCurrent(this.#host.clock(), this.#ttl);
    // Before any response: with it a connection may go on to its next request, which may be for the same file.
    if (later.length > 0 && !current) this.#loadFor(key, later);
    for (const exchange of first) attempt(exchange, respondTo, this, outcome);
    if (current) for (const exchange of later) attempt(exchange, respondTo, this, outcome);
  }

  /** Responds with what was found. */
  respond(exchange: FileExchange, outcome: Found | ExchangeError): void {
    const { request } = exchange;
    if (outcome instanceof FileEntry) {
      exchange.respond(this.#responseFor(outcome, request), outcome);
    } else if (outcome instanceof ExchangeError) {
      exchange.fail(outcome);
    } else if (outcome === 'folder' && !pathOf(request.target).endsWith('/')) {
      exchange.respond(redirectResponse(request, this.#host.date(), this.options.server), null);
    } else {
      // A folder where the index should be leads nowhere.
      exchange.respond(this.#plain(404), null);
    }
  }

  clock(): number {
    return this.#host.clock();
  }

  use(entry: FileEntry): void {
    if (entry.users++ === 0) this.#host.onUsed(entry);
  }

  leave(entry: FileEntry): void {
    if (--entry.users === 0) this.#host.onUnused(entry, this.entries);
  }

  onFailed(error: ExchangeError): void {
    this.#host.onFailed(error);
  }
}

function respondTo(exchange: FileExchange, folder: ServedFolder, outcome: Found | ExchangeError): void {
  folder.respond(exchange, outcome);
}
