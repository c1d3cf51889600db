import type { HttpClientLimits } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { DEFAULT_ZHTTP_LIMITS, type RequestRoute } from '../codec/zhttp/index.ts';
import { type FetchEndpoints, streamEndpoints, type Target, targetName } from '../config/index.ts';
import {
  type Current,
  ExchangeError,
  type Log,
  NO_RESPONDER,
  type Service,
  type WebSocketService,
  WINDOW,
} from '../exchange/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import { ReqClient, StreamClient, type StreamEndpoints, ZmqHandlerLink, ZmqReqLink } from '../zhttp-client/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { newIdPrefix } from './edge-role.ts';

/** What takes the requests for one target. */
export interface TargetServices {
  readonly service: Service;
  readonly webSocketService: WebSocketService;
}

/** What the origins behind ZHTTP are made of. */
export interface ZhttpOriginsOptions {
  /** Endpoints of a separate fetch role; empty if connections to origins are made here. */
  readonly fetch: readonly FetchEndpoints[];
  /** Read for each request. */
  readonly limits: Current<Pick<HttpClientLimits, 'connectTimeout' | 'responseTimeout' | 'bodyTimeout'>>;
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: SessionCounters;
  readonly zmqCounters: ZmqCounters;
}

/** Bytes of a request body, and of a response body, for a target in req mode: as many as with Pushpin. */
const MAX_REQ_BODY = 1_000_000;

/** Milliseconds of silence after which a session ends: what Condure, Zurl and Pushpin have. */
const SESSION_TIMEOUT = 60_000;

/** Messages that wait for one handler, or from one. */
const HWM = 10_000;

/** The name of the connection to the fetch role among those to targets, whose names are not empty. */
const FETCH = '';

/** The client of a target, or of the fetch role. */
class Opened {
  readonly client: StreamClient | ReqClient;
  /** Settles when its endpoints are open. */
  readonly opening: Promise<unknown>;
  /** No route has it any more. */
  retired = false;

  constructor(client: StreamClient | ReqClient, opening: Promise<unknown>) {
    this.client = client;
    this.opening = opening;
  }
}

/**
 * What stands for origins over ZHTTP: the targets `zhttp/…` and `zhttpreq/…` of routes, which are opened and closed as the routes change, and
 * a separate fetch role, which connects to origins in place of this process.
 */
export class ZhttpOrigins {
  readonly #options: ZhttpOriginsOptions;
  readonly #opened = new Map<string, Opened>();
  /** Those that are closing, and whose endpoints cannot be bound before that. */
  readonly #closing = new Map<string, Promise<unknown>>();

  constructor(options: ZhttpOriginsOptions) {
    this.#options = options;
    if (options.fetch.length > 0) this.#opened.set(FETCH, this.#openFetch());
  }

  /** Whether a separate fetch role makes the requests to origins. */
  get hasFetch(): boolean {
    return this.#opened.has(FETCH);
  }

  /** The services of the fetch role. */
  fetchServices(route: RequestRoute): TargetServices {
    return this.#servicesOf(FETCH, route);
  }

  /** The services of a target over ZHTTP. They work while a route that was given to `use` has the target. */
  targetServices(target: Target, route: RequestRoute): TargetServices {
    return this.#servicesOf(targetName(target), route);
  }

  /** Opens the targets over ZHTTP that are new, and closes those that are not there any more once their last session has ended. */
  use(targets: readonly Target[]): void {
    const used = new Set([FETCH]);
    for (const target of targets) {
      if (target.kind !== 'zhttp' && target.kind !== 'zhttpreq') continue;
      const name = targetName(target);
      used.add(name);
      const known = this.#opened.get(name);
      if (known !== undefined) known.retired = false;
      else this.#opened.set(name, target.kind === 'zhttp' ? this.#openStream(target) : this.#openReq(target));
    }
    for (const [name, opened] of this.#opened) if (!used.has(name)) this.#retire(name, opened);
  }

  /**
   * Settles when the endpoints are open.
   * @throws Error when one cannot be used
   */
  async ready(): Promise<void> {
    await Promise.all([...this.#opened.values()].map(({ opening }) => opening));
  }

  /** Ends what still runs, tells the handlers, and closes the endpoints. */
  async stop(): Promise<void> {
    await Promise.all([...[...this.#opened.values()].map(({ client }) => client.stop()), ...this.#closing.values()]);
    this.#opened.clear();
  }

  #servicesOf(name: string, route: RequestRoute): TargetServices {
    let opened: Opened | undefined;
    let services: TargetServices | undefined;
    /** A target that was closed and opened again has another client. */
    const current = (): TargetServices | undefined => {
      const now = this.#opened.get(name);
      if (now !== opened) {
        opened = now;
        services = now?.client.servicesFor(route);
      }
      return services;
    };
    return {
      service: (request, requester) => {
        const found = current();
        if (found !== undefined) return found.service(request, requester);
        requester.onResponseError(gone(name));
        return NO_RESPONDER;
      },
      webSocketService: (request, requester) => {
        const found = current();
        if (found !== undefined) return found.webSocketService(request, requester);
        requester.onResponseError(gone(name));
        return NO_RESPONDER;
      },
    };
  }

  #retire(name: string, opened: Opened): void {
    if (opened.retired) return;
    opened.retired = true;
    void opened.client.whenEmpty().then(() => {
      // A later configuration may have it again.
      if (!opened.retired || this.#opened.get(name) !== opened) return;
      this.#opened.delete(name);
      const closing = opened.client.stop().finally(() => this.#closing.delete(name));
      this.#closing.set(name, closing);
    });
  }

  #openFetch(): Opened {
    const endpoints = this.#options.fetch.map(({ in: out, inStream: outStream, out: into }) => ({
      out,
      outStream,
      in: into,
    }));
    return this.#stream(FETCH, endpoints, true, null);
  }

  #openStream(target: Target): Opened {
    return this.#stream(targetName(target), [streamEndpoints(target.host)], false, target.ipcFileMode);
  }

  #stream(name: string, endpoints: readonly StreamEndpoints[], connect: boolean, ipcFileMode: number | null): Opened {
    const { limits: ofOrigins } = this.#options;
    // No two programs in front of a handler may have the same address, nor one after a restart.
    const address = `holdfast-${newIdPrefix()}`;
    const limits = DEFAULT_ZHTTP_LIMITS;
    let link: ZmqHandlerLink | undefined;
    const options = {
      ...this.#shared,
      address,
      initialCredits: WINDOW,
      sessionTimeout: SESSION_TIMEOUT,
      get responseTimeout() {
        return ofOrigins.current.responseTimeout * 1_000;
      },
      get streamTimeout() {
        return ofOrigins.current.bodyTimeout * 1_000;
      },
      routerResp: false,
      origins: true,
      // Only a fetch role is Zurl.
      decoding: connect,
      limits,
    };
    const client = new StreamClient(options, (sink) => {
      const ofLink = {
        id: address,
        waitsForSubscription: connect,
        endpoints,
        routerResp: false,
        hwm: HWM,
        sessionTimeout: SESSION_TIMEOUT,
      };
      const maxMessageBytes = limits.maxPacketBytes;
      link = new ZmqHandlerLink({ ...this.#linkOptions(connect, ipcFileMode), ...ofLink, maxMessageBytes }, sink);
      return link;
    });
    return new Opened(client, this.#open(name, link as unknown as ZmqHandlerLink, connect));
  }

  #openReq(target: Target): Opened {
    const { limits: ofOrigins } = this.#options;
    const limits = DEFAULT_ZHTTP_LIMITS;
    let link: ZmqReqLink | undefined;
    const options = {
      ...this.#shared,
      maxBodyBytes: MAX_REQ_BODY,
      get requestTimeout() {
        return ofOrigins.current.responseTimeout * 1_000 || Number.POSITIVE_INFINITY;
      },
      origins: true,
      limits,
    };
    const client = new ReqClient(options, (sink) => {
      const ofLink = { endpoints: [target.host], maxMessageBytes: limits.maxPacketBytes };
      link = new ZmqReqLink({ ...this.#linkOptions(false, target.ipcFileMode), ...ofLink }, sink);
      return link;
    });
    return new Opened(client, this.#open(targetName(target), link as unknown as ZmqReqLink, false));
  }

  /** Opens the endpoints once those of the same name are closed. */
  #open(name: string, link: ZmqHandlerLink | ZmqReqLink, connect: boolean): Promise<unknown> {
    const { log } = this.#options;
    const opening = (this.#closing.get(name) ?? Promise.resolve()).then(() => link.open());
    opening.then(
      (endpoints) => log.info({ endpoints }, connect ? 'connecting to a fetch role' : 'handlers can connect'),
      (error: Error) => log.error({ target: name, reason: error.message }, 'endpoints of a target cannot be bound'),
    );
    return opening;
  }

  get #shared() {
    const { wheel, log, counters } = this.#options;
    return { wheel, log, counters, idPrefix: newIdPrefix() };
  }

  #linkOptions(connect: boolean, ipcFileMode: number | null) {
    const { wheel, log, counters, zmqCounters, limits } = this.#options;
    const backendTimeout = limits.current.connectTimeout * 1_000;
    return { wheel, log, counters, zmqCounters, connect, ipcFileMode, backendTimeout };
  }
}

function gone(name: string): ExchangeError {
  return new ExchangeError('HF_ORIGIN_UNREACHABLE', `the target ${name} is closed`);
}
