import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type HandlerAnswer,
  HandlerMessages,
  type HandlerRequest,
  type HeaderProtocol,
  parseAnswer,
} from '../../../src/codec/mongrel2/index.ts';
import type { PushSocket, SubSocket } from '../../../src/zmq/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { type Opened, ZmqRig } from '../zmq/zmq-rig.ts';

/** A request for `/`, from a client on this machine. */
export const PLAIN_REQUEST: HandlerRequest = {
  method: 'GET',
  target: '/',
  scheme: 'http',
  version: '1.1',
  headers: ['Host', 'localhost'],
  peer: { address: '127.0.0.1', port: 4_000 },
};

/** What a Mongrel2 server has for one handler: the two sockets, bound. */
export class FakeMongrel2Server {
  readonly messages: HandlerMessages;
  readonly sendSpec: string;
  readonly recvSpec: string;
  readonly #rig: ZmqRig;
  readonly #push: Opened<PushSocket>;
  readonly #sub: Opened<SubSocket>;

  private constructor(t: TestContext, folder: string, protocol: HeaderProtocol) {
    this.messages = new HandlerMessages({ ident: 'server-1', protocol, keepForwardedFor: false });
    this.#rig = new ZmqRig(t);
    this.sendSpec = `ipc://${join(folder, 'send')}`;
    this.recvSpec = `ipc://${join(folder, 'recv')}`;
    this.#push = this.#rig.push();
    this.#sub = this.#rig.sub();
  }

  /** @param folder where the endpoints are; a new one if not given */
  static async start(
    t: TestContext,
    folder = temporaryFolder(t),
    protocol: HeaderProtocol = 'json',
  ): Promise<FakeMongrel2Server> {
    const server = new FakeMongrel2Server(t, folder, protocol);
    await server.#push.socket.bind(server.sendSpec);
    await server.#sub.socket.bind(server.recvSpec);
    server.#sub.socket.subscribe(Buffer.alloc(0));
    return server;
  }

  /** Sends a message to the next handler, as soon as there is one. */
  async send(message: Buffer | string): Promise<void> {
    while (!this.#push.socket.send([message])) await this.#push.writable.next();
  }

  /** Sends a request. `extra` and `method` are those of `HandlerMessages.request`. */
  request(id: number, request: Partial<HandlerRequest> = {}, extra = '', body = '', method?: string): Promise<void> {
    const { messages } = this;
    const whole = { ...PLAIN_REQUEST, ...request };
    return this.send(messages.request(id, whole, messages.pattern('/'), extra, Buffer.from(body, 'latin1'), method));
  }

  /** Sends a WebSocket's frame, as far as the handler sees it. */
  frame(id: number, flags: string, body = ''): Promise<void> {
    return this.request(id, {}, this.messages.extra('FLAGS', flags), body, 'WEBSOCKET');
  }

  /** Takes the next answer, with its body as latin1 text. */
  async answer(): Promise<Omit<HandlerAnswer, 'body'> & { readonly body: string }> {
    const { ids, body, control } = parseAnswer(Buffer.from(await this.#sub.messages.next(), 'latin1'), 128);
    return { ids, body: body.toString('latin1'), control };
  }

  /** Closes both sockets, as a server that ends does. */
  async stop(): Promise<void> {
    await Promise.all([this.#push.socket.close(), this.#sub.socket.close()]);
  }
}
