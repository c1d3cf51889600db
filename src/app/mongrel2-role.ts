import { stat } from 'node:fs/promises';
import { HttpClient, originOf } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import type { Mongrel2Dir, Mongrel2Proxy, Mongrel2Server } from '../config/index.ts';
import {
  type Current,
  type ExchangeObserver,
  type Log,
  OriginCounters,
  ServerCounters,
  type Service,
  systemErrorText,
} from '../exchange/index.ts';
import { FilesCounters, type ServedFolder, StaticFiles } from '../files/index.ts';
import {
  type ConnectionTable,
  type FoundRoute,
  fixedResponse,
  Mongrel2Counters,
  Mongrel2Service,
} from '../mongrel2/index.ts';
import { SystemResolver, TcpDialler } from '../net/index.ts';
import { HttpServer, type Tracing } from '../server/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import type { LogLevel } from './logger.ts';
import { type ControlledRole, Mongrel2Control } from './mongrel2-control.ts';
import { MONGREL2_CLIENT_LIMITS, mongrel2Limits } from './mongrel2-limits.ts';
import { Mongrel2Logs } from './mongrel2-logs.ts';
import { PidFile } from './pid-file.ts';
import { siteTls } from './tls-listener.ts';
import type { OldProcess } from './upgrade/old-process.ts';

/** What all Mongrel2 servers of a process count, by part. */
export function newMongrel2Counters() {
  return {
    server: new ServerCounters(),
    handlers: new Mongrel2Counters(),
    client: new OriginCounters(),
    folders: new FilesCounters(),
    zmq: new ZmqCounters(),
  };
}

/** What the role is made of. */
export interface Mongrel2RoleOptions {
  readonly server: Mongrel2Server;
  readonly wheel: TimerWheel;
  /** The log of the process, for servers without an error log. */
  readonly log: Log;
  /** Of the error log. Default: info. */
  readonly level?: LogLevel;
  readonly counters: ReturnType<typeof newMongrel2Counters>;
  /** Is told of each exchange. Default: nobody is. */
  readonly observer?: Current<ExchangeObserver | null>;
  /** How requests take part in traces. Default: not at all. */
  readonly tracing?: Current<Tracing | null>;
  /** Serves the folders, for all servers of a process. Default: one for this server. */
  readonly files?: StaticFiles;
  /** The control port has ended the server. */
  readonly onEnded?: () => void;
  /** The process that this one replaces: the pid file is that one's until this one is the main one. Default: none. */
  readonly old?: OldProcess | null;
}

/** One server of a Mongrel2 site: clients on one side; handlers, origins and folders on the other. */
export class Mongrel2Role implements ControlledRole {
  /** Where clients can connect. */
  address = '';
  readonly #options: Mongrel2RoleOptions;
  readonly #client: HttpClient;
  readonly #site: Mongrel2Service;
  readonly #http: HttpServer;
  readonly #files: StaticFiles;
  readonly #folders = new Map<Mongrel2Dir, ServedFolder>();
  readonly #tls: ReturnType<typeof siteTls>;
  readonly #pidFile: PidFile | null;
  readonly #control: Mongrel2Control;
  readonly #logs: Mongrel2Logs;
  #stopped: Promise<void> | null = null;

  /** @throws SiteRouteError for a host or route that cannot be matched */
  constructor(options: Mongrel2RoleOptions) {
    const { server, wheel, level = 'info', counters } = options;
    this.#logs = new Mongrel2Logs(server, level, options.log, (lines) => {
      counters.handlers.accessLinesLost += lines;
    });
    const { log, accessLog } = this.#logs;
    const { settings } = server;
    this.#options = options;
    this.#files = options.files ?? new StaticFiles({ counters: counters.folders, log, wheel });
    this.#tls = siteTls(server, { wheel, counters: counters.server, log });
    this.#pidFile = server.pidFile === null ? null : new PidFile(server.pidFile);
    this.#client = new HttpClient({
      dialler: new TcpDialler({ resolver: new SystemResolver(), log }),
      wheel,
      log,
      counters: counters.client,
      limits: { current: MONGREL2_CLIENT_LIMITS },
    });
    this.#site = new Mongrel2Service({
      server,
      serviceOf: (target, route) => this.#serviceOf(target, route),
      wheel,
      log,
      accessLog,
      counters: counters.handlers,
      clientCounters: counters.client,
      zmqCounters: counters.zmq,
    });
    this.#http = new HttpServer({
      service: this.#site.service,
      rawService: this.#site.rawService,
      limits: { current: mongrel2Limits(settings) },
      describeError: fixedResponse,
      observer: options.observer,
      tracing: options.tracing,
      wheel,
      log,
      counters: counters.server,
    });
    const { handlers, zmq: zmqCounters } = counters;
    const onEnded = options.onEnded ?? (() => {});
    this.#control = new Mongrel2Control({ server, role: this, wheel, log, zmqCounters, counters: handlers, onEnded });
  }

  /** The connections that handlers have been given. */
  get connections(): ConnectionTable {
    return this.#site.connections;
  }

  /** Endpoints that handlers can connect to, two for each. */
  get endpoints(): string[] {
    return this.#site.handlers.flatMap(({ endpoints }) => [endpoints.send, endpoints.recv]);
  }

  /**
   * Binds the endpoints of the handlers and the control port, and then listens.
   * @throws Error when the address, a certificate or the pid file cannot be used
   */
  async start(): Promise<void> {
    this.#tls?.identities.check();
    const { old = null } = this.#options;
    if (old === null) this.#pidFile?.write();
    else void old.done.then(() => this.#takePidFile());
    await this.#checkFolders();
    await this.#site.open();
    await this.#control.open();
    this.address = (await this.#http.listen(this.#options.server.listen, { tls: this.#tls })).address;
  }

  /** The process ends now. */
  quit(): void {
    this.#pidFile?.remove();
  }

  /** Another process accepts: what is open goes on. */
  retire(): void {
    this.#http.retire();
  }

  /** Ends what has stayed, spread over a time in milliseconds. */
  dismiss(time: number): void {
    this.#http.dismiss(time);
  }

  /** Takes no more connections, and ends those that await nothing. */
  drain(): void {
    this.#http.drain();
    this.#site.drain();
  }

  whenEmpty(): Promise<void> {
    return this.#http.whenEmpty();
  }

  /** Cuts the connections that are left, and tells the handlers. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopNow();
    return this.#stopped;
  }

  #takePidFile(): void {
    if (this.#stopped !== null) return;
    try {
      this.#pidFile?.write(this.#options.old?.pid);
    } catch (error) {
      this.#logs.log.error({ reason: systemErrorText(error) }, 'the pid file still names the process before this one');
    }
  }

  async #stopNow(): Promise<void> {
    this.#http.destroy();
    await this.#http.whenEmpty();
    await Promise.all([this.#site.stop(), this.#control.close()]);
    this.#files.close();
    this.#client.close();
    this.#pidFile?.remove();
    this.#logs.close();
  }

  /**
   * Opens the logs again, and reads certificates that have changed again, with the next connection. Returns false if a log cannot be opened: the old one
   * stays in use.
   */
  reload(): boolean {
    this.#tls?.identities.refresh();
    return this.#logs.reopen();
  }

  #serviceOf(target: Mongrel2Proxy | Mongrel2Dir, { prefix }: FoundRoute): Service {
    if (target.kind === 'dir') return this.#folderOf(target).service(prefix);
    const origin = originOf(target.host, target.port);
    return (request, requester) => this.#client.send(origin, request, requester);
  }

  /** A folder may come later, so the server runs without it. It is named, because its routes say no more than 404. */
  async #checkFolders(): Promise<void> {
    const targets = this.#options.server.hosts.flatMap(({ routes }) => routes.map(({ target }) => target));
    const bases = targets.flatMap((target) => (target.kind === 'dir' ? [target.base] : []));
    for (const path of new Set(bases)) {
      const reason = await folderProblem(path);
      if (reason !== null) this.#logs.log.warn({ path, reason }, 'folder of a route is missing');
    }
  }

  /** Routes to the same folder share what is known of its files. */
  #folderOf(target: Mongrel2Dir): ServedFolder {
    const known = this.#folders.get(target);
    if (known !== undefined) return known;
    const { server } = this.#options;
    const folder = this.#files.folder({ ...target, root: target.base, types: server.mimeTypes, server: 'Holdfast' });
    this.#folders.set(target, folder);
    return folder;
  }
}

/** Why no file can be served from `path`; null if it is a folder. */
async function folderProblem(path: string): Promise<string | null> {
  try {
    return (await stat(path)).isDirectory() ? null : 'not a folder';
  } catch (error) {
    return systemErrorText(error);
  }
}
