import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Dealer, Pull, XPublisher } from 'zeromq';
import {
  encodeResponsePacket,
  type PacketType,
  parseRequestPacket,
  type RequestPacket,
  ResponsePacket,
  type SessionRef,
} from '../../../src/codec/zhttp/index.ts';
import { Arrivals } from '../zmq/zmq-rig.ts';

/** What edges are called unless they are told otherwise. */
export const EDGE_ID = 'condure';

/** What a test may say in a packet. A type that does not exist is possible too. */
export type ResponseFields = Partial<Omit<ResponsePacket, 'type'>> & { readonly type?: string };

/** How a handler meets the edge. */
export interface HandlerOptions {
  /** Its ZHTTP address. */
  readonly id?: string;
  /** That of the edge; empty for any. */
  readonly edge?: string;
  /** Binds the endpoints, for an edge that connects to them. */
  readonly bind?: boolean;
  /** Default: true. */
  readonly takesRequests?: boolean;
}

/** A handler in stream mode on libzmq that does only what the test says. */
export class Handler {
  readonly id: string;
  /** What was asked of this handler: one for each first packet. */
  readonly requests = new Arrivals<HandlerSession>();
  /** All further packets that name a session which this handler does not have, in order. */
  readonly strays = new Arrivals<RequestPacket>();
  /** All further packets, in order, however many sessions each names. */
  readonly packets: RequestPacket[] = [];
  /** Connections that were lost. */
  disconnections = 0;
  readonly #edge: string;
  readonly #pull = new Pull({ linger: 0 });
  readonly #dealer: Dealer;
  readonly #publisher = new XPublisher({ linger: 100, sendHighWaterMark: 0 });
  readonly #sessions = new Map<string, HandlerSession>();
  readonly #heard = new Arrivals<string>();
  #sending: Promise<void> = Promise.resolve();
  /** Settles when further packets are taken. */
  #gate: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(id: string, edge: string) {
    this.id = id;
    this.#edge = edge;
    this.#dealer = new Dealer({ linger: 0, routingId: id });
  }

  /** Connects to all these bases, and waits until the edge there listens to it. */
  static async start(
    t: TestContext,
    bases: string | readonly string[],
    options: HandlerOptions = {},
  ): Promise<Handler> {
    const { id = 'h1', edge = EDGE_ID, bind = false, takesRequests = true } = options;
    const handler = new Handler(id, edge);
    t.after(() => handler.close());
    for (const socket of [handler.#pull, handler.#dealer, handler.#publisher]) {
      socket.events.on('disconnect', () => {
        handler.disconnections++;
      });
    }
    const all = typeof bases === 'string' ? [bases] : bases;
    for (const base of all) {
      const [out, outStream, into] = endpointsOf(base);
      if (bind) {
        await handler.#pull.bind(out);
        await handler.#dealer.bind(outStream);
        await handler.#publisher.bind(into);
      } else {
        if (takesRequests) handler.#pull.connect(out);
        handler.#dealer.connect(outStream);
        handler.#publisher.connect(into);
      }
    }
    void handler.#takeRequests();
    void handler.#takePackets();
    void handler.#takeSubscriptions();
    if (!bind) for (const _ of all) await handler.subscribed();
    return handler;
  }

  /** Waits until one more edge listens to what is published here. */
  async subscribed(): Promise<void> {
    const topics = await this.subscriptions(1);
    if (this.#edge !== '') assert.deepEqual(topics, [`${this.#edge} `]);
  }

  /** The next request. */
  request(): Promise<HandlerSession> {
    return this.requests.next();
  }

  /** The next topics that edges subscribe to. */
  async subscriptions(count: number): Promise<string[]> {
    const topics: string[] = [];
    while (topics.length < count) {
      const [heard = ''] = await this.#heard.take(1);
      // An edge that has gone subscribes no longer.
      if (heard[0] === '\x01') topics.push(heard.slice(1));
    }
    return topics;
  }

  /** Sends a packet for these sessions, as they count it, to the address that they came from. */
  broadcast(sessions: readonly HandlerSession[], fields: ResponseFields): Promise<void> {
    return this.sendFor(
      sessions.map((session) => session.nextRef()),
      fields,
      sessions[0]?.first.from,
    );
  }

  /** Sends a packet with these ids and numbers, right or wrong. */
  sendFor(ids: readonly SessionRef[], fields: ResponseFields, edge = this.#edge): Promise<void> {
    const packet = Object.assign(new ResponsePacket(), { from: this.id, multi: true, ids: [...ids], ...fields });
    return this.publish(encodeResponsePacket(packet, 'T', edge));
  }

  /** Publishes one frame as it is. */
  publish(...frames: (Buffer | string)[]): Promise<void> {
    // libzmq's binding takes one message at a time.
    this.#sending = this.#sending.then(() => (this.#closed ? undefined : this.#publisher.send(frames)));
    return this.#sending;
  }

  /** A session that another handler has begun, with the numbers that it had come to. */
  take(session: HandlerSession): HandlerSession {
    const taken = new HandlerSession(this, session.first);
    taken.nextIn = session.nextIn;
    taken.nextOut = session.nextOut;
    this.#sessions.set(taken.id, taken);
    return taken;
  }

  /** Takes no further packets until the function is called that it returns; libzmq's queues fill up. */
  pause(): () => void {
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  /** Goes away without a word. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of [this.#pull, this.#dealer, this.#publisher]) socket.close();
  }

  async #takeRequests(): Promise<void> {
    for await (const frames of this.#pull) {
      assert.equal(frames.length, 1);
      const session = new HandlerSession(this, parseRequestPacket(frames[0] as Buffer));
      this.#sessions.set(session.id, session);
      this.requests.add(session);
    }
  }

  async #takePackets(): Promise<void> {
    for await (const [delimiter, payload] of this.#dealer) {
      await this.#gate;
      assert.equal((delimiter as Buffer).length, 0);
      const packet = parseRequestPacket(payload as Buffer);
      this.packets.push(packet);
      for (const { id, seq } of packet.ids) {
        const session = this.#sessions.get(id);
        if (session === undefined) this.strays.add(packet);
        else session.receive(packet, seq);
      }
    }
  }

  async #takeSubscriptions(): Promise<void> {
    for await (const [frame] of this.#publisher) this.#heard.add((frame as Buffer).toString('latin1'));
  }
}

/** One session as its handler sees it: numbers are counted and checked, everything else is the test's. */
export class HandlerSession {
  readonly id: string;
  /** The packet that began it. */
  readonly first: RequestPacket;
  /** Number of the packet that comes next from the edge. */
  nextIn = 1;
  /** Number of the packet that goes next to the edge. */
  nextOut = 0;
  /** Bytes that the handler may still send. */
  credits: number;
  /** Packets that came with a wrong number. */
  readonly misnumbered: string[] = [];
  readonly #handler: Handler;
  readonly #packets = new Arrivals<RequestPacket>();
  /** Who waits for credits. */
  readonly #waits: (() => void)[] = [];
  #cancelled = false;

  constructor(handler: Handler, first: RequestPacket) {
    this.#handler = handler;
    this.first = first;
    this.id = first.ids[0]?.id ?? '';
    this.credits = first.credits;
  }

  /** Names the session in the next packet to the edge. */
  nextRef(): SessionRef {
    return { id: this.id, seq: this.nextOut++ };
  }

  send(fields: ResponseFields): Promise<void> {
    this.credits -= fields.body?.length ?? 0;
    return this.#handler.broadcast([this], fields);
  }

  /** A whole response. */
  respond(body: string | Buffer = '', fields: ResponseFields = {}): Promise<void> {
    return this.send({ code: 200, reason: 'OK', body: Buffer.from(body), ...fields });
  }

  /** The next packet, which has to be of this type. Unless they are asked for, credits are counted, and keep-alives passed over. */
  next(type: PacketType): Promise<RequestPacket> {
    return this.nextOf([type]);
  }

  /** As `next`, for one of several types. */
  async nextOf(types: readonly PacketType[]): Promise<RequestPacket> {
    for (;;) {
      const packet = await this.#packets.next();
      assert.deepEqual(this.misnumbered, []);
      if (types.includes(packet.type)) return packet;
      if (packet.type !== 'credit' && packet.type !== 'keep-alive') {
        assert.fail(`a packet of type ${packet.type} came, not ${types.join(' or ')}`);
      }
    }
  }

  /** As the handler's own `publish`. */
  publish(...frames: (Buffer | string)[]): Promise<void> {
    return this.#handler.publish(...frames);
  }

  /** As the handler's own `sendFor`. */
  sendFor(ids: readonly SessionRef[], fields: ResponseFields): Promise<void> {
    return this.#handler.sendFor(ids, fields);
  }

  /** Waits for so many bytes of credit, without taking anything else that comes meanwhile. */
  async hasCredits(bytes: number): Promise<void> {
    while (this.credits < bytes) {
      if (this.#cancelled) assert.fail('a packet of type cancel came, not credit');
      await new Promise<void>((resolve) => this.#waits.push(resolve));
    }
  }

  /** All data up to the end of the body or message, with credits for as much as it takes. */
  async takeBody(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      const { body, more } = await this.next('data');
      chunks.push(body);
      if (!more) return Buffer.concat(chunks);
      if (body.length > 0) await this.send({ type: 'credit', credits: body.length });
    }
  }

  /** Sends all of `data` as the credits allow it, the last piece with `fields`. */
  async sendBody(data: Buffer, fields: ResponseFields = {}): Promise<void> {
    let rest = data;
    while (rest.length > this.credits) {
      await this.hasCredits(1);
      const piece = rest.subarray(0, this.credits);
      rest = rest.subarray(piece.length);
      await this.send({
        contentType: fields.contentType ?? '',
        body: piece,
        more: rest.length > 0 || fields.more === true,
      });
      if (rest.length === 0) return;
    }
    await this.send({ ...fields, body: rest });
  }

  /** A packet of the edge. */
  receive(packet: RequestPacket, seq: number | null): void {
    // Only the cancel of a session that the edge does not know any more has no number.
    if (seq !== null || packet.type !== 'cancel') {
      if (seq !== this.nextIn) this.misnumbered.push(`${packet.type} came as ${seq} in place of ${this.nextIn}`);
      this.nextIn++;
    }
    this.credits += packet.credits;
    this.#cancelled ||= packet.type === 'cancel';
    for (const resolve of this.#waits.splice(0)) resolve();
    this.#packets.add(packet);
  }
}

/** The endpoints that a base stands for, as handlers use them: to pull from, to be routed by, to publish to. */
export function endpointsOf(base: string): readonly [string, string, string] {
  if (base.startsWith('ipc:')) return [`${base}-out`, `${base}-out-stream`, `${base}-in`];
  const colon = base.lastIndexOf(':');
  const port = Number(base.slice(colon + 1));
  const at = (offset: number) => `${base.slice(0, colon)}:${port + offset}`;
  return [at(0), at(1), at(2)];
}
