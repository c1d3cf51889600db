import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Dealer, Push, Router, Subscriber } from 'zeromq';
import {
  encodeRequestPacket,
  type PacketFormat,
  type PacketType,
  parseResponsePacket,
  RequestPacket,
  type ResponsePacket,
  type SessionRef,
  splitAddress,
} from '../../../src/codec/zhttp/index.ts';
import { Arrivals } from '../zmq/zmq-rig.ts';

/** What a test may say in a packet. A type that does not exist is possible too. */
export type RequestFields = Partial<Omit<RequestPacket, 'type'>> & { readonly type?: string };

/** Where a program that makes requests for others is reached. */
export interface FetchEndpoints {
  readonly in: string;
  readonly inStream: string;
  readonly out: string;
  readonly req: string;
}

/** Between two tries to reach a peer that is connecting. */
const RETRY_MS = 10;

/** A requester in stream mode on libzmq that does only what the test says. */
export class ZhttpRequester {
  readonly id: string;
  /** Packets for sessions that this requester does not have, in order, and their bytes. */
  readonly strays = new Arrivals<ResponsePacket>();
  /** Every packet for this requester as it is on the wire, address included. */
  readonly frames: Buffer[] = [];
  /** Packets that came over the ROUTER socket. */
  readonly routed: Buffer[] = [];
  readonly #push = new Push({ linger: 0 });
  readonly #router: Router;
  readonly #subscriber = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  readonly #sessions = new Map<string, RequesterSession>();
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(id: string) {
    this.id = id;
    this.#router = new Router({ linger: 0, mandatory: true, routingId: id });
  }

  /** Connects, and waits until what is published for it arrives. */
  static async start(t: TestContext, endpoints: FetchEndpoints, id = 'me'): Promise<ZhttpRequester> {
    const requester = new ZhttpRequester(id);
    t.after(() => requester.close());
    requester.#push.connect(endpoints.in);
    requester.#router.connect(endpoints.inStream);
    requester.#subscriber.connect(endpoints.out);
    requester.#subscriber.subscribe(`${id} `);
    void requester.#takePublished();
    void requester.#takeRouted();
    await requester.#heard();
    return requester;
  }

  /** Begins a session with a first packet: by default with our address, the given id and number 0. */
  async ask(id: string, fields: RequestFields, format: PacketFormat = 'T'): Promise<RequesterSession> {
    const session = new RequesterSession(this, id);
    this.#sessions.set(id, session);
    const packet = Object.assign(new RequestPacket(), { from: this.id, ids: [session.nextRef()], ...fields });
    await this.push(encodeRequestPacket(packet as RequestPacket, format));
    return session;
  }

  /** Pushes a message as it is. */
  push(...frames: (Buffer | string)[]): Promise<void> {
    return this.#send(() => this.#push.send(frames));
  }

  /** Sends a further packet to whoever calls itself `address`, as soon as that is connected. */
  sendTo(address: string, packet: Buffer): Promise<void> {
    return this.sendRaw(address, '', packet);
  }

  /** Sends these frames to whoever calls itself `address`. */
  sendRaw(address: string, ...frames: (Buffer | string)[]): Promise<void> {
    return this.#send(async () => {
      for (;;) {
        try {
          await this.#router.send([address, ...frames]);
          return;
        } catch (error) {
          if ((error as { code?: string }).code !== 'EHOSTUNREACH') throw error;
          await delay(RETRY_MS);
        }
      }
    });
  }

  /** Goes away without a word. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of [this.#push, this.#router, this.#subscriber]) socket.close();
  }

  /** Requests that cannot be made are answered: so one tells when the subscription counts. */
  async #heard(): Promise<void> {
    const probe = `probe-${this.id}`;
    const session = new RequesterSession(this, probe);
    this.#sessions.set(probe, session);
    let answered = false;
    const answer = session.next('error').then(() => {
      answered = true;
    });
    while (!answered) {
      const packet = Object.assign(new RequestPacket(), { from: this.id, ids: [{ id: probe, seq: 0 }] });
      packet.method = 'GET';
      packet.uri = 'nonsense://a/';
      await this.push(encodeRequestPacket(packet));
      await Promise.race([answer, delay(RETRY_MS)]);
    }
    this.#sessions.delete(probe);
  }

  /** libzmq's binding takes one message at a time. */
  #send(send: () => Promise<void>): Promise<void> {
    this.#sending = this.#sending.then(() => (this.#closed ? undefined : send()));
    return this.#sending;
  }

  async #takePublished(): Promise<void> {
    for await (const [frame] of this.#subscriber) {
      const { address, payload } = splitAddress(frame as Buffer) ?? assert.fail('a packet without an address');
      assert.equal(address, this.id);
      this.#take(payload, frame as Buffer);
    }
  }

  async #takeRouted(): Promise<void> {
    for await (const [, delimiter, payload] of this.#router) {
      assert.equal((delimiter as Buffer).length, 0);
      this.routed.push(payload as Buffer);
      this.#take(payload as Buffer, payload as Buffer);
    }
  }

  #take(payload: Buffer, frame: Buffer): void {
    const packet = parseResponsePacket(payload);
    const isProbe = packet.ids[0]?.id === `probe-${this.id}`;
    if (!isProbe) this.frames.push(frame);
    for (const { id, seq } of packet.ids) {
      const session = this.#sessions.get(id);
      if (session !== undefined) session.receive(packet, seq);
      else if (!isProbe) this.strays.add(packet);
    }
  }
}

/** One session as its requester sees it: numbers are counted and checked, everything else is the test's. */
export class RequesterSession {
  readonly id: string;
  /** Where further packets go; known from the first answer on. */
  address = '';
  /** Number of the packet that comes next. */
  nextIn = 0;
  /** Number of the packet that goes next. */
  nextOut = 0;
  /** Bytes that may still be sent. */
  credits = 0;
  /** Packets that came with a wrong number. */
  readonly misnumbered: string[] = [];
  readonly #requester: ZhttpRequester;
  readonly #packets = new Arrivals<ResponsePacket>();
  readonly #waits: (() => void)[] = [];

  constructor(requester: ZhttpRequester, id: string) {
    this.#requester = requester;
    this.id = id;
  }

  /** Names the session in the next packet. */
  nextRef(): SessionRef {
    return { id: this.id, seq: this.nextOut++ };
  }

  /** Sends a further packet; the address has to be known. */
  send(fields: RequestFields): Promise<void> {
    this.credits -= fields.body?.length ?? 0;
    assert.notEqual(this.address, '', 'nothing was heard of whoever makes the request');
    const ids = fields.ids ?? [this.nextRef()];
    const packet = Object.assign(new RequestPacket(), { from: this.#requester.id, ...fields, ids });
    return this.#requester.sendTo(this.address, encodeRequestPacket(packet as RequestPacket));
  }

  /** The next packet, which has to be of this type. Unless they are asked for, credits are counted, and keep-alives passed over. */
  async next(type: PacketType): Promise<ResponsePacket> {
    for (;;) {
      const packet = await this.#packets.next();
      assert.deepEqual(this.misnumbered, []);
      if (packet.type === type) return packet;
      if (packet.type !== 'credit' && packet.type !== 'keep-alive') {
        assert.fail(`a packet of type ${packet.type} (${packet.condition}) came, not ${type}`);
      }
    }
  }

  /** The next packet, whatever it is. */
  nextAny(): Promise<ResponsePacket> {
    return this.#packets.next();
  }

  /** The whole response: its first packet, and its body, for which credit is given as it comes. */
  async response(): Promise<{ readonly head: ResponsePacket; readonly body: Buffer }> {
    const head = await this.next('data');
    const chunks = [head.body];
    let { more } = head;
    if (more && head.body.length > 0) await this.send({ type: 'credit', credits: head.body.length });
    while (more) {
      const packet = await this.next('data');
      chunks.push(packet.body);
      ({ more } = packet);
      if (more && packet.body.length > 0) await this.send({ type: 'credit', credits: packet.body.length });
    }
    return { head, body: Buffer.concat(chunks) };
  }

  /** Waits for so many bytes of credit, without taking anything else that comes meanwhile. */
  async hasCredits(bytes: number): Promise<void> {
    while (this.credits < bytes) await new Promise<void>((resolve) => this.#waits.push(resolve));
  }

  receive(packet: ResponsePacket, seq: number | null): void {
    // The answers to what cannot be understood, or is unknown, have no number.
    if (seq !== null || (packet.type !== 'cancel' && packet.type !== 'error')) {
      if (seq !== this.nextIn) this.misnumbered.push(`${packet.type} came as ${seq} in place of ${this.nextIn}`);
      this.nextIn++;
    }
    if (packet.from !== '') this.address = packet.from;
    this.credits += packet.credits;
    for (const resolve of this.#waits.splice(0)) resolve();
    this.#packets.add(packet);
  }
}

/** A requester in req mode on a libzmq DEALER: any number of requests at a time. */
export class ReqRequester {
  readonly #dealer = new Dealer({ linger: 0 });
  readonly #answers = new Map<string, Arrivals<Buffer>>();
  /** Answers without an id, and those that nobody waits for. */
  readonly strays = new Arrivals<Buffer>();
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  static start(t: TestContext, endpoint: string): ReqRequester {
    const requester = new ReqRequester();
    t.after(() => requester.close());
    requester.#dealer.connect(endpoint);
    void requester.#take();
    return requester;
  }

  /** Makes a request, and gives the answer. */
  async ask(id: string, fields: RequestFields): Promise<ResponsePacket> {
    return parseResponsePacket(await this.askRaw(id, fields));
  }

  /** As `ask`, with the answer as it is on the wire. */
  async askRaw(id: string, fields: RequestFields, format: PacketFormat = 'T'): Promise<Buffer> {
    const answers = new Arrivals<Buffer>();
    this.#answers.set(id, answers);
    const packet = Object.assign(new RequestPacket(), { ids: [{ id, seq: null }], ...fields });
    await this.send('', encodeRequestPacket(packet as RequestPacket, format));
    return answers.next();
  }

  /** Sends these frames. */
  send(...frames: (Buffer | string)[]): Promise<void> {
    this.#sending = this.#sending.then(() => (this.#closed ? undefined : this.#dealer.send(frames)));
    return this.#sending;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#dealer.close();
  }

  async #take(): Promise<void> {
    for await (const frames of this.#dealer) {
      const payload = frames.at(-1) as Buffer;
      const id = parseResponsePacket(payload).ids[0]?.id ?? '';
      const answers = this.#answers.get(id);
      if (answers === undefined) this.strays.add(payload);
      else answers.add(payload);
    }
  }
}
