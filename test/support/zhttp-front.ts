import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Push, Router, Subscriber } from 'zeromq';
import {
  encodeRequestPacket,
  parseResponsePacket,
  RequestPacket,
  type ResponsePacket,
  splitAddress,
} from '../../src/codec/zhttp/index.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { Arrivals } from './zmq/zmq-rig.ts';

/** The address of the scripted front server. */
const ID = 'front';

/** What a test may say in a packet. */
export type PacketFields = Partial<RequestPacket>;

/**
 * The initiator's side of ZHTTP in stream mode over libzmq, without any client behind it: handlers under test connect to `base`,
 * and the test says packet by packet what they are sent, and when they are granted credits.
 */
export class ZhttpFront {
  /** What handlers take as BASE. */
  readonly base: string;
  /** What handlers have sent, in order. */
  readonly packets = new Arrivals<ResponsePacket>();
  readonly #push = new Push({ linger: 0 });
  readonly #router = new Router({ linger: 0, mandatory: true });
  readonly #subscriber = new Subscriber({ linger: 0 });

  private constructor(base: string) {
    this.base = base;
  }

  /** Binds the three sockets in a new folder; they are closed after the test. */
  static async start(t: TestContext): Promise<ZhttpFront> {
    const base = `ipc://${join(temporaryFolder(t), 'edge')}`;
    const front = new ZhttpFront(base);
    t.after(() => front.#close());
    await front.#bind([`${base}-out`, `${base}-out-stream`, `${base}-in`]);
    return front;
  }

  /** As `start`, on three ports of the loopback address that follow each other. */
  static async startOnTcp(t: TestContext): Promise<ZhttpFront> {
    for (;;) {
      // Below those that the system gives to clients, of which there may be so many that no three in a row are free.
      const port = randomInt(10_000, 32_000);
      const front = new ZhttpFront(`tcp://127.0.0.1:${port}`);
      try {
        await front.#bind([port, port + 1, port + 2].map((each) => `tcp://127.0.0.1:${each}`));
        t.after(() => front.#close());
        return front;
      } catch (error) {
        front.#close();
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      }
    }
  }

  /** Sends the first packet of a session: a request with 8192 bytes of credits unless `fields` say otherwise. */
  open(id: string, fields: PacketFields = {}): Promise<void> {
    const request = { method: 'GET', uri: 'http://localhost/', credits: 8192, stream: true };
    return this.pushRaw(encode([[id, 0]], { ...request, ...fields }));
  }

  /** Sends a later packet to the handler at `address`, for these sessions and with these numbers. */
  send(
    address: string,
    sessions: readonly (readonly [id: string, seq: number])[],
    fields: PacketFields,
  ): Promise<void> {
    return this.routeRaw(address, encode(sessions, fields));
  }

  /** Sends a frame as it is to any handler that takes requests. */
  pushRaw(frame: Buffer | string): Promise<void> {
    return this.#push.send(frame);
  }

  /** Sends a frame as it is to the handler at `address`. */
  routeRaw(address: string, frame: Buffer | string): Promise<void> {
    return this.#router.send([address, '', frame]);
  }

  async #bind([out = '', outStream = '', into = '']: readonly string[]): Promise<void> {
    await this.#push.bind(out);
    await this.#router.bind(outStream);
    await this.#subscriber.bind(into);
    this.#subscriber.subscribe(`${ID} `);
    void this.#read();
  }

  async #read(): Promise<void> {
    for await (const [frame] of this.#subscriber) {
      const addressed = splitAddress(frame as Buffer);
      if (addressed !== null) this.packets.add(parseResponsePacket(addressed.payload));
    }
  }

  #close(): void {
    for (const socket of [this.#push, this.#router, this.#subscriber]) socket.close();
  }
}

function encode(sessions: readonly (readonly [id: string, seq: number])[], fields: PacketFields): Buffer {
  const ids = sessions.map(([id, seq]) => ({ id, seq }));
  return encodeRequestPacket(Object.assign(new RequestPacket(), { from: ID, multi: true, ids, ...fields }));
}
