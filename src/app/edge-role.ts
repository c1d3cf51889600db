import { randomBytes } from 'node:crypto';
import type { ZhttpLimits } from '../codec/zhttp/index.ts';
import type { Config } from '../config/index.ts';
import { type Current, type ExchangeObserver, Holder, type ServerCounters } from '../exchange/index.ts';
import { HttpServer, type ServerLimits, type Tracing } from '../server/index.ts';
import { ReqClient, StreamClient } from '../zhttp-client/index.ts';
import { acceptOptions } from './accept-options.ts';
import type { Certificates } from './certificates.ts';
import { maxPacketBytes, reqLimits, streamLimits } from './edge-limits.ts';
import type { EdgeContext, EdgeLinks } from './edge-links.ts';
import { zhttpAddress } from './zhttp-address.ts';

/** What an edge is made of. */
export interface EdgeRoleOptions extends EdgeContext {
  readonly edge: Config['edge'];
  /** Counts connections and requests. */
  readonly serverCounters: ServerCounters;
  readonly links: EdgeLinks;
  /** What the ids of sessions begin with: different in each process, and after each start. */
  readonly idPrefix: string;
  /** Is told of each exchange at its end. */
  readonly observer: Current<ExchangeObserver | null>;
  /** How its clients take part in traces. Default: the fields of traces pass as any other. */
  readonly tracing?: Current<Tracing | null>;
  /** The share of the connections that this process may have. */
  readonly share: number;
  readonly certificates?: Certificates;
}

/** Milliseconds by which sessions wait longer than connections. */
const STREAM_TIMEOUT_MARGIN = 1_000;

/** A prefix for session ids that no other process has, and no earlier start had. It contains no dot. */
export function newIdPrefix(): string {
  return randomBytes(5).toString('hex');
}

/** The edge: client connections on one side, handlers on the other. */
export class EdgeRole {
  /** Where clients can connect. */
  readonly addresses: string[] = [];
  readonly #options: EdgeRoleOptions;
  readonly #bounds: Holder<EdgeBounds>;
  readonly #servers: HttpServer[] = [];
  readonly #edges: (StreamClient | ReqClient)[] = [];

  constructor(options: EdgeRoleOptions) {
    this.#options = options;
    this.#bounds = new Holder(boundsOf(options));
  }

  get links(): EdgeLinks {
    return this.#options.links;
  }

  /**
   * Opens the links to the handlers, and then listens.
   * @throws Error when an address or an endpoint cannot be used
   */
  async start(): Promise<void> {
    const { edge, links, wheel, log, serverCounters } = this.#options;
    const stream = this.#has('stream') ? this.#serve(this.#openStream(), ({ stream }) => stream) : null;
    const req = this.#has('req') ? this.#serve(this.#openReq(), ({ req }) => req) : null;
    await links.ready();
    const { certificates } = this.#options;
    const means = { wheel, log, counters: serverCounters, ...(certificates !== undefined && { certificates }) };
    const section = this.#bounds.part((bounds) => bounds.edge);
    for (const listener of edge.listen) {
      const server = (listener.mode === 'stream' ? stream : req) as HttpServer;
      const { address } = await server.listen(listener.address, acceptOptions(section, listener, means));
      this.addresses.push(address);
    }
  }

  /** Whether it can finish without keeping handlers from the process that has replaced this one. */
  get relayed(): boolean {
    return this.#options.links.relayed === true;
  }

  /** Another process accepts: what is open goes on. */
  retire(): void {
    for (const server of this.#servers) server.retire();
  }

  /** Ends what has stayed, spread over a time in milliseconds. */
  dismiss(time: number): void {
    for (const server of this.#servers) server.dismiss(time);
  }

  /** Uses the bounds of another section. What is open keeps what it began with, except for timeouts. */
  use(edge: Config['edge']): void {
    this.#bounds.current = boundsOf({ edge, share: this.#options.share });
  }

  /** Takes no more connections, and lets open exchanges finish. */
  drain(): void {
    for (const server of this.#servers) server.drain();
  }

  async whenEmpty(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.whenEmpty()));
  }

  /** Cuts the exchanges that have not finished, and tells the handlers. */
  async stop(): Promise<void> {
    const stopped = this.#edges.map((edge) => edge.stop());
    for (const server of this.#servers) server.destroy();
    await Promise.all([this.whenEmpty(), ...stopped]);
  }

  #has(mode: 'stream' | 'req'): boolean {
    return this.#options.edge.listen.some((listener) => listener.mode === mode);
  }

  #serve(edge: StreamClient | ReqClient, limits: (bounds: EdgeBounds) => ServerLimits): HttpServer {
    const { edge: section, wheel, log, serverCounters: counters, observer, tracing } = this.#options;
    const server = new HttpServer({
      service: edge.service,
      webSocketService: edge.webSocketService,
      limits: this.#bounds.part(limits),
      compression: section.compression,
      autoPong: false,
      observer,
      tracing,
      wheel,
      counters,
      log,
    });
    this.#edges.push(edge);
    this.#servers.push(server);
    return server;
  }

  #openStream(): StreamClient {
    const { edge, links, idPrefix } = this.#options;
    const bounds = this.#bounds;
    const options = {
      ...this.#shared,
      address: zhttpAddress(edge.id),
      idPrefix,
      initialCredits: edge.bufferSize,
      sessionTimeout: edge.sessionTimeout * 1000,
      // The server has the same timeout, and should act first: it knows whether the client or the handler is late.
      get streamTimeout() {
        return bounds.current.edge.streamTimeout * 1000 + STREAM_TIMEOUT_MARGIN;
      },
      get limits() {
        return bounds.current.packets;
      },
      routerResp: edge.routerResp,
    };
    return new StreamClient(options, (sink) => links.openStream(sink));
  }

  #openReq(): ReqClient {
    const { edge, links, idPrefix } = this.#options;
    const bounds = this.#bounds;
    const options = {
      ...this.#shared,
      idPrefix,
      maxBodyBytes: edge.bodyBufferSize,
      get requestTimeout() {
        return bounds.current.edge.reqTimeout * 1000;
      },
      get limits() {
        return bounds.current.packets;
      },
    };
    // In req mode nothing is routed, so nothing is lost on the way.
    return new ReqClient(options, (sink) =>
      links.openReq({
        onPacket: (payload) => sink.onPacket(payload),
        onRefused: (id) => sink.onRefused(id),
        onReady: () => {},
        onWithdrawn: () => {},
        onLost: () => {},
      }),
    );
  }

  get #shared() {
    const { wheel, counters, log } = this.#options;
    return { wheel, counters, log };
  }
}

/** What of an edge can be replaced. */
interface EdgeBounds {
  readonly edge: Config['edge'];
  readonly stream: ServerLimits;
  readonly req: ServerLimits;
  /** Bounds of the packets of handlers. */
  readonly packets: ZhttpLimits;
}

function boundsOf({ edge, share }: Pick<EdgeRoleOptions, 'edge' | 'share'>): EdgeBounds {
  return {
    edge,
    stream: streamLimits(edge, share),
    req: reqLimits(edge, share),
    packets: { maxHeaders: edge.maxHeaders, maxPacketBytes: maxPacketBytes(edge) },
  };
}
