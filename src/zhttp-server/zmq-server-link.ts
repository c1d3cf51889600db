import { guarded, Ticker } from '../clock/index.ts';
import { type Part, partBytes } from '../codec/zmtp/index.ts';
import { LineRate, reportFault } from '../exchange/index.ts';
import { FULL, RouterOutbox } from '../zhttp/index.ts';
import { PubSocket, PullSocket, RouterSocket, XPubSocket, type ZmqSocket } from '../zmq/index.ts';
import type { ServerLink, ServerLinkSink } from './server-link.ts';
import type { ZhttpServerOptions } from './server-options.ts';

/** The options that concern sockets. */
export type ZmqServerLinkOptions = Pick<
  ZhttpServerOptions,
  | 'address'
  | 'stream'
  | 'req'
  | 'connect'
  | 'ipcFileMode'
  | 'inHwm'
  | 'outHwm'
  | 'sessionTimeout'
  | 'subscriptionPatience'
  | 'limits'
  | 'wheel'
  | 'counters'
  | 'zmqCounters'
  | 'log'
>;

/** Frames that may stand in front of the empty one in a packet for a session, as with Condure. */
const MAX_ENVELOPE_FRAMES = 8;

/** Room that a message may take beside its packet. */
const ENVELOPE_BYTES = 4_096;

/** Milliseconds between two looks at what waits. */
const TICK = 100;

/** Milliseconds that the end gives to what is still to be sent. */
const LINGER = 2_000;

/**
 * Requesters over ZeroMQ. In stream mode a PULL socket takes first packets and a ROUTER socket further ones; responses leave by a PUB
 * socket, or by that ROUTER socket for requesters that ask for it. In req mode another ROUTER socket does both.
 */
export class ZmqServerLink implements ServerLink {
  readonly #options: ZmqServerLinkOptions;
  readonly #sink: ServerLinkSink;
  readonly #pull: PullSocket;
  readonly #router: RouterSocket;
  readonly #pub: PubSocket;
  readonly #req: RouterSocket;
  readonly #outbox: RouterOutbox;
  readonly #ticker: Ticker;
  readonly #refusals = new LineRate();
  /** Endpoints of req mode that are bound. */
  #reqBound: string[] = [];
  #paused = false;
  #draining = false;
  /** Which of the two sockets is asked first when there is room again. */
  #reqFirst = false;

  constructor(options: ZmqServerLinkOptions, sink: ServerLinkSink) {
    const { wheel, log, zmqCounters: counters, inHwm, outHwm, limits } = options;
    const context = { wheel, counters, log };
    const shared = {
      ipcMode: options.ipcFileMode,
      maxMessageBytes: limits.maxPacketBytes + ENVELOPE_BYTES,
      linger: LINGER,
      receiveHwm: inHwm,
      sendHwm: outHwm,
      mandatory: true,
    };
    this.#options = options;
    this.#sink = sink;
    this.#pull = new PullSocket(context, shared, (parts) => this.#onFirst(parts));
    this.#router = new RouterSocket(
      context,
      { ...shared, routingId: Buffer.from(options.address, 'latin1') },
      (parts) => this.#onFollowUp(parts),
      guarded(this, () => this.#outbox.retry()),
    );
    this.#pub =
      options.subscriptionPatience === undefined
        ? new PubSocket(context, shared)
        : new XPubSocket(context, shared, (_topic, subscribed) => {
            if (subscribed) sink.onReachable();
          });
    this.#req = new RouterSocket(context, shared, (parts) => this.#onRequest(parts));
    const lost = guarded(this, (address: string, packet: Buffer) => sink.onLost(address, packet));
    this.#outbox = new RouterOutbox({
      router: this.#router,
      wheel,
      patience: options.sessionTimeout,
      onDropped: (address, packets) => {
        log.warn(
          { from: address, packets: packets.length },
          'packets dropped: their requester has gone or takes nothing',
        );
        for (const packet of packets) lost(address, packet as Buffer);
      },
    });
    this.#ticker = new Ticker(TICK, this, () => this.#outbox.retry());
  }

  /**
   * Binds or connects all endpoints.
   * @returns the endpoints, with the ports that were taken
   * @throws ZmqError when one is invalid or cannot be bound
   */
  async open(): Promise<string[]> {
    const opened: string[] = [];
    // Responses have to get out before any request comes in.
    for (const { in: input, inStream, out } of this.#options.stream) {
      const outEndpoint = await this.#open(this.#pub, out);
      const inStreamEndpoint = await this.#open(this.#router, inStream);
      opened.push(await this.#open(this.#pull, input), inStreamEndpoint, outEndpoint);
    }
    for (const endpoint of this.#options.req) {
      const reqEndpoint = await this.#open(this.#req, endpoint);
      if (!this.#options.connect) this.#reqBound.push(reqEndpoint);
      opened.push(reqEndpoint);
    }
    return opened;
  }

  async #open(socket: ZmqSocket, endpoint: string): Promise<string> {
    if (!this.#options.connect) return socket.bind(endpoint);
    socket.connect(endpoint);
    return endpoint;
  }

  publish(packet: Part): void {
    this.#pub.send([packet]);
  }

  route(address: string, packet: Buffer): void {
    this.#outbox.route(address, packet);
  }

  isFull(address: string): boolean {
    return this.#outbox.reach(address) === FULL;
  }

  reaches(address: string): boolean {
    return this.#pub.reaches(`${address} `);
  }

  reply(envelope: readonly Buffer[], packet: Part): void {
    if (this.#req.send([...envelope, packet])) return;
    const { counters, log } = this.#options;
    counters.packetsUndelivered++;
    log.warn({ bytes: partBytes(packet) }, 'response dropped: its requester has gone or takes nothing');
  }

  pause(): void {
    if (this.#draining) return;
    this.#paused = true;
    this.#pull.pause();
    this.#req.pause();
  }

  resume(): void {
    this.#paused = false;
    const [first, second] = this.#reqFirst ? [this.#req, this.#pull] : [this.#pull, this.#req];
    this.#reqFirst = !this.#reqFirst;
    first.resume();
    // What waited there may have filled the role again.
    if (!this.#paused) second.resume();
  }

  drain(): void {
    this.#draining = true;
    this.resume();
    // From now on requests of stream mode stay with their requesters, which give them to another process.
    void this.#pull.close();
    for (const endpoint of this.#reqBound.splice(0)) this.#req.unbind(endpoint);
  }

  async close(): Promise<void> {
    this.#ticker.stop();
    this.#outbox.retry();
    this.#options.counters.packetsUndelivered += this.#outbox.clear();
    await Promise.all([this.#pull.close(), this.#router.close(), this.#pub.close(), this.#req.close()]);
  }

  /** Further frames have no meaning. */
  #onFirst(parts: Buffer[]): void {
    this.#sink.onFirst(parts[0] as Buffer);
  }

  #onFollowUp(parts: Buffer[]): void {
    const end = emptyFrame(parts);
    if (end > MAX_ENVELOPE_FRAMES) this.#refuse(`more than ${MAX_ENVELOPE_FRAMES} frames in front`, parts);
    else if (end < 0 || end + 1 === parts.length) this.#refuse('no packet after an empty frame', parts);
    else this.#sink.onFollowUp(parts[end + 1] as Buffer);
  }

  #onRequest(parts: Buffer[]): void {
    const end = emptyFrame(parts);
    if (end < 0 || end + 1 === parts.length) {
      // Without the empty frame the requester could not read a response.
      this.#refuse('no packet after an empty frame', parts);
      return;
    }
    const payload = parts[end + 1] as Buffer;
    // The rest is the envelope of the response.
    parts.length = end + 1;
    this.#sink.onRequest(parts, payload);
  }

  #refuse(reason: string, parts: readonly Buffer[]): void {
    const { counters, log } = this.#options;
    counters.packetsReceived++;
    counters.packetsMalformed++;
    this.#refusals.write(log, 'warn', { frames: parts.length, reason }, 'packet of a requester refused');
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }
}

/** Index of the first empty frame after the sender's routing id; -1 if there is none. */
function emptyFrame(parts: readonly Buffer[]): number {
  for (let i = 1; i < parts.length; i++) {
    if ((parts[i] as Buffer).length === 0) return i;
  }
  return -1;
}
