import type { TestContext } from 'node:test';
import { Router } from 'zeromq';
import {
  encodeResponsePacket,
  parseRequestPacket,
  type RequestPacket,
  ResponsePacket,
} from '../../../src/codec/zhttp/index.ts';
import { Arrivals } from '../zmq/zmq-rig.ts';
import type { ResponseFields } from './handler.ts';

/** One request in req mode. */
export interface ReqRequest {
  readonly packet: RequestPacket;
  /** Answers with a packet; by default it has the id of the request, and nothing else. */
  respond(fields: ResponseFields): Promise<void>;
  /** Answers with these frames behind the address. */
  respondRaw(frames: readonly (Buffer | string)[]): Promise<void>;
}

/** A handler in req mode on a libzmq ROUTER that does only what the test says. */
export class ReqHandler {
  readonly requests = new Arrivals<ReqRequest>();
  /** Connections that were lost. */
  disconnections = 0;
  readonly #router = new Router({ linger: 0 });

  /** Connects, or binds for an edge that connects. */
  static async start(t: TestContext, endpoint: string, bind = false): Promise<ReqHandler> {
    const handler = new ReqHandler();
    t.after(() => handler.close());
    handler.#router.events.on('disconnect', () => {
      handler.disconnections++;
    });
    if (bind) await handler.#router.bind(endpoint);
    else handler.#router.connect(endpoint);
    void handler.#take();
    return handler;
  }

  request(): Promise<ReqRequest> {
    return this.requests.next();
  }

  close(): void {
    this.#router.close();
  }

  async #take(): Promise<void> {
    for await (const [peer, , payload] of this.#router) {
      const packet = parseRequestPacket(payload as Buffer);
      const respondRaw = (frames: readonly (Buffer | string)[]) => this.#router.send([peer as Buffer, ...frames]);
      this.requests.add({
        packet,
        respondRaw,
        respond: (fields) =>
          respondRaw(['', encodeResponsePacket(Object.assign(new ResponsePacket(), { ids: packet.ids, ...fields }))]),
      });
    }
  }
}
