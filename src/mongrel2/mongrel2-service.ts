import { type TimerWheel, TurnQueue } from '../clock/index.ts';
import type { Mongrel2Dir, Mongrel2Handler, Mongrel2Proxy, Mongrel2Server, Mongrel2Settings } from '../config/index.ts';
import {
  ExchangeError,
  HeldTotal,
  type Log,
  NO_RESPONDER,
  type OriginCounters,
  type RawService,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
  type Service,
} from '../exchange/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { type AccessLog, SiteAccessLog } from './access-log.ts';
import { Answers } from './answers.ts';
import { MAX_INPUT_BYTES } from './client-input.ts';
import { ConnectionKiller } from './connection-killer.ts';
import { ConnectionTable } from './connection-table.ts';
import { HandlerSockets } from './handler-sockets.ts';
import { HandlerTarget } from './handler-target.ts';
import { HeldAnswers } from './held-answers.ts';
import { LoggedExchange } from './logged-exchange.ts';
import { logFailure, loggedRequest } from './logged-request.ts';
import type { Mongrel2Counters } from './mongrel2-counters.ts';
import { requestFault } from './request-check.ts';
import { type FoundRoute, SiteRoutes } from './routing/index.ts';
import type { Site } from './site.ts';
import { SocketConnection, type SocketRoutes } from './socket-connection.ts';
import { UploadStore } from './upload-store.ts';

/**
 * Bytes that wait for the clients of one site. An answer for many counts once, and costs each of them at least 256. Beyond it those that hold the most are cut off, until a quarter of it is free.
 * @bound mongrel2-held-total
 */
const MAX_HELD_BYTES = 268_435_456;

/** What a site is made of. */
export interface Mongrel2ServiceOptions {
  readonly server: Mongrel2Server;
  /** The service for what is no handler. */
  readonly serviceOf: (target: Mongrel2Proxy | Mongrel2Dir, route: FoundRoute) => Service;
  readonly wheel: TimerWheel;
  readonly counters: Mongrel2Counters;
  /** Counts faults of exchanges with what is no handler. */
  readonly clientCounters: OriginCounters;
  readonly zmqCounters: ZmqCounters;
  readonly log: Log;
  /** Null: nothing is logged. */
  readonly accessLog: AccessLog | null;
  /** As `SiteContext` has them. */
  readonly maxClientBytes?: number;
  readonly maxWaitingBytes?: number;
  /** Default: `MAX_HELD_BYTES`. */
  readonly maxHeldBytes?: number;
  /** Default: `MAX_INPUT_BYTES`. */
  readonly maxInputBytes?: number;
}

/** What takes the requests of one route. */
interface RouteTarget {
  begin(request: RequestHead, requester: Requester): Responder;
}

/** One site: finds the route of each request, and gives it to what is there. */
export class Mongrel2Service implements Site, SocketRoutes {
  readonly settings: Mongrel2Settings;
  readonly wheel: TimerWheel;
  readonly counters: Mongrel2Counters;
  readonly zmqCounters: ZmqCounters;
  readonly log: Log;
  readonly connections = new ConnectionTable();
  readonly turn = new TurnQueue();
  readonly held: HeldAnswers;
  readonly inputs: HeldTotal;
  readonly accessLog: SiteAccessLog;
  readonly uploads: UploadStore | null;
  readonly maxClientBytes: number | undefined;
  readonly maxWaitingBytes: number | undefined;
  readonly #options: Mongrel2ServiceOptions;
  readonly #routes: SiteRoutes;
  readonly #targets = new Map<FoundRoute, RouteTarget>();
  readonly #handlers = new Map<Mongrel2Handler, HandlerSockets>();
  readonly #killer: ConnectionKiller;

  /** @throws SiteRouteError for a host or route that cannot be matched */
  constructor(options: Mongrel2ServiceOptions) {
    const { server } = options;
    this.#options = options;
    this.settings = server.settings;
    this.wheel = options.wheel;
    this.counters = options.counters;
    this.zmqCounters = options.zmqCounters;
    this.log = options.log;
    this.maxClientBytes = options.maxClientBytes;
    this.maxWaitingBytes = options.maxWaitingBytes;
    this.held = new HeldAnswers(
      options.maxHeldBytes ?? MAX_HELD_BYTES,
      this,
      'clients take too little, some are cut off',
    );
    const { maxInputBytes = MAX_INPUT_BYTES } = options;
    this.inputs = new HeldTotal(maxInputBytes, this, 'clients have too much that is not complete, some are cut off');
    this.accessLog = new SiteAccessLog(options.accessLog);
    this.uploads = this.#newStore();
    this.#routes = new SiteRoutes(server.hosts, server.defaultHost);
    const answers = new Answers(this);
    for (const { routes } of server.hosts) {
      for (const { target } of routes) {
        if (target.kind !== 'handler' || this.#handlers.has(target)) continue;
        this.#handlers.set(target, new HandlerSockets(target, this, answers));
      }
    }
    this.#killer = new ConnectionKiller(this);
  }

  /** The sockets of each handler. */
  get handlers(): readonly HandlerSockets[] {
    return [...this.#handlers.values()];
  }

  /** Binds the sockets of all handlers. Where that fails it is tried again, and requests get a 502 meanwhile. */
  async open(): Promise<void> {
    await Promise.all(this.handlers.map((sockets) => sockets.open()));
  }

  readonly service: Service = (request, requester) => {
    const fault = requestFault(request, this.settings.relaxedRequests);
    if (fault !== null) return this.#refuse(request, requester, new ExchangeError('HF_BAD_REQUEST', fault));
    const { target, authority } = request;
    const mark = target.indexOf('?');
    const route = this.#routes.find(authority, mark === -1 ? target : target.slice(0, mark));
    if (route === null) return this.#refuse(request, requester, new ExchangeError('HF_NO_ROUTE'));
    return this.#targetOf(route).begin(request, requester);
  };

  #targetOf(route: FoundRoute): RouteTarget {
    let target = this.#targets.get(route);
    if (target === undefined) {
      target = this.#newTarget(route);
      this.#targets.set(route, target);
    }
    return target;
  }

  #newTarget(found: FoundRoute): RouteTarget {
    const { target } = found.route;
    if (target.kind !== 'handler') return { begin: this.#noted(target, found) };
    return new HandlerTarget(this, this.#handlers.get(target) as HandlerSockets, found.pattern);
  }

  /** The service of a target that is no handler, with notes of what it responds. */
  #noted(target: Mongrel2Dir | Mongrel2Proxy, found: FoundRoute): Service {
    const service = this.#options.serviceOf(target, found);
    const origin = target.kind === 'proxy' ? `${target.host}:${target.port}` : '';
    const { accessLog } = this;
    const { clientCounters } = this.#options;
    return (request, requester) => {
      const { record = null } = request;
      if (record === null && accessLog.silent) return service(request, requester);
      if (record !== null) {
        record.route = found.pattern;
        record.origin = origin;
      }
      const exchange = new LoggedExchange(requester, clientCounters, accessLog, loggedRequest(request));
      exchange.attach(service(request, exchange));
      return exchange;
    };
  }

  /** Takes the clients of JSON and XML sockets. */
  readonly rawService: RawService = (client) => new SocketConnection(this, this, client);

  socketTarget(path: string): HandlerTarget | null {
    const route = this.#routes.find('', path);
    const target = route === null ? null : this.#targetOf(route);
    return target instanceof HandlerTarget ? target : null;
  }

  #newStore(): UploadStore | null {
    const { uploadTempStore: template, uploadTempStoreName: names, uploadTempStoreMode: mode } = this.settings;
    if (template === null) return null;
    const { turn, counters, log } = this;
    return new UploadStore({ template, names, mode, turn, counters, log });
  }

  #refuse(request: RequestHead, requester: Requester, error: ExchangeError): Responder {
    logFailure(this.accessLog, request, error);
    requester.onResponseError(error);
    return NO_RESPONDER;
  }

  /** Ends the connections that await no answer, now and whenever they have it. */
  drain(): void {
    this.#killer.drain();
  }

  /** Sends the last notices, and closes the sockets. The connections are closed already. */
  async stop(): Promise<void> {
    this.#killer.stop();
    await this.uploads?.whenIdle();
    await Promise.all(this.handlers.map((sockets) => sockets.close()));
  }

  fault(thrown: unknown, about: Record<string, unknown> = {}): void {
    reportFault(this, thrown, about);
  }
}
