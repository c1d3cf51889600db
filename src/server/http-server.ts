import type { Socket } from 'node:net';
import { fault, type Guarded, Spread, type TimerWheel, TurnQueue } from '../clock/index.ts';
import {
  type Current,
  type ErrorCode,
  type ErrorResponse,
  ExchangeError,
  type ExchangeObserver,
  errorResponse,
  HeldTotal,
  type Log,
  type RawService,
  reportFault,
  type ServerCounters,
  type Service,
  type WebSocketService,
} from '../exchange/index.ts';
import {
  type AcceptOptions,
  type ListenAddress,
  type Listener,
  listen,
  NO_DESCRIPTORS,
  type SocketHandle,
  socketOf,
} from '../net/index.ts';
import {
  type ClientSocket,
  CONNECTION,
  LINGERING,
  onDrain,
  own,
  PLACE,
  type Place,
  REFUSED,
  SERVED,
  WAITING,
} from './client-socket.ts';
import type { ConnectionHost } from './connection-host.ts';
import type { HttpServerOptions, RequestIds } from './http-server-options.ts';
import { Http1Connection } from './http1-connection.ts';
import { movedWebSocket } from './moved-websocket.ts';
import { NewConnection } from './new-connection.ts';
import type { Remake } from './remake.ts';
import { RoomSearch } from './room-search.ts';
import type { Connection } from './served-connection.ts';
import { type ServerLimits, SOCKET_BUFFER } from './server-limits.ts';
import type { ConnectionState } from './suspended-connection.ts';
import type { Tracing } from './tracing.ts';
import { UnreadBudget } from './unread-budget.ts';
import { WaitingLine } from './waiting-line.ts';

/**
 * Connections that are being told that they get no turn. Beyond them a socket is closed without a response.
 * @bound refused-connections
 */
const MAX_REFUSED_CONNECTIONS = 256;

/**
 * Connections that have their response and a FIN, and whose clients have not closed their side yet. They have left their places to
 * others. Beyond so many they keep their places until they are closed.
 * @bound lingering-connections
 */
const MAX_LINGERING_CONNECTIONS = 1_024;

/**
 * Bytes that the WebSockets of one server hold for clients that take nothing; each frame costs at least 256. Beyond it those that hold the
 * most are ended, until a quarter of it is free.
 * @bound websocket-unsent-total
 */
export const MAX_UNSENT_BYTES = 268_435_456;

/** Milliseconds between two warnings about connections that are refused, or make room. */
const REFUSAL_LOG_MS = 1_000;

const NO_IDS: Current<RequestIds> = { current: { mode: 'off', returned: false, prefix: '' } };
const NOBODY: Current<null> = { current: null };

/** Milliseconds between two reports about connections that could not be accepted. */
const LOSS_LOG_MS = 10_000;

/** Connections that are looked at for one that can make room, each time that one has to wait. */
const MAX_LOOKED_AT = 256;

/**
 * Accepts connections on any number of addresses and speaks HTTP/1 on them, and WebSocket where a client asks for it. Connections
 * beyond `maxConnections` wait for their turn; those without a request make room for them.
 */
export class HttpServer implements ConnectionHost, Guarded {
  readonly service: Service;
  readonly webSocketService: WebSocketService | null;
  readonly rawService: RawService | null;
  readonly compression: boolean;
  readonly autoPong: boolean;
  readonly wheel: TimerWheel;
  readonly counters: ServerCounters;
  readonly log: Log;
  readonly describeError: (error: ExchangeError) => ErrorResponse;
  draining = false;
  retired = false;
  readonly #listeners: Listener[] = [];
  /** In any order. A Set that churns would keep closed ones alive until the next large garbage collection. */
  readonly #connections: Connection[] = [];
  readonly #endsUnheard: boolean;
  readonly #limits: Current<ServerLimits>;
  readonly #observer: Current<ExchangeObserver | null>;
  readonly #requestIds: Current<RequestIds>;
  readonly #tracing: Current<Tracing | null>;
  readonly #idPrefix: string;
  #accepted = 0;
  /** Sockets in each place. */
  readonly #places = { [WAITING]: 0, [SERVED]: 0, [LINGERING]: 0, [REFUSED]: 0 };
  readonly #waiting = new WaitingLine();
  readonly #roomSearch: RoomSearch;
  /** Where the search for a connection that can make room continues. */
  #lookAt = 0;
  /** Time on the wheel from which a refused connection is worth a warning again. */
  #refusalLogFrom = 0;
  /** The same for connections that make room. */
  #roomLogFrom = 0;
  /** The same for connections that could not be accepted. */
  #lossLogFrom = 0;
  readonly turn = new TurnQueue();
  readonly call = new TurnQueue(process.nextTick);
  readonly unread: UnreadBudget;
  readonly unsent: HeldTotal;
  #whenEmpty: (() => void)[] = [];

  constructor(options: HttpServerOptions) {
    this.service = options.service;
    this.webSocketService = options.webSocketService ?? null;
    this.rawService = options.rawService ?? null;
    this.compression = options.compression ?? false;
    this.autoPong = options.autoPong ?? false;
    this.#endsUnheard = options.endsUnheard ?? false;
    this.#limits = options.limits;
    this.#observer = options.observer ?? NOBODY;
    this.#requestIds = options.requestIds ?? NO_IDS;
    this.#tracing = options.tracing ?? NOBODY;
    this.#idPrefix = options.idPrefix ?? '';
    this.unread = new UnreadBudget(options.maxUnreadBytes);
    this.wheel = options.wheel;
    this.#roomSearch = new RoomSearch(this.wheel, this, () => this.crowded && this.#makeRoom());
    this.counters = options.counters;
    this.log = options.log;
    this.unsent = new HeldTotal(
      options.maxUnsentBytes ?? MAX_UNSENT_BYTES,
      this,
      'clients take too little, WebSockets are ended',
    );
    this.describeError = options.describeError ?? ((error) => errorResponse(error, false));
  }

  get limits(): ServerLimits {
    return this.#limits.current;
  }

  get observer(): ExchangeObserver | null {
    return this.#observer.current;
  }

  get tracing(): Tracing | null {
    return this.#tracing.current;
  }

  get requestIds(): RequestIds {
    return this.#requestIds.current;
  }

  /**
   * Begins to accept connections on `address`.
   * @param how how connections begin there; without it with HTTP
   * @returns the bound address, with the port that was taken
   * @throws Error when it cannot be bound
   */
  async listen(address: ListenAddress, how: Omit<AcceptOptions, 'onError'> = {}): Promise<Listener> {
    const listener = await listen(address, SOCKET_BUFFER, this.#onSocket, { ...how, onError: this.#onAcceptError });
    this.#listeners.push(listener);
    return listener;
  }

  /** The connections that are open now, those included that wait for their turn. */
  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /**
   * Goes on with a connection that another process had. It has a place, however many there are: its client has one already.
   * @param handle of its socket
   * @throws Error when it cannot be made again; then the connection is closed
   */
  adopt(handle: SocketHandle, state: ConnectionState, remake: Remake): void {
    const socket = socketOf(handle, SOCKET_BUFFER) as ClientSocket;
    try {
      if (state.kind === 'http1') {
        const connection = Http1Connection.moved(socket, this, state, remake);
        this.#serveMoved(socket, connection);
        if (connection.unread !== null) connection.rest();
        if (this.draining) connection.drain();
      } else {
        const { connection, responder } = movedWebSocket(socket, this, state, remake);
        this.#serveMoved(socket, connection);
        connection.start(responder);
      }
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
  }

  #serveMoved(socket: ClientSocket, connection: Connection): void {
    this.#add(connection);
    this.#places[WAITING]++;
    own(socket, connection, this.#onClose);
    this.#move(socket, SERVED);
    this.counters.connectionsMovedIn++;
    this.counters.connectionsOpen++;
  }

  /**
   * Another process accepts from now on. What is open here goes on; a connection ends after the response to its next request, which says so:
   * ending it before that could cross with the request.
   */
  retire(): void {
    this.retired = true;
    for (const listener of this.#listeners) listener.stop();
  }

  /** Says goodbye to all that have stayed, spread over a time in milliseconds, so that they do not come back all at once. */
  dismiss(time: number): void {
    new Spread(this.wheel, this, [...this.#connections], time, (connection) => {
      // Another one may have taken it over, or it is closed.
      if (this.has(connection)) connection.drain();
    });
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

  /** Whether this connection is open here, and nothing has taken its place, such as a WebSocket. */
  has(connection: Connection): boolean {
    return this.#connections[connection.place] === connection;
  }

  get crowded(): boolean {
    return this.#waiting.length > 0;
  }

  onceDrained(socket: Socket): void {
    socket.once('drain', onDrain);
  }

  onceEnded(socket: Socket): void {
    socket.once('finish', this.#onFinish);
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

  /** The client is lost, and so may be many: they are counted, and reported now and then. */
  readonly #onAcceptError = (error: NodeJS.ErrnoException): void => {
    const { counters, wheel } = this;
    counters.connectionsLost++;
    if (wheel.now < this.#lossLogFrom) return;
    this.#lossLogFrom = wheel.now + LOSS_LOG_MS;
    const shortage = NO_DESCRIPTORS[error.code ?? ''];
    const record = { code: shortage === undefined ? error.code : 'HF_OPEN_FILES', lost: counters.connectionsLost };
    this.log.error({ ...record, detail: shortage ?? error.message }, 'connections cannot be accepted');
  };

  #accept(socket: ClientSocket): void {
    const connection = new NewConnection(socket, this, this.#nextNumber());
    this.#add(connection);
    this.#places[WAITING]++;
    own(socket, connection, this.#onClose);
    if (this.draining) {
      this.refuse(socket, 'HF_DRAINING');
    } else if (this.#places[SERVED] < this.limits.maxConnections && !this.crowded) {
      this.#serve(connection);
    } else if (this.#waiting.full) {
      this.refuse(socket, 'HF_TOO_MANY_CONNECTIONS');
    } else {
      this.#waiting.add(connection);
      connection.wait();
      this.#makeRoom();
    }
  }

  #nextNumber(): number | string {
    const number = ++this.#accepted;
    return this.#idPrefix === '' ? number : this.#idPrefix + number;
  }

  #serve(connection: NewConnection): void {
    this.#move(connection.socket as ClientSocket, SERVED);
    this.counters.connectionsAccepted++;
    this.counters.connectionsOpen++;
    connection.start();
  }

  #move(socket: ClientSocket, place: Place): void {
    this.#places[socket[PLACE]]--;
    this.#places[place]++;
    socket[PLACE] = place;
  }

  /** Gives the turns that are free to those that wait for one. */
  #serveWaiting(): void {
    while (this.#places[SERVED] < this.limits.maxConnections) {
      const connection = this.#waiting.next();
      if (connection === undefined) return;
      this.#serve(connection);
    }
    if (this.crowded) this.#makeRoom();
  }

  /** Ends a connection without a request, if one is found soon (RFC 9112 §9.5 lets a server do so at any time). */
  #makeRoom(): boolean {
    const { counters, wheel } = this;
    if (this.#endsUnheard) this.#roomSearch.later();
    if (!(this.#endsUnheard ? this.#endLongestUnheard() : this.#endAnyIdle())) return false;
    counters.connectionsDisplaced++;
    if (!this.#endsUnheard || wheel.now < this.#roomLogFrom) return true;
    this.#roomLogFrom = wheel.now + REFUSAL_LOG_MS;
    const record = { displaced: counters.connectionsDisplaced, maxConnections: this.limits.maxConnections };
    this.log.warn(record, 'connections without a request are closed to make room');
    return true;
  }

  #endAnyIdle(): boolean {
    for (let left = this.#toLookAt; left > 0; left--) {
      if (this.#nextLookedAt().leaveIfIdle()) return true;
    }
    return false;
  }

  /** Those whose head is here may well be honest clients: they are ended only where there are no others. */
  #endLongestUnheard(): boolean {
    let unheard: Connection | null = null;
    let arriving: Connection | null = null;
    let [unheardSince, arrivingSince] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let left = this.#toLookAt; left > 0; left--) {
      const connection = this.#nextLookedAt();
      const silent = connection.unheardSince ?? Number.POSITIVE_INFINITY;
      const late = connection.arrivingSince ?? Number.POSITIVE_INFINITY;
      if (silent < unheardSince) [unheard, unheardSince] = [connection, silent];
      if (late < arrivingSince) [arriving, arrivingSince] = [connection, late];
    }
    const longest = unheard ?? arriving;
    longest?.makeWay();
    return longest !== null;
  }

  get #toLookAt(): number {
    return Math.min(MAX_LOOKED_AT, this.#connections.length);
  }

  #nextLookedAt(): Connection {
    this.#lookAt = (this.#lookAt + 1) % this.#connections.length;
    return this.#connections[this.#lookAt] as Connection;
  }

  refuse(socket: Socket, code: ErrorCode): void {
    const connection = (socket as ClientSocket)[CONNECTION] as NewConnection;
    const { id, peer } = connection;
    this.counters.connectionsRefused++;
    // A line for each would let a flood of clients fill the log.
    const isNews = code === 'HF_TOO_MANY_CONNECTIONS' && this.wheel.now >= this.#refusalLogFrom;
    if (isNews) this.#refusalLogFrom = this.wheel.now + REFUSAL_LOG_MS;
    const { maxConnections } = this.limits;
    const record = { id, peer: peer.address, code, refused: this.counters.connectionsRefused, maxConnections };
    this.log[isNews ? 'warn' : 'debug'](record, 'connection refused');
    this.#waiting.remove(connection);
    this.#move(socket as ClientSocket, REFUSED);
    if (this.#places[REFUSED] > MAX_REFUSED_CONNECTIONS) connection.cut();
    else connection.turnAway(new ExchangeError(code));
  }

  /** One function for all sockets: a closure for each would cost memory in every idle connection. */
  readonly #onClose = ((server: HttpServer) =>
    function (this: Socket): void {
      server.#closed(this as ClientSocket);
    })(this);

  readonly #onFinish = ((server: HttpServer) =>
    function (this: Socket): void {
      server.#linger(this as ClientSocket);
    })(this);

  /** Nothing more is owed to the client: it has no part in what its own end takes. */
  #linger(socket: ClientSocket): void {
    if (socket[PLACE] !== SERVED || this.#places[LINGERING] >= MAX_LINGERING_CONNECTIONS) return;
    this.#move(socket, LINGERING);
    this.#onTurnFree();
  }

  #closed(socket: ClientSocket): void {
    const connection = socket[CONNECTION];
    const place = socket[PLACE];
    this.#remove(connection);
    this.#places[place]--;
    if (place === WAITING) this.#waiting.remove(connection as NewConnection);
    else if (place !== REFUSED) this.counters.connectionsOpen--;
    try {
      connection.onClosed();
    } catch (thrown) {
      fault(connection, thrown);
    }
    this.#onTurnFree();
    if (this.#connections.length > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  #onTurnFree(): void {
    try {
      this.#serveWaiting();
    } catch (thrown) {
      fault(this, thrown);
    }
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

/** The name of a connection: the part of an id that all exchanges on it share. */
export function connectionName(id: string): string {
  const dash = id.indexOf('-');
  return dash < 0 ? id : id.slice(0, dash);
}
