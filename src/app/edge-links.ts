import type { TimerWheel } from '../clock/index.ts';
import { type Config, streamEndpoints } from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import {
  type HandlerLink,
  type HandlerLinkSink,
  MovingLink,
  type OwnLink,
  type RequestLink,
  ZmqHandlerLink,
  ZmqReqLink,
} from '../zhttp-client/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { maxPacketBytes } from './edge-limits.ts';
import type { MovingRole } from './upgrade/moving-role.ts';
import { zhttpAddress } from './zhttp-address.ts';

/** Opens the links to the handlers of an edge. */
export interface EdgeLinks {
  openStream(sink: HandlerLinkSink): HandlerLink;
  openReq(sink: HandlerLinkSink): RequestLink;
  /** Links that this process has opened by itself. Absent where it opens none. */
  readonly byMode?: ReadonlyMap<'stream' | 'req', { readonly handlers: number }>;
  /** Whether its sessions do not need the connections of this process to handlers: those are connected to a newer process. Absent: they do. */
  readonly relayed?: boolean;
  /** Settles when the opened links can be used. @throws Error when an endpoint cannot be used */
  ready(): Promise<void>;
}

/** What the parts of an edge share. */
export interface EdgeContext {
  readonly wheel: TimerWheel;
  readonly counters: SessionCounters;
  readonly zmqCounters: ZmqCounters;
  readonly log: Log;
}

/** The ZeroMQ endpoints of a configuration, opened by this process. */
export class ZmqEdgeLinks implements EdgeLinks {
  readonly #edge: Config['edge'];
  readonly #context: EdgeContext;
  readonly #opening: Promise<string[]>[] = [];
  readonly byMode = new Map<'stream' | 'req', ZmqHandlerLink | ZmqReqLink>();
  readonly #ids: string | null;
  readonly #moving = new Map<'stream' | 'req', MovingLink>();
  readonly #roles: MovingRole[] = [];

  /**
   * @param ids what the ids of all sessions begin with, up to a hyphen, where their handlers are to stay connected across an upgrade; null where they
   *   are not
   */
  constructor(edge: Config['edge'], context: EdgeContext, ids: string | null = null) {
    this.#edge = edge;
    this.#context = context;
    // Connections that were made from here are made from the new process too.
    this.#ids = edge.zclientConnect ? null : ids;
  }

  /** Whose handlers stay connected across an upgrade. To be read when the links are open. */
  get roles(): readonly MovingRole[] {
    return this.#roles;
  }

  get relayed(): boolean {
    if (this.#edge.zclientConnect) return true;
    return this.#moving.size > 0 && [...this.#moving.values()].every(({ following }) => following);
  }

  openStream(sink: HandlerLinkSink): HandlerLink {
    return this.#open('stream', sink, (own) => this.#newStream(own));
  }

  openReq(sink: HandlerLinkSink): RequestLink {
    return this.#open('req', sink, (own) => this.#newReq(own));
  }

  #open<Own extends OwnLink & (ZmqHandlerLink | ZmqReqLink)>(
    mode: 'stream' | 'req',
    sink: HandlerLinkSink,
    newLink: (sink: HandlerLinkSink) => Own,
  ): Own | MovingLink {
    const open = (to: HandlerLinkSink): Own => {
      const link = newLink(to);
      this.byMode.set(mode, link);
      this.#opening.push(link.open());
      return link;
    };
    if (this.#ids === null) return open(sink);
    const { wheel, zmqCounters, counters, log } = this.#context;
    const address = zhttpAddress(this.#edge.id);
    const options = { address, context: { wheel, counters: zmqCounters, log }, counters, log };
    let own: Own | undefined;
    const moving = new MovingLink(options, this.#ids, sink, (to) => (own = open(to)));
    this.#moving.set(mode, moving);
    // Handlers know the edge by its address.
    const name = `edge ${mode} ${this.#edge.routerResp} ${address}`;
    this.#roles.push({ name, sockets: own?.sockets ?? [], link: { mode, movable: moving } });
    return moving;
  }

  #newStream(sink: HandlerLinkSink): ZmqHandlerLink {
    const edge = this.#edge;
    const options = {
      ...this.#shared,
      id: zhttpAddress(edge.id),
      endpoints: edge.zclientStream.map(streamEndpoints),
      routerResp: edge.routerResp,
      // As Condure: one for twenty connections.
      hwm: Math.max(1, Math.floor((edge.reqMaxconn + edge.streamMaxconn) / 20)),
      sessionTimeout: edge.sessionTimeout * 1000,
    };
    return new ZmqHandlerLink(options, sink);
  }

  #newReq(sink: HandlerLinkSink): ZmqReqLink {
    return new ZmqReqLink({ ...this.#shared, endpoints: this.#edge.zclientReq }, sink);
  }

  async ready(): Promise<void> {
    const endpoints = (await Promise.all(this.#opening)).flat();
    const { zclientConnect } = this.#edge;
    this.#context.log.info({ endpoints }, zclientConnect ? 'connecting to handlers' : 'handlers can connect');
  }

  get #shared() {
    const { zclientConnect, ipcFileMode, backendTimeout } = this.#edge;
    return {
      ...this.#context,
      connect: zclientConnect,
      ipcFileMode,
      backendTimeout: backendTimeout * 1000,
      maxMessageBytes: maxPacketBytes(this.#edge),
    };
  }
}
