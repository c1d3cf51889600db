import type { Socket } from 'node:net';
import { type AtTurnEnd, type AwaitsTurn, fault, TurnQueue, turnBudget } from '../clock/index.ts';
import { encodeMetadata, type Mechanism, NullMechanism, type Part, ZmtpError } from '../codec/zmtp/index.ts';
import { reportFault } from '../exchange/index.ts';
import {
  KEEP_ALIVE_DELAY,
  type ListenAddress,
  type Listener,
  listen,
  type SocketHandle,
  socketOf,
} from '../net/index.ts';
import { Connector } from './connector.ts';
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import { Linger } from './linger.ts';
import { piecesOf } from './message-queue.ts';
import type { PeerState } from './peer-state.ts';
import { Pipe, type PipeOwner } from './pipe.ts';
import { type SocketType, tellsIdentity } from './socket-type.ts';
import { Connection } from './zmq-connection.ts';
import { ZmqError } from './zmq-error.ts';
import { resolveOptions, type ZmqContext, type ZmqOptions } from './zmq-options.ts';

/** Bytes that an accepted connection holds before its pipe has to wait. */
const SOCKET_BUFFER = 65_536;

/** Turns of the event loop that are this close, in milliseconds, mean that more is about to come. Serving a new connection takes up to 0.2. */
const CROWDED_MS = 0.5;
/** The most turns that messages wait, and the number of messages that are sent without waiting. */
const MAX_WAITED = 6;
const FEW = 16;

interface Bound {
  readonly text: string;
  readonly endpoint: string;
  readonly listener: Listener;
}

/**
 * What sockets of all types share: endpoints, connections, and the end. Only this room calls the methods named `on…` and `refusal`.
 */
export abstract class ZmqSocket implements PipeOwner, AtTurnEnd, AwaitsTurn {
  abstract readonly type: SocketType;
  readonly context: ZmqContext;
  readonly options: ZmqOptions;
  readonly #onWritable: () => void;
  readonly #bound: Bound[] = [];
  readonly #connectors: Connector[] = [];
  /** Connections that were accepted or adopted. */
  readonly #peers = new Set<Connection>();
  readonly #turn = new TurnQueue();
  #toFlush: Pipe[] = [];
  /** Turns that the unsent messages have waited. */
  #waited = 0;
  /** When a turn last ended. */
  #lookedAt = 0;
  /** Messages counted by the context at that time, and when something was last sent. */
  #seen = 0;
  #sent = 0;
  /** Pipes with messages in their inbox, in reading order. */
  #waiting: Pipe[] = [];
  #delivering = false;
  /** What waits to be received waits for the socket's next share of a turn. */
  #resting = false;
  #paused = false;
  /** A message was not taken: its sender waits for room. */
  #holding = false;
  #closed: Promise<void> | null = null;
  #whenClosed: (() => void) | null = null;
  readonly #linger = new Linger(this, () => this.#destroy());

  /**
   * @param onWritable called when `send` can take a message again after it returned false
   * @throws ZmqError `option` when an option is out of range
   */
  constructor(context: ZmqContext, options: Partial<ZmqOptions>, onWritable: () => void = ignore) {
    this.context = context;
    this.options = resolveOptions(options);
    this.#onWritable = onWritable;
  }

  // ---- endpoints

  /** Peers whose handshake is complete. */
  get peerCount(): number {
    const dialled = this.#connectors.filter(({ connected }) => connected).length;
    return [...this.#peers].filter(({ established }) => established).length + dialled;
  }

  /**
   * Accepts peers at `endpoint`: `tcp://HOST:PORT`, `tcp://*:PORT`, `tcp://[ADDRESS]:PORT`, `ipc://PATH` or `ipc://@NAME`.
   * @returns the endpoint with the actual port
   * @throws ZmqError `endpoint`, `unsupported`, `bind` or `closed`
   */
  async bind(endpoint: string): Promise<string> {
    this.#checkOpen();
    const address = parseEndpoint(endpoint, 'bind');
    let listener: Listener;
    try {
      listener = await listen(this.#listenAddress(address), SOCKET_BUFFER, (socket) => this.#accept(socket, endpoint));
    } catch (error) {
      throw new ZmqError('bind', `${endpoint}: ${(error as Error).message}`);
    }
    if (this.closing) {
      listener.close();
      throw new ZmqError('closed', 'the socket was closed while it was being bound');
    }
    const actual = address.kind === 'ipc' ? endpoint : `tcp://${listener.address}`;
    this.#bound.push({ text: endpoint, endpoint: actual, listener });
    return actual;
  }

  /**
   * Stops accepting peers at `endpoint`, as passed to `bind` or as returned by it. Connections stay.
   * @throws ZmqError `unknown`
   */
  unbind(endpoint: string): void {
    const exact = this.#bound.findIndex((bound) => bound.endpoint === endpoint);
    const index = exact !== -1 ? exact : this.#bound.findIndex((bound) => bound.text === endpoint);
    if (index === -1) throw new ZmqError('unknown', `${endpoint} is not bound`);
    for (const { listener } of this.#bound.splice(index, 1)) listener.close();
  }

  /**
   * Connects to `endpoint`, and reconnects whenever the connection is lost, until `disconnect`.
   * @throws ZmqError `endpoint`, `unsupported` or `closed`
   */
  connect(endpoint: string): void {
    this.#checkOpen();
    const connector = new Connector(this, parseEndpoint(endpoint, 'connect'), endpoint);
    this.#connectors.push(connector);
    if (this.keepsPipes) this.#attach(connector.pipe);
    connector.start();
  }

  /**
   * Cuts the connection to `endpoint`, as passed to `connect`. Unsent messages are dropped.
   * @throws ZmqError `unknown`
   */
  disconnect(endpoint: string): void {
    const index = this.#connectors.findIndex((connector) => connector.text === endpoint);
    if (index === -1) throw new ZmqError('unknown', `${endpoint} is not connected`);
    for (const connector of this.#connectors.splice(index, 1)) {
      connector.destroy();
      connector.pipe.drop();
      this.#detach(connector.pipe);
    }
  }

  /**
   * Talks to the one peer at the other end of `socket`, which is already connected: a socket that two processes share. It does not reconnect.
   * @param begins whether this end completes the handshake first; the other end must not
   * @throws ZmqError `closed`
   */
  adopt(socket: Socket, begins: boolean): void {
    this.#checkOpen();
    this.#serve(socket, 'socket', !begins);
  }

  /** Peers that have connected to this socket: those that another process may go on with. */
  get accepted(): readonly Connection[] {
    return [...this.#peers];
  }

  /** @throws ZmqError `unknown` or `option` when `adoptPeer` could not take this peer */
  checkPeer({ endpoint, routingId }: PeerState): void {
    this.#checkOpen();
    if (!this.#bound.some(({ text }) => text === endpoint)) throw new ZmqError('unknown', `${endpoint} is not bound`);
    const reason = this.refusal(routingId);
    if (reason !== null) throw new ZmqError('option', reason);
  }

  /** Goes on with a peer that another process has suspended and forgotten. @param handle of its connection */
  adoptPeer(handle: SocketHandle, state: PeerState): void {
    const socket = socketOf(handle, SOCKET_BUFFER);
    this.#serve(socket, state.endpoint, true, state).goOn(state);
  }

  /**
   * Stops taking messages: up to `receiveHwm` from each peer are kept, then reading stops. Its PINGs are not read either then, so a peer that
   * sends them may give up on us.
   */
  pause(): void {
    this.#paused = true;
  }

  /** Takes messages again, from each peer in turn (fair queuing). */
  resume(): void {
    this.#paused = false;
    this.deliverWaiting();
  }

  /**
   * Stops accepting and receiving, and closes each connection once everything for it has been sent.
   * @returns settles when all connections are closed; those that take longer than `linger` are cut, and unsent messages are counted as
   *   dropped
   */
  close(): Promise<void> {
    if (this.#closed !== null) return this.#closed;
    this.#closed = new Promise((resolve) => {
      this.#whenClosed = resolve;
    });
    const { linger } = this.options;
    for (const { listener } of this.#bound.splice(0)) listener.close();
    for (const pipe of this.#waiting) pipe.dropStored();
    this.#waiting = [];
    if (linger === 0) {
      this.#destroy();
    } else {
      if (linger !== Number.POSITIVE_INFINITY) this.context.wheel.schedule(this.#linger, linger);
      for (const connection of this.#peers) this.#guard(() => finish(connection));
      for (const connector of this.#connectors) this.#guard(() => connector.finish());
    }
    this.#checkClosed();
    return this.#closed;
  }

  // ---- for the types

  /** Whether messages may wait for an endpoint while it is not connected. */
  protected get keepsPipes(): boolean {
    return false;
  }

  /** A peer can be sent to. */
  protected attached(_pipe: Pipe): void {}

  /** A peer can no longer be sent to. */
  protected detached(_pipe: Pipe): void {}

  /** Delivers what arrived in the meantime, from each peer in turn, as long as the socket receives: one share of a turn at a time. */
  protected deliverWaiting(): void {
    // Consumers may re-enter here.
    if (this.#delivering || this.#resting || this.#waiting.length === 0) return;
    this.#delivering = true;
    try {
      let left = turnBudget.share;
      while (this.receiving && this.#waiting.length > 0) {
        if (left <= 0) {
          this.#resting = true;
          turnBudget.wait(this);
          break;
        }
        const pipe = this.#waiting.shift() as Pipe;
        const parts = pipe.takeStored();
        left -= piecesOf(parts);
        if (pipe.waiting > 0) this.#waiting.push(pipe);
        this.receive(pipe, parts);
        if (pipe.waiting === 0) pipe.connection?.resume();
      }
    } finally {
      this.#delivering = false;
    }
  }

  onTurn(): void {
    this.#resting = false;
    this.deliverWaiting();
  }

  /** Notes that a message was not taken, so that `onWritable` is called once there is room. */
  protected hold(): false {
    this.#holding = true;
    return false;
  }

  /** Calls `onWritable` if a message was not taken before. */
  protected release(): void {
    if (!this.#holding || this.closing) return;
    this.#holding = false;
    try {
      this.#onWritable();
    } catch (thrown) {
      fault(this, thrown);
    }
  }

  /** @throws ZmqError `closed` if the socket is closed, `option` if a message has no parts */
  protected checkSend(parts: readonly Part[]): void {
    this.#checkOpen();
    if (parts.length === 0) throw new ZmqError('option', 'a message needs at least one part');
  }

  // ---- for pipes, connections and connectors

  get closing(): boolean {
    return this.#closed !== null;
  }

  get receiving(): boolean {
    return !this.#paused && !this.closing;
  }

  newMechanism(accepted: boolean): Mechanism {
    const properties: [string, Buffer][] = [['Socket-Type', Buffer.from(this.type)]];
    if (tellsIdentity(this.type)) properties.push(['Identity', this.options.routingId]);
    return new NullMechanism(encodeMetadata(properties), accepted);
  }

  flushLater(pipe: Pipe): void {
    if (this.#toFlush.length === 0) this.#turn.add(this);
    this.#toFlush.push(pipe);
  }

  refusal(_routingId: Buffer): string | null {
    return null;
  }

  onPipeReady(pipe: Pipe): void {
    this.#attach(pipe);
  }

  protected abstract onPipeMessage(pipe: Pipe, parts: Buffer[]): void;

  receive(pipe: Pipe, parts: Buffer[]): void {
    try {
      this.onPipeMessage(pipe, parts);
    } catch (thrown) {
      if (thrown instanceof ZmtpError) pipe.connection?.refuse(thrown);
      else fault(this, thrown);
    }
  }

  onPipeWaiting(pipe: Pipe): void {
    this.#waiting.push(pipe);
  }

  onPipeEmptied(pipe: Pipe): void {
    this.#waiting = this.#waiting.filter((each) => each !== pipe);
  }

  mayMove(_pipe: Pipe): boolean {
    return !this.closing;
  }

  topicsOf(_pipe: Pipe): readonly string[] {
    return [];
  }

  onPipeSubscription(_pipe: Pipe, _topic: Buffer, _subscribe: boolean): void {
    this.context.counters.commandsUnexpected++;
  }

  onPipeWritable(pipe: Pipe): void {
    if (this.closing && pipe.queued === 0) pipe.connection?.end();
    else if (this.#holding && !pipe.full) this.release();
  }

  onPipeLost(pipe: Pipe): void {
    if (this.keepsPipes && this.#connectors.some((connector) => connector.pipe === pipe)) return;
    pipe.drop();
    this.#detach(pipe);
  }

  onConnectorClosed(): void {
    this.#checkClosed();
  }

  // ---- inside

  #checkOpen(): void {
    if (this.closing) throw new ZmqError('closed', `the ${this.type} socket is closed`);
  }

  #listenAddress(endpoint: Endpoint): ListenAddress {
    if (endpoint.kind === 'tcp') return endpoint;
    const abstract = endpoint.path.startsWith('\0');
    const mode = abstract ? null : this.options.ipcMode;
    return { kind: 'unix', path: endpoint.path, mode, user: null, group: null };
  }

  #accept(socket: Socket, endpoint: string): void {
    const { counters, log } = this.context;
    if (this.closing || this.#peers.size >= this.options.maxPeers) {
      counters.peersRefused++;
      log.warn({ type: this.type, endpoint, reason: 'more peers than maxPeers' }, 'zmq peer turned away');
      socket.destroy();
      return;
    }
    try {
      socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
      this.#serve(socket, endpoint, true);
    } catch (thrown) {
      socket.destroy();
      fault(this, thrown);
    }
  }

  #serve(socket: Socket, endpoint: string, accepted: boolean, moved: PeerState | null = null): Connection {
    const whenClosed = (): void => {
      this.#peers.delete(connection);
      this.#checkClosed();
    };
    const connection = new Connection(socket, this, new Pipe(this), endpoint, accepted, whenClosed, moved);
    this.#peers.add(connection);
    return connection;
  }

  #attach(pipe: Pipe): void {
    if (!pipe.attached) {
      pipe.attached = true;
      this.attached(pipe);
    }
    this.release();
  }

  #detach(pipe: Pipe): void {
    if (!pipe.attached) return;
    pipe.attached = false;
    this.detached(pipe);
  }

  /** Sends what this turn queued. */
  onTurnEnd(): void {
    if (this.#mayWait()) {
      this.#waited++;
      this.#turn.add(this);
      return;
    }
    this.flush();
  }

  /** Sends what was queued now, not at the end of the turn. */
  flush(): void {
    this.#waited = 0;
    this.#sent = this.#seen;
    const pipes = this.#toFlush;
    this.#toFlush = [];
    for (const pipe of pipes) {
      try {
        pipe.onFlush();
      } catch (thrown) {
        fault(pipe, thrown);
      }
    }
  }

  /**
   * Whether messages may wait for the end of the next turn, which follows at once. A process that accepts connections gets one per turn, and
   * would send each request in a write of its own, which costs more than everything else about it. So when turns follow each other closely,
   * a few messages wait for more, as long as each turn brings some.
   */
  #mayWait(): boolean {
    const now = performance.now();
    const { messagesSent } = this.context.counters;
    const crowded = this.#waited === 0 ? now - this.#lookedAt < CROWDED_MS : messagesSent !== this.#seen;
    this.#lookedAt = now;
    this.#seen = messagesSent;
    return crowded && this.#waited < MAX_WAITED && messagesSent - this.#sent < FEW;
  }

  #destroy(): void {
    for (const connection of this.#peers) this.#guard(() => connection.destroy());
    for (const connector of this.#connectors) {
      this.#guard(() => {
        connector.destroy();
        connector.pipe.drop();
      });
    }
    this.#checkClosed();
  }

  /** A failure must not keep the others open. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (thrown) {
      fault(this, thrown);
    }
  }

  /** A consumer has thrown, or closing has: the socket and its connections go on. */
  onFault(thrown: unknown): void {
    reportFault(this.context, thrown, { type: this.type });
  }

  #checkClosed(): void {
    if (!this.closing || this.#peers.size > 0 || !this.#connectors.every((connector) => connector.over)) return;
    this.context.wheel.cancel(this.#linger);
    this.#whenClosed?.();
  }
}

/** Sends what waits for the peer, then closes the connection. */
function finish(connection: Connection): void {
  const { pipe } = connection;
  if (pipe.connection === null) connection.destroy();
  else pipe.onFlush();
}

function ignore(): void {}
