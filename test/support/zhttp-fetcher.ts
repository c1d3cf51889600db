import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Publisher, Pull, Router } from 'zeromq';
import {
  encodeResponsePacket,
  parseRequestPacket,
  type RequestPacket,
  ResponsePacket,
} from '../../src/codec/zhttp/index.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { Arrivals } from './zmq/zmq-rig.ts';

/** The address of the scripted fetcher. */
const ID = 'fetcher';

/** What a test may say in a packet. */
type Fields = Partial<ResponsePacket>;

/**
 * The responder's side of ZHTTP in stream mode over libzmq that makes no requests: requesters under test connect to `base`, and
 * the test says packet by packet what they are answered.
 */
export class ZhttpFetcher {
  /** What requesters take as BASE. */
  readonly base: string;
  /** First packets, in order. */
  readonly requests = new Arrivals<RequestPacket>();
  /** All later packets, in order. */
  readonly packets = new Arrivals<RequestPacket>();
  readonly #pull = new Pull({ linger: 0 });
  readonly #router = new Router({ linger: 0, routingId: ID });
  readonly #publisher = new Publisher({ linger: 0, sendHighWaterMark: 0 });

  private constructor(base: string) {
    this.base = base;
  }

  /** Binds the three sockets in a new folder; they are closed after the test. */
  static async start(t: TestContext): Promise<ZhttpFetcher> {
    const fetcher = new ZhttpFetcher(`ipc://${join(temporaryFolder(t), 'fetch')}`);
    t.after(() => fetcher.#close());
    await fetcher.#bind(['in', 'in-stream', 'out'].map((name) => `${fetcher.base}-${name}`));
    return fetcher;
  }

  /** As `start`, on three ports of the loopback address that follow each other. */
  static async startOnTcp(t: TestContext): Promise<ZhttpFetcher> {
    for (;;) {
      // Below those that the system gives to clients, of which there may be so many that no three in a row are free.
      const port = randomInt(10_000, 32_000);
      const fetcher = new ZhttpFetcher(`tcp://127.0.0.1:${port}`);
      try {
        await fetcher.#bind([port, port + 1, port + 2].map((each) => `tcp://127.0.0.1:${each}`));
        t.after(() => fetcher.#close());
        return fetcher;
      } catch (error) {
        fetcher.#close();
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      }
    }
  }

  /** Sends a packet to the requester, in the session that it has opened with `request`. */
  respond(request: RequestPacket, seq: number, fields: Fields): Promise<void> {
    return this.respondAll(request.from, [[request.ids[0]?.id ?? '', seq]], fields);
  }

  /** Sends a packet for these sessions, with these numbers, to the requester at this address. */
  respondAll(to: string, sessions: readonly (readonly [id: string, seq: number])[], fields: Fields): Promise<void> {
    const ids = sessions.map(([id, seq]) => ({ id, seq }));
    const packet = Object.assign(new ResponsePacket(), { from: ID, ids, ...fields });
    return this.publishRaw(to, encodeResponsePacket(packet));
  }

  /** Sends a frame as it is to the requester at this address. */
  publishRaw(to: string, frame: Buffer | string): Promise<void> {
    return this.#publisher.send(Buffer.concat([Buffer.from(`${to} `), Buffer.from(frame)]));
  }

  async #bind([requests = '', packets = '', answers = '']: readonly string[]): Promise<void> {
    await this.#pull.bind(requests);
    await this.#router.bind(packets);
    await this.#publisher.bind(answers);
    void this.#read(this.#pull, this.requests);
    void this.#read(this.#router, this.packets);
  }

  async #read(socket: Pull | Router, arrivals: Arrivals<RequestPacket>): Promise<void> {
    for await (const frames of socket) arrivals.add(parseRequestPacket(frames.at(-1) as Buffer));
  }

  #close(): void {
    for (const socket of [this.#pull, this.#router, this.#publisher]) socket.close();
  }
}
