import type { Socket } from 'node:net';
import { fault, type TimerWheel, TurnQueue } from '../clock/index.ts';
import {
  type Counters,
  type Current,
  ExchangeError,
  errorResponse,
  type Log,
  type ResponseHead,
  type Service,
  type WebSocketService,
} from '../exchange/index.ts';
import { type ListenAddress, type Listener, listen, type TlsSettings } from '../net/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import { Http1Connection } from './http1-connection.ts';
import type { Connection } from './served-connection.ts';
import { type ServerLimits, SOCKET_BUFFER } from './server-limits.ts';

/** What a server is made of. */
export interface HttpServerOptions {
  /** Answers the requests. */
  readonly service: Service;
  /** Answers the WebSockets. Default: null, an Upgrade is ignored and such a request is as any other. */
  readonly webSocketService?: WebSocketService | null;
  /** Whether messages of WebSockets are compressed (permessage-deflate, RFC 7692) if the client offers it. Default: false. */
  readonly compression?: boolean;
  /** Whether pings of WebSockets are answered here, and not passed on. Default: false. */
  readonly answerPings?: boolean;
  /** May be replaced at any time: what waits goes on with the bounds it has, all else has the new ones. */
  readonly limits: Current<ServerLimits>;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  /** The answer for a request that the server refuses by itself; by default the error's own face. */
  readonly describeError?: (error: ExchangeError) => { head: ResponseHead; body: Buffer };
}

const CONNECTION = Symbol('connection');

interface ClientSocket extends Socket {
  [CONNECTION]: Connection;
}

/** Connections over the maximum that are being told so, at the most; beyond them a socket is simply closed. */
const MAX_TURNED_AWAY = 256;

/** Accepts connections on any number of addresses and speaks HTTP/1 on them, and WebSocket where a client asks for it. */
export class HttpServer implements ConnectionHost {
  readonly service: Service;
  readonly webSocketService: WebSocketService | null;
  readonly compression: boolean;
  readonly answerPings: boolean;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly describeError: (error: ExchangeError) => { head: ResponseHead; body: Buffer };
  draining = false;
  readonly #listeners: Listener[] = [];
  /** In any order. A Set that churns would keep closed ones alive until the next large garbage collection. */
  readonly #connections: Connection[] = [];
  readonly #limits: Current<ServerLimits>;
  #accepted = 0;
  #turnedAway = 0;
  readonly turn = new TurnQueue();
  #whenEmpty: (() => void)[] = [];

  constructor(options: HttpServerOptions) {
    this.service = options.service;
    this.webSocketService = options.webSocketService ?? null;
    this.compression = options.compression ?? false;
    this.answerPings = options.answerPings ?? false;
    this.#limits = options.limits;
    this.wheel = options.wheel;
    this.counters = options.counters;
    this.log = options.log;
    this.describeError = options.describeError ?? ((error) => errorResponse(error, false));
  }

  get limits(): ServerLimits {
    return this.#limits.current;
  }

  /**
   * Begins to accept connections on `address`.
   * @param tls how TLS is spoken there; without it none is
   * @returns the bound address, with the port that was taken
   * @throws Error when it cannot be bound
   */
  async listen(address: ListenAddress, tls?: TlsSettings): Promise<Listener> {
    const listener = await listen(address, SOCKET_BUFFER, (socket) => this.#accept(socket as ClientSocket), tls);
    this.#listeners.push(listener);
    return listener;
  }

  /** Takes no more connections, lets the exchanges that run be answered, and closes each connection after that. */
  drain(): void {
    this.draining = true;
    for (const listener of this.#listeners) listener.close();
    for (const connection of [...this.#connections]) connection.drain();
  }

  /** Settles when no connection is open. */
  whenEmpty(): Promise<void> {
    if (this.#connections.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const connection of [...this.#connections]) connection.cut();
  }

  onceDrained(socket: Socket): void {
    socket.once('drain', onDrain);
  }

  replace(socket: Socket, connection: Connection): void {
    const client = socket as ClientSocket;
    this.#remove(client[CONNECTION]);
    client[CONNECTION] = connection;
    this.#add(connection);
  }

  #accept(socket: ClientSocket): void {
    const { counters, limits } = this;
    const refused = this.draining || this.#connections.length - this.#turnedAway >= limits.maxConnections;
    if (refused) {
      const code = this.draining ? 'HF_DRAINING' : 'HF_TOO_MANY_CONNECTIONS';
      this.#turnAway(socket, new ExchangeError(code));
      return;
    }
    this.#open(socket);
    socket.on('close', this.#onClose);
    counters.connectionsAccepted++;
    counters.connectionsOpen++;
  }

  /** Tells a client that it is one too many, unless there are too many of those already. */
  #turnAway(socket: ClientSocket, error: ExchangeError): void {
    this.counters.connectionsRefused++;
    this.log.debug({ peer: socket.remoteAddress, code: error.code }, 'connection turned away');
    if (this.#turnedAway >= MAX_TURNED_AWAY) {
      socket.destroy();
      return;
    }
    this.#turnedAway++;
    const connection = this.#open(socket);
    socket.on('close', () => {
      this.#turnedAway--;
      this.#closed(connection);
    });
    connection.turnAway(error);
  }

  #open(socket: ClientSocket): Http1Connection {
    const connection = new Http1Connection(socket, this, ++this.#accepted);
    socket[CONNECTION] = connection;
    this.#add(connection);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    return connection;
  }

  /** One function for all sockets: a closure for each would cost memory in every idle connection. */
  readonly #onClose = ((server: HttpServer) =>
    function (this: Socket): void {
      server.counters.connectionsOpen--;
      server.#closed((this as ClientSocket)[CONNECTION]);
    })(this);

  #closed(connection: Connection): void {
    this.#remove(connection);
    connection.onClosed();
    if (this.#connections.length > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  #add(connection: Connection): void {
    connection.place = this.#connections.push(connection) - 1;
  }

  #remove({ place }: Connection): void {
    const last = this.#connections.pop() as Connection;
    if (place === this.#connections.length) return;
    this.#connections[place] = last;
    last.place = place;
  }
}

function onData(this: Socket, chunk: Buffer): void {
  const connection = (this as ClientSocket)[CONNECTION];
  try {
    connection.onInput(chunk);
  } catch (thrown) {
    fault(connection, thrown);
  }
}

function onEnd(this: Socket): void {
  const connection = (this as ClientSocket)[CONNECTION];
  try {
    connection.onInputEnd();
  } catch (thrown) {
    fault(connection, thrown);
  }
}

function onDrain(this: Socket): void {
  const connection = (this as ClientSocket)[CONNECTION];
  try {
    connection.onDrain();
  } catch (thrown) {
    fault(connection, thrown);
  }
}

/** A reset or a failed write: `close` follows and does what is to be done. */
function onError(): void {}
