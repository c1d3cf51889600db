import { randomBytes } from 'node:crypto';
import { TimerWheel } from '../clock/index.ts';
import {
  encodeRequestPacket,
  parseResponsePacket,
  RequestPacket,
  type ResponsePacket,
  splitAddress,
} from '../codec/zhttp/index.ts';
import type { FetchEndpoints } from '../config/index.ts';
import { DealerSocket, PushSocket, SubSocket, ZmqCounters } from '../zmq/index.ts';
import { CliError } from './cli-error.ts';
import { ConnectionLog } from './connection-log.ts';
import { showPacket } from './show-packet.ts';

/** Maximum milliseconds to connect to an endpoint. */
const CONNECT_TIMEOUT = 5_000;

/** Milliseconds between two probes, and until the probing ends: not every responder responds to probes. */
const PROBE_INTERVAL = 25;
const PROBE_TIMEOUT = 500;

/** Milliseconds between two keep-alives. Responders wait 60,000. */
const KEEP_ALIVE_INTERVAL = 25_000;

/** Milliseconds of silence after which the responder counts as gone. It sends a keep-alive at least every 45,000. */
const SILENCE_TIMEOUT = 60_000;

/** Maximum bytes of a packet. */
const MAX_PACKET_BYTES = 1_073_741_824;

const PROBE = 'probe';

/** Receives what a responder sends for the session. */
export interface RequesterSink {
  /** A packet, in sequence. */
  onPacket(packet: ResponsePacket): void;
  /** The responder is gone, or packets were lost. The session is over. */
  onLost(reason: string): void;
}

/** Shows a packet that was sent (`>`) or received (`<`). */
export type PacketTrace = (direction: '>' | '<', text: string) => void;

/** The initiator of one session, with the responder at three endpoints. */
export class ZhttpRequester {
  readonly #address = `holdfast-${randomBytes(6).toString('hex')}`;
  readonly #id = randomBytes(6).toString('hex');
  readonly #wheel = new TimerWheel();
  readonly #log = new ConnectionLog();
  readonly #endpoints: FetchEndpoints;
  readonly #trace: PacketTrace;
  readonly #push: PushSocket;
  /** Not a ROUTER, which could send only to a known name. */
  readonly #dealer: DealerSocket;
  readonly #subscriber: SubSocket;
  #sink: RequesterSink | null = null;
  #wake: (() => void) | null = null;
  #isHeard = false;
  /** Numbers of the next packets. */
  #sent = 0;
  #expected = 0;
  /** Bytes that the first packet granted. */
  #window = 0;
  /** Bytes taken and not granted again yet. */
  #owed = 0;
  #keepAlive: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #over = false;

  constructor(endpoints: FetchEndpoints, trace: PacketTrace) {
    const context = { wheel: this.#wheel, counters: new ZmqCounters(), log: this.#log };
    const options = { immediate: true, routingId: Buffer.from(this.#address), maxMessageBytes: MAX_PACKET_BYTES };
    this.#endpoints = endpoints;
    this.#trace = trace;
    this.#push = new PushSocket(context, { immediate: true }, () => this.#wake?.());
    this.#dealer = new DealerSocket(
      context,
      options,
      () => {},
      () => this.#wake?.(),
    );
    this.#subscriber = new SubSocket(context, options, ([frame]) => this.#receive(frame as Buffer));
    this.#subscriber.subscribe(`${this.#address} `);
  }

  /**
   * Connects, and waits until responses can arrive. The responder's publisher drops messages without a subscriber, so an early response
   * would be lost. The responder sends a `cancel` for an unknown session; its arrival shows that the subscription is known.
   * @throws CliError if no responder is connected
   */
  async connect(): Promise<void> {
    const { in: first, inStream, out } = this.#endpoints;
    this.#subscriber.connect(out);
    this.#dealer.connect(inStream);
    this.#push.connect(first);
    const probe = new RequestPacket();
    Object.assign(probe, { from: this.#address, ids: [{ id: PROBE, seq: 1 }], type: 'keep-alive' });
    await this.#deliver(inStream, () => this.#sendStream(probe));
    const until = Date.now() + PROBE_TIMEOUT;
    while (!this.#isHeard && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL));
      this.#sendStream(probe);
    }
  }

  /**
   * Opens the session, and sends keep-alives as long as it lasts.
   * @throws CliError if no responder takes it
   */
  async open(packet: RequestPacket, sink: RequesterSink): Promise<void> {
    this.#sink = sink;
    this.#window = packet.credits;
    this.#stamp(packet);
    const parts = [encodeRequestPacket(packet)];
    this.#trace('>', showPacket(packet));
    await this.#deliver(this.#endpoints.in, () => this.#push.send(parts));
    this.#heard();
    this.#keepAlive = setInterval(() => this.send({ type: 'keep-alive' }), KEEP_ALIVE_INTERVAL);
  }

  /** Sends a further packet with these fields. */
  send(fields: Partial<RequestPacket>): void {
    if (this.#over) return;
    const packet = Object.assign(new RequestPacket(), fields);
    this.#stamp(packet);
    this.#trace('>', showPacket(packet));
    if (!this.#sendStream(packet)) this.#lose('the responder takes no more packets');
  }

  /**
   * Grants bytes again once half of the first grant has been taken. Small grants would lead to small packets.
   */
  grant(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed === 0 || this.#owed < this.#window / 2) return;
    this.send({ type: 'credit', credits: this.#owed });
    this.#owed = 0;
  }

  /** Ends the session on this side. No packet is sent or accepted after that. */
  end(): void {
    this.#over = true;
    clearInterval(this.#keepAlive);
    clearTimeout(this.#silence);
  }

  /** Flushes, and closes the connections. */
  async close(): Promise<void> {
    this.end();
    await Promise.all([this.#push.close(), this.#dealer.close(), this.#subscriber.close()]);
    this.#wheel.stop();
  }

  #stamp(packet: RequestPacket): void {
    packet.from = this.#address;
    packet.ids = [{ id: this.#id, seq: this.#sent++ }];
  }

  #sendStream(packet: RequestPacket): boolean {
    return this.#dealer.send([Buffer.alloc(0), encodeRequestPacket(packet)]);
  }

  /** Sends as soon as a peer is connected. */
  async #deliver(endpoint: string, send: () => boolean): Promise<void> {
    const until = Date.now() + CONNECT_TIMEOUT;
    while (!send()) {
      const left = until - Date.now();
      if (left <= 0) throw new CliError(this.#log.noServer(endpoint, 'stream'));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
  }

  #receive(frame: Buffer): void {
    const payload = splitAddress(frame)?.payload;
    if (payload === undefined) return;
    let packet: ResponsePacket;
    try {
      packet = parseResponsePacket(payload, { maxPacketBytes: MAX_PACKET_BYTES, maxHeaders: 10_000 });
    } catch (error) {
      this.#lose(`malformed packet: ${(error as Error).message}`);
      return;
    }
    if (packet.ids.some(({ id }) => id === PROBE)) this.#isHeard = true;
    const own = packet.ids.find(({ id }) => id === this.#id);
    if (own === undefined || this.#over) return;
    this.#trace('<', showPacket(packet));
    // A cancel for a session that the responder does not know has no number.
    if (own.seq !== null && own.seq !== this.#expected) {
      this.#lose(`packets were lost: expected number ${this.#expected}, got ${own.seq}`);
      return;
    }
    this.#expected++;
    this.#heard();
    this.#sink?.onPacket(packet);
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose('the responder is silent'), SILENCE_TIMEOUT);
  }

  #lose(reason: string): void {
    if (this.#over || this.#sink === null) return;
    this.end();
    this.#sink.onLost(reason);
  }
}
