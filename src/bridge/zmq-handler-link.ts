import { parseRequestPacket } from '../codec/zhttp/index.ts';
import type { Log } from '../exchange/index.ts';
import type { TimerWheel } from '../net/index.ts';
import { type Part, PushSocket, RouterSocket, SubSocket, type ZmqCounters, type ZmqSocket } from '../zmq/index.ts';
import type { BridgeCounters } from './counters.ts';
import type { HandlerLink, HandlerLinkSink } from './handler-link.ts';
import { Ticker } from './ticker.ts';
import { WaitingRequests } from './waiting-requests.ts';

/** The three endpoints of stream mode, named as seen from here. */
export interface StreamEndpoints {
  /** First packets leave by it (PUSH). */
  readonly out: string;
  /** All further packets leave by it (ROUTER). */
  readonly outStream: string;
  /** Packets of handlers come in by it (SUB). */
  readonly in: string;
}

/** What a link is made of. Times in milliseconds. */
export interface ZmqHandlerLinkOptions {
  /** Address that handlers answer to: 1 to 64 bytes without a space. */
  readonly id: string;
  readonly endpoints: readonly StreamEndpoints[];
  /** Connects to the endpoints, which handlers bind then. */
  readonly connect: boolean;
  /** Permission bits of socket files; null leaves them to the umask. */
  readonly ipcFileMode: number | null;
  /** Whether handlers may answer by the ROUTER socket, which needs a name of its own for that. */
  readonly routerResp: boolean;
  /** High-water mark of packets for one handler, and from one. */
  readonly hwm: number;
  /** How long a request waits for a handler to take it. */
  readonly backendTimeout: number;
  /** Bytes of a message of a handler; one with more is cut off. */
  readonly maxMessageBytes: number;
  /** How long packets wait for a handler that is not connected. */
  readonly sessionTimeout: number;
  readonly wheel: TimerWheel;
  readonly zmqCounters: ZmqCounters;
  readonly counters: BridgeCounters;
  readonly log: Log;
}

/** First packets on their way to one handler: few, so that a handler that is slow leaves the others what it cannot take. */
const FIRST_HWM = 128;

/** Packets that wait for one handler beyond its high-water mark; further ones are dropped, and their sessions end. */
const MAX_WAITING = 10_000;

/** Handlers for which something may wait, and whose address is kept at hand; with more the idle ones are forgotten. */
const MAX_ADDRESSES = 1_000;

/** Between two looks at what waits. */
const TICK = 100;

/** Time that the end gives to what is still to be sent. */
const LINGER = 10_000;

const EMPTY = Buffer.alloc(0);

/** One handler, as the ROUTER socket names it. */
interface Handler {
  readonly routingId: Buffer;
  /** Packets that it could not be sent, in their order. */
  waiting: Part[];
  /** When the first of them was put there. */
  since: number;
}

/** Handlers over ZeroMQ: PUSH for first packets, ROUTER for further ones, SUB for what they answer. */
export class ZmqHandlerLink implements HandlerLink {
  readonly #options: ZmqHandlerLinkOptions;
  readonly #sink: HandlerLinkSink;
  readonly #push: PushSocket;
  readonly #router: RouterSocket;
  readonly #sub: SubSocket;
  readonly #requests: WaitingRequests;
  readonly #handlers = new Map<string, Handler>();
  /** Those for which something waits. */
  readonly #held = new Set<Handler>();
  readonly #ticker: Ticker;
  /** Bytes of the address and the space in front of each published packet. */
  readonly #prefix: number;

  constructor(options: ZmqHandlerLinkOptions, sink: HandlerLinkSink) {
    const { id, wheel, log, hwm, zmqCounters: counters } = options;
    const context = { wheel, counters, log };
    const { ipcFileMode: ipcMode, maxMessageBytes } = options;
    const shared = { ipcMode, maxMessageBytes, linger: LINGER };
    this.#options = options;
    this.#sink = sink;
    this.#prefix = id.length + 1;
    this.#requests = new WaitingRequests(options.backendTimeout);
    // Without `immediate` a request would wait unseen in the queue of a handler that is not there.
    this.#push = new PushSocket(context, { ...shared, sendHwm: FIRST_HWM, immediate: true }, () =>
      this.#sendRequests(),
    );
    this.#router = new RouterSocket(
      context,
      {
        ...shared,
        sendHwm: hwm,
        mandatory: true,
        routingId: options.routerResp ? Buffer.from(id, 'latin1') : EMPTY,
      },
      (parts) => this.#onRouterMessage(parts),
      () => this.#sendHeld(),
    );
    this.#sub = new SubSocket(context, { ...shared, receiveHwm: hwm }, (parts) => this.#onSubMessage(parts));
    // The space belongs to it: otherwise what is for `edge2` would come to `edge` too.
    this.#sub.subscribe(Buffer.from(`${id} `, 'latin1'));
    this.#ticker = new Ticker(TICK, () => this.#onTick());
  }

  /**
   * Binds or connects all endpoints.
   * @throws ZmqError when one cannot be bound, or is none
   */
  async open(): Promise<string[]> {
    const opened: string[] = [];
    for (const { out, outStream, in: input } of this.#options.endpoints) {
      opened.push(await this.#open(this.#push, out));
      opened.push(await this.#open(this.#router, outStream));
      opened.push(await this.#open(this.#sub, input));
    }
    return opened;
  }

  async #open(socket: ZmqSocket, endpoint: string): Promise<string> {
    if (!this.#options.connect) return socket.bind(endpoint);
    socket.connect(endpoint);
    return endpoint;
  }

  offer(id: string, packet: Buffer): void {
    // Those that wait already go first.
    if (this.#requests.size === 0 && this.#sendRequest(packet)) return;
    this.#requests.add(id, packet, this.#options.wheel.now);
  }

  withdraw(id: string): boolean {
    return this.#requests.remove(id);
  }

  route(address: string, packet: Part): void {
    const handler = this.#handlers.get(address) ?? this.#meet(address);
    if (handler.waiting.length === 0 && this.#send(handler, packet)) return;
    const first = handler.waiting.length === 0;
    if (handler.waiting.length >= MAX_WAITING || (first && this.#held.size >= MAX_ADDRESSES)) {
      this.#drop(packet);
      return;
    }
    if (first) {
      handler.since = this.#options.wheel.now;
      this.#held.add(handler);
    }
    handler.waiting.push(packet);
  }

  async close(): Promise<void> {
    const deadline = this.#options.wheel.now + LINGER;
    while (this.#held.size > 0 && this.#options.wheel.now < deadline && this.#anyReachable()) {
      await new Promise((resolve) => setTimeout(resolve, TICK));
    }
    this.#ticker.stop();
    for (const handler of this.#held) this.#options.counters.packetsUndelivered += handler.waiting.length;
    await Promise.all([this.#push.close(), this.#router.close(), this.#sub.close()]);
  }

  #anyReachable(): boolean {
    for (const { routingId } of this.#held) {
      if (this.#router.reaches(routingId)) return true;
    }
    return false;
  }

  #sendRequest(packet: Buffer): boolean {
    if (!this.#push.send([packet])) return false;
    this.#options.counters.packetsSent++;
    return true;
  }

  #sendRequests(): void {
    this.#requests.sendTo((packet) => this.#sendRequest(packet));
  }

  #send(handler: Handler, packet: Part): boolean {
    // ROUTER envelope: who, then an empty frame, then the packet.
    if (!this.#router.send([handler.routingId, EMPTY, packet])) return false;
    this.#options.counters.packetsSent++;
    return true;
  }

  #sendHeld(): void {
    for (const handler of this.#held) {
      const { waiting } = handler;
      let sent = 0;
      while (sent < waiting.length && this.#send(handler, waiting[sent] as Part)) sent++;
      if (sent === 0) continue;
      handler.waiting = waiting.slice(sent);
      handler.since = this.#options.wheel.now;
      if (handler.waiting.length === 0) this.#held.delete(handler);
    }
  }

  #meet(address: string): Handler {
    if (this.#handlers.size >= MAX_ADDRESSES) {
      for (const [known, { waiting }] of this.#handlers) if (waiting.length === 0) this.#handlers.delete(known);
    }
    const handler = { routingId: Buffer.from(address, 'latin1'), waiting: [], since: 0 };
    this.#handlers.set(address, handler);
    return handler;
  }

  #onTick(): void {
    const { wheel, sessionTimeout, log } = this.#options;
    for (const id of this.#requests.expired(wheel.now)) this.#sink.onRefused(id);
    // A handler may have connected meanwhile.
    if (this.#held.size > 0) this.#sendHeld();
    for (const handler of this.#held) {
      if (wheel.now - handler.since < sessionTimeout) continue;
      // Its sessions have expired as well by now.
      const { waiting } = handler;
      handler.waiting = [];
      this.#held.delete(handler);
      log.warn(
        { handler: handler.routingId.toString('latin1'), packets: waiting.length },
        'handler gone, packets dropped',
      );
      for (const packet of waiting) this.#drop(packet);
    }
  }

  #drop(packet: Part): void {
    this.#options.counters.packetsUndelivered++;
    const whole = Buffer.isBuffer(packet) ? packet : Buffer.concat(packet);
    for (const { id } of parseRequestPacket(whole).ids) this.#sink.onLost(id);
  }

  #onSubMessage(parts: Buffer[]): void {
    // The socket hands over only what begins with the address. Further frames have no meaning.
    this.#receive((parts[0] as Buffer).subarray(this.#prefix));
  }

  /** A packet that comes by the ROUTER socket has no address in front, but an envelope that ends with an empty frame. */
  #onRouterMessage(parts: Buffer[]): void {
    const end = parts.findIndex((part, index) => index > 0 && part.length === 0);
    const payload = end < 0 ? undefined : parts[end + 1];
    if (payload !== undefined) {
      this.#receive(payload);
      return;
    }
    const { counters, log } = this.#options;
    counters.packetsMalformed++;
    log.warn({ frames: parts.length }, 'packet of a handler without an empty frame in front refused');
  }

  #receive(payload: Buffer): void {
    this.#options.counters.packetsReceived++;
    this.#sink.onPacket(payload);
  }
}
