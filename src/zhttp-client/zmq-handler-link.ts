import { Ticker } from '../clock/index.ts';
import { NO_LIMITS, parseRequestPacket } from '../codec/zhttp/index.ts';
import { type Part, wholePart } from '../codec/zmtp/index.ts';
import { reportFault } from '../exchange/index.ts';
import { type Reach, RouterOutbox } from '../zhttp/index.ts';
import { PushSocket, RouterSocket, SubSocket, type ZmqSocket } from '../zmq/index.ts';
import type { HandlerLinkSink } from './handler-link.ts';
import type { OwnLink } from './own-link.ts';
import { WaitingRequests } from './waiting-requests.ts';
import { LINK_TICK, type ZmqLinkOptions } from './zmq-link-options.ts';

/** The three endpoints of stream mode, named from this side. */
export interface StreamEndpoints {
  /** For first packets (PUSH). */
  readonly out: string;
  /** For all further packets (ROUTER). */
  readonly outStream: string;
  /** For packets of handlers (SUB). */
  readonly in: string;
}

/** What a link is made of. Times in milliseconds. */
export interface ZmqHandlerLinkOptions extends ZmqLinkOptions {
  /** Address that handlers respond to: 1 to 64 bytes without a space. */
  readonly id: string;
  readonly endpoints: readonly StreamEndpoints[];
  /**
   * Whether requests wait until the subscription has reached a handler, since the responses before it would be lost. It goes by another
   * connection than requests do. For handlers that connect here this does not help: which of them gets a request is not known.
   */
  readonly waitsForSubscription?: boolean;
  /** Whether handlers may respond over the ROUTER socket, which then has `id` as its routing id. */
  readonly routerResp: boolean;
  /** High-water mark of packets for one handler, and from one. */
  readonly hwm: number;
  /** How long packets wait for a connected handler that takes none. */
  readonly sessionTimeout: number;
}

/** First packets that may be on their way to one handler: few, so that other handlers get what a slow one cannot take. */
const FIRST_HWM = 128;

/** Milliseconds that closing gives to what is still to be sent. */
const LINGER = 2_000;

const NO_ID = Buffer.alloc(0);

/** The link over ZeroMQ: PUSH for first packets, ROUTER for further ones, SUB for packets of handlers. */
export class ZmqHandlerLink implements OwnLink {
  readonly #options: ZmqHandlerLinkOptions;
  readonly #sink: HandlerLinkSink;
  readonly #push: PushSocket;
  readonly #router: RouterSocket;
  readonly #sub: SubSocket;
  readonly #requests: WaitingRequests;
  readonly #outbox: RouterOutbox;
  readonly #ticker: Ticker;
  /** Whether requests may be sent. */
  #subscribed: boolean;
  /** Whether a peer had the subscription at the last tick. */
  #heard = false;
  /** Bytes of the address and the space in front of each published packet. */
  readonly #prefix: number;

  constructor(options: ZmqHandlerLinkOptions, sink: HandlerLinkSink) {
    const { id, wheel, log, hwm, zmqCounters: counters } = options;
    const context = { wheel, counters, log };
    const { ipcFileMode: ipcMode, maxMessageBytes } = options;
    const shared = { ipcMode, maxMessageBytes, linger: LINGER };
    this.#options = options;
    this.#subscribed = options.waitsForSubscription !== true;
    this.#sink = sink;
    this.#prefix = id.length + 1;
    this.#requests = new WaitingRequests(options.backendTimeout);
    // Without `immediate` a request would wait in the queue of a handler that is not connected.
    this.#push = new PushSocket(context, { ...shared, sendHwm: FIRST_HWM, immediate: true }, () =>
      this.#sendRequests(),
    );
    this.#router = new RouterSocket(
      context,
      {
        ...shared,
        sendHwm: hwm,
        mandatory: true,
        routingId: options.routerResp ? Buffer.from(id, 'latin1') : NO_ID,
      },
      (parts) => this.#onRouterMessage(parts),
      () => this.#outbox.retry(),
    );
    this.#outbox = new RouterOutbox({
      router: this.#router,
      wheel,
      patience: options.sessionTimeout,
      onSent: () => {
        options.counters.packetsSent++;
      },
      onDropped: (address, packets) => this.#onDropped(address, packets),
      onReady: (address) => sink.onReady(address),
    });
    this.#sub = new SubSocket(context, { ...shared, receiveHwm: hwm }, (parts) => this.#onSubMessage(parts));
    // With the space, or packets for `edge2` would come to `edge` too.
    this.#sub.subscribe(Buffer.from(`${id} `, 'latin1'));
    this.#ticker = new Ticker(LINK_TICK, this, () => this.#onTick());
  }

  /** Handlers that are connected. */
  get handlers(): number {
    return this.#push.peerCount;
  }

  /**
   * Binds or connects all endpoints.
   * @returns the endpoints, with the ports that were taken
   * @throws ZmqError when an endpoint is invalid or cannot be bound
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

  offer(id: string, packet: Buffer | string): void {
    // Requests that wait already go first.
    if (this.#requests.size === 0 && this.#subscribed && this.#sendRequest(packet)) return;
    if (!this.#requests.add(id, packet, this.#options.wheel.now)) this.#sink.onRefused(id);
  }

  withdraw(id: string): boolean {
    return this.#requests.remove(id);
  }

  reach(address: string): Reach {
    return this.#outbox.reach(address);
  }

  route(address: string, packet: Part): void {
    this.#outbox.route(address, packet);
  }

  get sockets(): readonly ZmqSocket[] {
    return [this.#push, this.#router, this.#sub];
  }

  pauseInput(): void {
    this.#router.pause();
    this.#sub.pause();
  }

  resumeInput(): void {
    this.#router.resume();
    this.#sub.resume();
  }

  takeRequests(): readonly (readonly [id: string, packet: Buffer | string])[] {
    return this.#requests.takeAll();
  }

  takeUnreached(): readonly (readonly [address: string, packets: readonly Part[]])[] {
    return this.#outbox.takeUnreached();
  }

  retry(): void {
    this.#sendRequests();
    this.#outbox.retry();
  }

  async close(): Promise<void> {
    const deadline = this.#options.wheel.now + LINGER;
    while (this.#outbox.pending && this.#options.wheel.now < deadline) {
      await new Promise((resolve) => setTimeout(resolve, LINK_TICK));
    }
    this.#ticker.stop();
    this.#options.counters.packetsUndelivered += this.#outbox.clear();
    await Promise.all([this.#push.close(), this.#router.close(), this.#sub.close()]);
  }

  #sendRequest(packet: Buffer | string): boolean {
    if (!this.#push.send([packet])) return false;
    this.#options.counters.packetsSent++;
    return true;
  }

  #sendRequests(): void {
    if (this.#subscribed) this.#requests.sendTo((packet) => this.#sendRequest(packet));
  }

  /** Lets requests go one tick after a peer got the subscription, so that it has read it. */
  #lookForSubscription(): void {
    const heard = this.#sub.peers > 0;
    const before = this.#subscribed;
    this.#subscribed = heard && this.#heard;
    this.#heard = heard;
    if (this.#subscribed && !before) this.#sendRequests();
  }

  #onTick(): void {
    if (this.#options.waitsForSubscription === true) this.#lookForSubscription();
    const { wheel } = this.#options;
    for (const id of this.#requests.expired(wheel.now)) this.#sink.onRefused(id);
    // A handler may have connected meanwhile.
    this.#outbox.retry();
  }

  #onDropped(handler: string, packets: readonly Part[]): void {
    const { counters, log } = this.#options;
    counters.packetsUndelivered += packets.length;
    log.warn({ handler, packets: packets.length }, 'handler gone or stalled, packets dropped');
    for (const packet of packets) {
      for (const { id } of parseRequestPacket(wholePart(packet), NO_LIMITS).ids) this.#sink.onLost(id);
    }
  }

  #onSubMessage(parts: Buffer[]): void {
    // The subscription lets only messages with the address through. Further frames are ignored.
    this.#receive((parts[0] as Buffer).subarray(this.#prefix));
  }

  /** A packet over the ROUTER socket has no address in front, but an envelope that ends with an empty frame. */
  #onRouterMessage(parts: Buffer[]): void {
    const end = parts.findIndex((part, index) => index > 0 && part.length === 0);
    const payload = end < 0 ? undefined : parts[end + 1];
    if (payload !== undefined) {
      this.#receive(payload);
      return;
    }
    const { counters, log } = this.#options;
    counters.packetsMalformed++;
    log.warn({ frames: parts.length }, 'packet of a handler without a leading empty frame refused');
  }

  #receive(payload: Buffer): void {
    this.#options.counters.packetsReceived++;
    this.#sink.onPacket(payload);
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }
}
