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
import { silentLog } from '../exchange/index.ts';
import { DealerSocket, PushSocket, SubSocket, ZmqCounters } from '../zmq/index.ts';
import { CliError } from './cli-error.ts';
import { showPacket } from './show-packet.ts';

/** Milliseconds for an endpoint to be there. */
const CONNECT_TIMEOUT = 5_000;

/** Milliseconds between two attempts to be heard, and until it is taken for granted: not every responder answers them. */
const PROBE_INTERVAL = 25;
const PROBE_TIMEOUT = 500;

/** Milliseconds between two signs of life, of the 60,000 that responders have patience for. */
const KEEP_ALIVE_INTERVAL = 25_000;

/** Milliseconds of silence after which the responder is given up. Its own signs of life come at least every 45,000. */
const SILENCE_TIMEOUT = 60_000;

/** Bytes of a packet that is taken. */
const MAX_PACKET_BYTES = 1_073_741_824;

const PROBE = 'probe';

/** Takes what a responder sends for the session. */
export interface RequesterSink {
  /** A packet, in sequence. */
  onPacket(packet: ResponsePacket): void;
  /** The responder is gone, or packets of it are lost: the session is over. */
  onLost(reason: string): void;
}

/** Shows a packet that was sent (`>`) or has come (`<`). */
export type PacketTrace = (direction: '>' | '<', text: string) => void;

/** One session as its initiator, with a responder whose three endpoints are known. */
export class ZhttpRequester {
  readonly #address = `holdfast-${randomBytes(6).toString('hex')}`;
  readonly #id = randomBytes(6).toString('hex');
  readonly #wheel = new TimerWheel();
  readonly #endpoints: FetchEndpoints;
  readonly #trace: PacketTrace;
  readonly #push: PushSocket;
  /** Not a ROUTER, which would have to know the responder's name to send it anything. */
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
  /** Bytes that are to be granted again. */
  #owed = 0;
  #keepAlive: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #over = false;

  constructor(endpoints: FetchEndpoints, trace: PacketTrace) {
    const context = { wheel: this.#wheel, counters: new ZmqCounters(), log: silentLog };
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
   * Connects, and waits until the responder can be answered by: its publisher drops what nobody has asked for yet, so an answer that
   * comes early would be lost. A packet for a session that there is none of is answered with a `cancel`; when that has come, all is well.
   * @throws CliError when nobody is there
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
   * Opens the session. From then on signs of life are sent as long as it lasts.
   * @throws CliError when nobody takes it
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
   * Grants bytes that have been taken, once they are half of what the first packet granted: each grant of a few bytes would let the
   * responder send a packet of a few bytes.
   */
  grant(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed === 0 || this.#owed < this.#window / 2) return;
    this.send({ type: 'credit', credits: this.#owed });
    this.#owed = 0;
  }

  /** Ends the session on this side: nothing comes or goes any more. */
  end(): void {
    this.#over = true;
    clearInterval(this.#keepAlive);
    clearTimeout(this.#silence);
  }

  /** Sends what waits, and closes the connections. */
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

  /** Sends as soon as somebody is there to take it. */
  async #deliver(endpoint: string, send: () => boolean): Promise<void> {
    const until = Date.now() + CONNECT_TIMEOUT;
    while (!send()) {
      const left = until - Date.now();
      if (left <= 0) throw new CliError(`nobody answers at ${endpoint}`);
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
      this.#lose(`a packet cannot be read: ${(error as Error).message}`);
      return;
    }
    if (packet.ids.some(({ id }) => id === PROBE)) this.#isHeard = true;
    const own = packet.ids.find(({ id }) => id === this.#id);
    if (own === undefined || this.#over) return;
    this.#trace('<', showPacket(packet));
    // A cancel for a session that the responder does not know has no number.
    if (own.seq !== null && own.seq !== this.#expected) {
      this.#lose(`packets were lost: number ${this.#expected} was next, ${own.seq} came`);
      return;
    }
    this.#expected++;
    this.#heard();
    this.#sink?.onPacket(packet);
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose('the responder has fallen silent'), SILENCE_TIMEOUT);
  }

  #lose(reason: string): void {
    if (this.#over || this.#sink === null) return;
    this.end();
    this.#sink.onLost(reason);
  }
}
