import { TimerWheel } from '../clock/index.ts';
import { responseHeadText } from '../codec/http1/index.ts';
import { encodeAnswers, encodeControls, Mongrel2Error } from '../codec/mongrel2/index.ts';
import { CLOSE, closePayload, encodeFrame, encodeMessage, isCloseCode, PING, PONG } from '../codec/websocket/index.ts';
import { type Log, silentLog } from '../exchange/index.ts';
import { PullSocket, parseEndpoint, XPubSocket, type ZmqContext, ZmqCounters } from '../zmq/index.ts';
import type { HandlerEvent, HandshakeEvent, Receiver } from './handler-event.ts';
import { fieldList, type HttpAnswer, writeAnswer } from './http-answer.ts';
import { type Input, readEvent } from './read-event.ts';
import { WaitingEvents } from './waiting-events.ts';

/** Where a handler's server is. */
export interface Mongrel2HandlerOptions {
  /** `send_spec` of the handler in the site: where its messages come from. `tcp://HOST:PORT` or `ipc://PATH`. */
  readonly sendSpec: string;
  /** `recv_spec` of the handler in the site: where answers go. */
  readonly recvSpec: string;
  /** Bytes of one message, at least `limits.content_length` of the server and the headers. Default: 67,108,864. */
  readonly maxMessageBytes?: number;
  /** Called with what was malformed or dropped. Default: `process.emitWarning`. */
  readonly warn?: (problem: string) => void;
}

/** How a WebSocket is accepted. */
export interface AcceptOptions {
  /** One of those that the client offers. */
  readonly protocol?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

const NO_BODY = Buffer.alloc(0);

/** Answers that may wait while the server does not take them: further ones are dropped. */
const SEND_HWM = 100_000;
const SEND_BYTES = 67_108_864;

const DEFAULT_MESSAGE_BYTES = 67_108_864;

/** The longest time that a timer of Node can have, in milliseconds. */
const LONGEST = 2_147_483_647;

/**
 * A handler of Mongrel2's protocol. It connects to one handler entry of a site, gives what the server tells as events, and sends answers, to one
 * connection or to many at once. Messages on WebSockets come whole; pings and closes are answered here.
 *
 * An answer that is sent before the server has subscribed would be lost, so events come only from then on. Until `stop` it keeps the process
 * running, also while the server is not there.
 */
export class Mongrel2Handler implements AsyncIterable<HandlerEvent> {
  readonly #warn: (problem: string) => void;
  readonly #wheel = new TimerWheel();
  readonly #counters = new ZmqCounters();
  /** The sockets' own timers let the process end. */
  readonly #alive: NodeJS.Timeout;
  readonly #pull: PullSocket;
  readonly #pub: XPubSocket;
  readonly #sendSpec: string;
  readonly #events = new WaitingEvents<HandlerEvent>((room) => this.#setRoom(room));
  /** Topics that the server has subscribed to. */
  #topics = 0;
  #connected = false;
  #hasRoom = true;
  #dropped = 0;
  #stopped: Promise<void> | null = null;
  readonly #whenReady: (() => void)[] = [];

  /** @throws ZmqError for an endpoint that is none */
  constructor(options: Mongrel2HandlerOptions) {
    const { sendSpec, recvSpec, maxMessageBytes = DEFAULT_MESSAGE_BYTES } = options;
    this.#warn = options.warn ?? ((problem) => process.emitWarning(problem, 'Mongrel2Warning'));
    this.#sendSpec = sendSpec;
    const context: ZmqContext = { wheel: this.#wheel, counters: this.#counters, log: this.#log() };
    this.#pull = new PullSocket(context, { maxMessageBytes, receiveBytes: maxMessageBytes }, ([bytes = NO_BODY]) =>
      this.#onMessage(bytes),
    );
    this.#pub = new XPubSocket(context, { sendHwm: SEND_HWM, sendBytes: SEND_BYTES }, (_topic, subscribed) =>
      this.#onSubscription(subscribed),
    );
    parseEndpoint(sendSpec, 'connect');
    this.#pub.connect(recvSpec);
    this.#alive = setInterval(() => {}, LONGEST);
  }

  /** Resolves when answers will reach the server, at the latest when the handler is stopped. */
  ready(): Promise<void> {
    if (this.#topics > 0 || this.#stopped !== null) return Promise.resolve();
    return new Promise((resolve) => this.#whenReady.push(resolve));
  }

  /** Answers that were dropped, because the server did not take them or is not there. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What the server tells, in order, until `stop`. There may be one loop. While it is busy the server's messages wait. */
  [Symbol.asyncIterator](): AsyncIterator<HandlerEvent, undefined> {
    return this.#events;
  }

  /** Calls `handle` with each event until `stop`. One that throws, or returns a promise that rejects, ends it with the same error. */
  async each(handle: (event: HandlerEvent) => unknown): Promise<void> {
    for await (const event of this) await handle(event);
  }

  /** Sends bytes as they are. Empty ones close the connections. */
  write(to: Receiver, bytes: Buffer): void {
    this.#sendAll(encodeAnswers(to.uuid, idsOf(to), bytes));
  }

  /**
   * Sends a whole response. After it the connection is closed if the request wants that.
   * @throws Http1Error for a status, reason or header that cannot be written
   */
  respond(to: Receiver, answer: HttpAnswer = {}): void {
    const { bytes, close } = writeAnswer(to, answer);
    this.write(to, bytes);
    if (close) this.close(to);
  }

  /** Closes connections after what was sent before. No `disconnect` follows. */
  close(to: Receiver): void {
    this.write(to, NO_BODY);
  }

  /** Closes connections at once. No `disconnect` follows. */
  cancel(to: Receiver): void {
    this.#sendAll(encodeControls(to.uuid, idsOf(to), { cancel: true }));
  }

  /** Says that connections are in use although nothing is sent, so that the server does not close them for that. */
  keepAlive(to: Receiver): void {
    this.#sendAll(encodeControls(to.uuid, idsOf(to), { keepAlive: true }));
  }

  /** Lets the server send so many more bytes of a streamed upload. @param bytes a positive integer */
  grant(to: Receiver, bytes: number): void {
    this.#sendAll(encodeControls(to.uuid, idsOf(to), { credits: bytes }));
  }

  /**
   * Accepts a WebSocket.
   * @throws Http1Error for a protocol or header that cannot be written
   */
  accept(to: HandshakeEvent, { protocol, headers = {} }: AcceptOptions = {}): void {
    const fields = ['Upgrade', 'websocket', 'Sec-WebSocket-Accept', to.acceptKey];
    if (protocol !== undefined) fields.push('Sec-WebSocket-Protocol', protocol);
    const head = responseHeadText(101, 'Switching Protocols', [...fields, ...fieldList(headers)]);
    this.write(to, Buffer.from(`${head}Connection: Upgrade\r\n\r\n`, 'latin1'));
  }

  /** Sends a message on WebSockets: a text, or bytes. It is encoded once for all. */
  send(to: Receiver, message: string | Buffer): void {
    const isText = typeof message === 'string';
    this.write(to, encodeMessage(isText ? Buffer.from(message) : message, isText));
  }

  /** Sends a ping on WebSockets. @throws WebSocketError for more than 125 bytes */
  ping(to: Receiver, data: Buffer = NO_BODY): void {
    this.write(to, encodeFrame(PING, data));
  }

  /**
   * Closes WebSockets. No `disconnect` follows.
   * @param code see RFC 6455 §7.4. Default: 1000
   * @throws WebSocketError for a code that cannot be sent, or a reason of more than 123 bytes
   */
  closeWebSocket(to: Receiver, code = 1000, reason = ''): void {
    this.write(to, encodeFrame(CLOSE, closePayload(code, reason)));
    this.close(to);
  }

  /** Disconnects, after what was sent has left. Connections of clients stay. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#events.end();
    for (const resolve of this.#whenReady.splice(0)) resolve();
    await Promise.all([this.#pull.close(), this.#pub.close()]);
    this.#wheel.stop();
    clearInterval(this.#alive);
  }

  #sendAll(messages: readonly (readonly Buffer[])[]): void {
    for (const pieces of messages) {
      const sent = this.#counters.messagesSent;
      const [head = NO_BODY] = pieces;
      this.#pub.send([pieces.length === 1 ? head : pieces]);
      if (this.#counters.messagesSent > sent) continue;
      this.#dropped++;
      this.#warn('an answer was dropped: the server does not take it');
    }
  }

  /** A server that comes back gets answers only once it has subscribed again. */
  #onSubscription(subscribed: boolean): void {
    this.#topics += subscribed ? 1 : -1;
    if (this.#topics > 0) {
      for (const resolve of this.#whenReady.splice(0)) resolve();
      if (!this.#connected) this.#pull.connect(this.#sendSpec);
      this.#connected = true;
    }
    this.#flow();
  }

  #setRoom(room: boolean): void {
    this.#hasRoom = room;
    this.#flow();
  }

  #flow(): void {
    if (this.#hasRoom && this.#topics > 0) this.#pull.resume();
    else this.#pull.pause();
  }

  #onMessage(bytes: Buffer): void {
    let input: Input;
    try {
      input = readEvent(bytes);
    } catch (error) {
      if (!(error instanceof Mongrel2Error)) throw error;
      this.#warn(`a malformed message was dropped: ${error.message}`);
      return;
    }
    switch (input.kind) {
      case 'ping':
        this.write(input, encodeFrame(PONG, input.body));
        break;
      case 'pong':
        break;
      case 'close':
        this.#returnClose(input, answerTo(input.body));
        break;
      case 'fault':
        this.#returnClose(input, closePayload(input.code));
        break;
      default:
        this.#events.add(input, bytes.length);
    }
  }

  /** Ends a WebSocket from this side: RFC 6455 §5.5.1. The server tells nothing after that, so the event is made here. */
  #returnClose(input: Input, payload: Buffer): void {
    const { uuid, id, headers } = input;
    this.write(input, encodeFrame(CLOSE, payload));
    this.close(input);
    this.#events.add({ kind: 'disconnect', uuid, id, path: '@*', headers }, 0);
  }

  /** The sockets report what breaks the protocol of ZeroMQ, and defects. */
  #log(): Log {
    const warn = (fields: Record<string, unknown>, message: string) => {
      this.#warn(`${message}: ${JSON.stringify(fields)}`);
    };
    return { ...silentLog, warn, error: warn };
  }
}

/** The payload of the close frame that answers one (RFC 6455 §5.5.1): the same code if it is valid. */
function answerTo(payload: Buffer): Buffer {
  if (payload.length === 0) return NO_BODY;
  const code = payload.length === 1 ? 0 : payload.readUInt16BE();
  return closePayload(isCloseCode(code) ? code : 1002);
}

function idsOf(to: Receiver): readonly number[] {
  return 'ids' in to ? to.ids : [to.id];
}
