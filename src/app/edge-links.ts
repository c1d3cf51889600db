import type { TimerWheel } from '../clock/index.ts';
import { type Config, streamEndpoints } from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import {
  type HandlerLink,
  type HandlerLinkSink,
  type RequestLink,
  type RequestLinkSink,
  ZmqHandlerLink,
  ZmqReqLink,
} from '../zhttp-client/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { maxPacketBytes } from './edge-limits.ts';
import { zhttpAddress } from './zhttp-address.ts';

/** Opens the links to the handlers of an edge. */
export interface EdgeLinks {
  openStream(sink: HandlerLinkSink): HandlerLink;
  openReq(sink: RequestLinkSink): RequestLink;
  /** Links that this process has opened by itself. Absent where it opens none. */
  readonly byMode?: ReadonlyMap<'stream' | 'req', { readonly handlers: number }>;
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

  constructor(edge: Config['edge'], context: EdgeContext) {
    this.#edge = edge;
    this.#context = context;
  }

  openStream(sink: HandlerLinkSink): ZmqHandlerLink {
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
    const link = new ZmqHandlerLink(options, sink);
    this.byMode.set('stream', link);
    this.#opening.push(link.open());
    return link;
  }

  openReq(sink: RequestLinkSink): ZmqReqLink {
    const link = new ZmqReqLink({ ...this.#shared, endpoints: this.#edge.zclientReq }, sink);
    this.byMode.set('req', link);
    this.#opening.push(link.open());
    return link;
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
