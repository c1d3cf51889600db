import type { Socket } from 'node:net';
import { fault, type Guarded, type TimerWheel, TurnQueue } from '../clock/index.ts';
import {
  type Counters,
  type Current,
  type ErrorCode,
  ExchangeError,
  errorResponse,
  type Log,
  type ResponseHead,
  reportFault,
  type Service,
  type WebSocketService,
} from '../exchange/index.ts';
import { type ListenAddress, type Listener, listen, peerAddress, type TlsSettings } from '../net/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import { Http1Connection } from './http1-connection.ts';
import { NewConnection } from './new-connection.ts';
import type { Connection } from './served-connection.ts';
import { type ServerLimits, SOCKET_BUFFER } from './server-limits.ts';
import { UnreadBudget } from './unread-budget.ts';
import { WaitingLine } from './waiting-line.ts';

/** What a server is made of. */
export interface HttpServerOptions {
  /** Handles the requests. */
  readonly service: Service;
  /** Handles the WebSockets. Default: null, Upgrade is ignored, and the request is handled as any other. */
  readonly webSocketService?: WebSocketService | null;
  /** Whether messages of WebSockets are compressed (permessage-deflate, RFC 7692) if the client offers it. Default: false. */
  readonly compression?: boolean;
  /** Whether pings of WebSockets get their pong here, and are not passed on. Default: false. */
  readonly autoPong?: boolean;
  /** May be replaced at any time: what waits goes on with the bounds it has, all else has the new ones. */
  readonly limits: Current<ServerLimits>;
  /** Bytes of input that may wait in all connections. Default: `MAX_UNREAD_BYTES`. */
  readonly maxUnreadBytes?: number;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  /** The response to a request that the server itself refuses; by default the error's own face. */
  readonly describeError?: (error: ExchangeError) => { head: ResponseHead; body: Buffer };
}

const CONNECTION = Symbol('connection');
const PLACE = Symbol('place');

/** It has its turn. */
const SERVED = 0;
const WAITING = 1;
/** It is told that it gets no turn. */
const REFUSED = 2;

interface ClientSocket extends Socket {
  [CONNECTION]: Connection;
  [PLACE]: typeof SERVED | typeof WAITING | typeof REFUSED;
}

/**
 * Connections that are being told that they get no turn. Beyond them a socket is closed without a response.
 * @bound refused-connections
 */
const MAX_REFUSED_CONNECTIONS = 256;

/** Connections that are looked at for one that is idle, each time that one has to wait. */
const MAX_LOOKED_AT = 256;

/**
 * Accepts connections on any number of addresses and speaks HTTP/1 on them, and WebSocket where a client asks for it. Connections
 * beyond `maxConnections` wait for their turn, unread; those that are idle between two requests make room for them.
 */
export class HttpServer implements ConnectionHost, Guarded {
  readonly service: Service;
  readonly webSocketService: WebSocketService | null;
  readonly compression: boolean;
  readonly autoPong: boolean;
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
  #served = 0;
  #refused = 0;
  readonly #waiting = new WaitingLine();
  /** Where the search for an idle connection goes on. */
  #lookAt = 0;
  readonly turn = new TurnQueue();
  readonly unread: UnreadBudget;
  #whenEmpty: (() => void)[] = [];

  constructor(options: HttpServerOptions) {
    this.service = options.service;
    this.webSocketService = options.webSocketService ?? null;
    this.compression = options.compression ?? false;
    this.autoPong = options.autoPong ?? false;
    this.#limits = options.limits;
    this.unread = new UnreadBudget(options.maxUnreadBytes);
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
    const onError = this.#onAcceptError;
    const listener = await listen(address, SOCKET_BUFFER, this.#onSocket, { tls, paused: true, onError });
    this.#listeners.push(listener);
    return listener;
  }

  /** Takes no more connections, lets running exchanges finish, and closes each connection after that. */
  drain(): void {
    this.draining = true;
    for (const listener of this.#listeners) listener.close();
    for (const connection of [...this.#connections]) {
      try {
        connection.drain();
      } catch (thrown) {
        fault(connection, thrown);
      }
    }
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

  get crowded(): boolean {
    return this.#waiting.length > 0;
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

  /** One connection could not be accepted. */
  onFault(thrown: unknown): void {
    reportFault(this, thrown);
  }

  // ---- accepting

  readonly #onSocket = (socket: Socket): void => {
    try {
      this.#accept(socket as ClientSocket);
    } catch (thrown) {
      socket.destroy();
      fault(this, thrown);
    }
  };

  /** Out of file descriptors, most likely: the client is lost, and so may be many. Only the first one is a warning. */
  readonly #onAcceptError = (error: Error): void => {
    const level = this.counters.connectionsLost++ === 0 ? 'warn' : 'debug';
    this.log[level]({ detail: error.message }, 'connection could not be accepted');
  };

  #accept(socket: ClientSocket): void {
    const connection = new NewConnection(socket, this, ++this.#accepted);
    socket[CONNECTION] = connection;
    socket[PLACE] = WAITING;
    this.#add(connection);
    socket.on('error', onError);
    socket.on('close', this.#onClose);
    if (this.draining) {
      this.refuse(socket, 'HF_DRAINING');
    } else if (this.#served < this.limits.maxConnections && !this.crowded) {
      this.#serve(connection);
    } else if (this.#waiting.full) {
      this.refuse(socket, 'HF_TOO_MANY_CONNECTIONS');
    } else {
      this.#waiting.add(connection);
      connection.wait();
      this.#makeRoom();
    }
  }

  #serve(connection: NewConnection): void {
    const socket = connection.socket as ClientSocket;
    socket[PLACE] = SERVED;
    this.#served++;
    this.counters.connectionsAccepted++;
    this.counters.connectionsOpen++;
    connection.start();
    read(socket);
  }

  /** Gives the turns that are free to those that wait for one. */
  #serveWaiting(): void {
    while (this.#served < this.limits.maxConnections) {
      const connection = this.#waiting.next();
      if (connection === undefined) return;
      this.#serve(connection);
    }
    if (this.crowded) this.#makeRoom();
  }

  /** Ends a connection that is idle between two requests, if one is found soon (RFC 9112 §9.5 lets a server do so at any time). */
  #makeRoom(): void {
    const connections = this.#connections;
    for (let left = Math.min(MAX_LOOKED_AT, connections.length); left > 0; left--) {
      this.#lookAt = (this.#lookAt + 1) % connections.length;
      if (connections[this.#lookAt]?.leaveIfIdle() === true) return;
    }
  }

  refuse(socket: Socket, code: ErrorCode): void {
    const client = socket as ClientSocket;
    this.counters.connectionsRefused++;
    this.log.debug({ peer: peerAddress(socket), code }, 'connection refused');
    const former = client[CONNECTION] as NewConnection;
    former.stop();
    this.#waiting.remove(former);
    client[PLACE] = REFUSED;
    this.#refused++;
    if (this.#refused > MAX_REFUSED_CONNECTIONS) {
      socket.destroy();
      return;
    }
    const connection = new Http1Connection(socket, this, this.#accepted);
    this.replace(socket, connection);
    read(client);
    connection.turnAway(new ExchangeError(code));
  }

  /** One function for all sockets: a closure for each would cost memory in every idle connection. */
  readonly #onClose = ((server: HttpServer) =>
    function (this: Socket): void {
      server.#closed(this as ClientSocket);
    })(this);

  #closed(socket: ClientSocket): void {
    const connection = socket[CONNECTION];
    this.#remove(connection);
    if (socket[PLACE] === SERVED) {
      this.#served--;
      this.counters.connectionsOpen--;
    } else if (socket[PLACE] === REFUSED) {
      this.#refused--;
    } else {
      this.#waiting.remove(connection as NewConnection);
    }
    try {
      connection.onClosed();
    } catch (thrown) {
      fault(connection, thrown);
    }
    try {
      this.#serveWaiting();
    } catch (thrown) {
      fault(this, thrown);
    }
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

/** Begins to read from a socket that was accepted. */
function read(socket: ClientSocket): void {
  socket.on('data', onData);
  socket.on('end', onEnd);
  // It was accepted paused.
  socket.resume();
}

function onData(this: Socket, chunk: Buffer): void {
  try {
    (this as ClientSocket)[CONNECTION].onInput(chunk);
  } catch (thrown) {
    fault((this as ClientSocket)[CONNECTION], thrown);
  }
}

function onEnd(this: Socket): void {
  try {
    (this as ClientSocket)[CONNECTION].onInputEnd();
  } catch (thrown) {
    fault((this as ClientSocket)[CONNECTION], thrown);
  }
}

function onDrain(this: Socket): void {
  try {
    (this as ClientSocket)[CONNECTION].onDrain();
  } catch (thrown) {
    // Another connection may have taken over within the call.
    fault((this as ClientSocket)[CONNECTION], thrown);
  }
}

/** A reset or a failed write: `close` follows and does what is to be done. */
function onError(): void {}
