import { HttpClient, originOf } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import type { Mongrel2Dir, Mongrel2Proxy, Mongrel2Server } from '../config/index.ts';
import { type Log, OriginCounters, ServerCounters, type Service } from '../exchange/index.ts';
import { FilesCounters, type ServedFolder, StaticFiles } from '../files/index.ts';
import { type FoundRoute, fixedResponse, Mongrel2Counters, Mongrel2Service } from '../mongrel2/index.ts';
import { SystemResolver, TcpDialler, type TlsSettings } from '../net/index.ts';
import { HttpServer } from '../server/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import { MONGREL2_CLIENT_LIMITS, mongrel2Limits } from './mongrel2-limits.ts';
import { PidFile } from './pid-file.ts';
import { siteTls } from './tls-listener.ts';

/** What all Mongrel2 servers of a process count, by part. */
export function newMongrel2Counters() {
  return {
    server: new ServerCounters(),
    handlers: new Mongrel2Counters(),
    client: new OriginCounters(),
    files: new FilesCounters(),
    zmq: new ZmqCounters(),
  };
}

/** What the role is made of. */
export interface Mongrel2RoleOptions {
  readonly server: Mongrel2Server;
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: ReturnType<typeof newMongrel2Counters>;
  /** Serves the folders, for all servers of a process. Default: one for this server. */
  readonly files?: StaticFiles;
}

/** One server of a Mongrel2 site: clients on one side; handlers, origins and folders on the other. */
export class Mongrel2Role {
  /** Where clients can connect. */
  address = '';
  readonly #options: Mongrel2RoleOptions;
  readonly #client: HttpClient;
  readonly #site: Mongrel2Service;
  readonly #http: HttpServer;
  readonly #files: StaticFiles;
  readonly #folders = new Map<Mongrel2Dir, ServedFolder>();
  readonly #tls: TlsSettings | undefined;
  readonly #pidFile: PidFile | null;

  /** @throws SiteRouteError for a host or route that cannot be matched */
  constructor(options: Mongrel2RoleOptions) {
    const { server, wheel, log, counters } = options;
    const { settings } = server;
    this.#options = options;
    this.#files = options.files ?? new StaticFiles({ counters: counters.files, log });
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
      counters: counters.handlers,
      zmqCounters: counters.zmq,
    });
    this.#http = new HttpServer({
      service: this.#site.service,
      limits: { current: mongrel2Limits(settings) },
      describeError: fixedResponse,
      wheel,
      log,
      counters: counters.server,
    });
  }

  /** Endpoints that handlers can connect to, two for each. */
  get endpoints(): string[] {
    return this.#site.handlers.flatMap(({ endpoints }) => [endpoints.send, endpoints.recv]);
  }

  /**
   * Binds the endpoints of the handlers, and then listens.
   * @throws Error when the address, a certificate or the pid file cannot be used
   */
  async start(): Promise<void> {
    this.#tls?.identities.check();
    this.#pidFile?.write();
    await this.#site.open();
    this.address = (await this.#http.listen(this.#options.server.listen, { tls: this.#tls })).address;
  }

  /** Reads certificates that have changed again, with the next connection. */
  refreshCertificates(): void {
    this.#tls?.identities.refresh();
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
  async stop(): Promise<void> {
    this.#http.destroy();
    await this.#http.whenEmpty();
    await this.#site.stop();
    this.#client.close();
    this.#pidFile?.remove();
  }

  #serviceOf(target: Mongrel2Proxy | Mongrel2Dir, { prefix }: FoundRoute): Service {
    if (target.kind === 'dir') return this.#folderOf(target).service(prefix);
    const origin = originOf(target.host, target.port);
    return (request, requester) => this.#client.send(origin, request, requester);
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
