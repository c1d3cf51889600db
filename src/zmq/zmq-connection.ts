import type { Socket } from 'node:net';
import { type AwaitsTurn, guarded, turnBudget, WheelTimer } from '../clock/index.ts';
import {
  COMMAND_FRAME,
  encodeError,
  encodePing,
  encodePong,
  encodeSubscription,
  MESSAGE,
  NEED_INPUT,
  parseError,
  parsePing,
  ZmtpError,
  ZmtpSession,
} from '../codec/zmtp/index.ts';
import { reportFault } from '../exchange/index.ts';
import { handleOf, type SocketHandle, stopReading } from '../net/index.ts';
import { piecesOf } from './message-queue.ts';
import type { PeerState, SuspendedPeer } from './peer-state.ts';
import { peerText, routingIdOf } from './peer-text.ts';
import type { Pipe, PipeConnection, PipeOwner } from './pipe.ts';

const HANDSHAKE = 0;
const OPEN = 1;
/** Our last bytes are on their way; incoming bytes are discarded. */
const ENDING = 2;
const CLOSED = 3;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * One ZMTP connection: reads for its pipe, writes what the pipe gives it, replies to commands, and checks that the peer is alive. A peer
 * that breaks the protocol is disconnected, logged and counted.
 */
export class Connection extends WheelTimer implements PipeConnection, AwaitsTurn {
  /** Whether the handshake has been completed. */
  established = false;
  readonly pipe: Pipe;
  readonly #socket: Socket;
  readonly #owner: PipeOwner;
  readonly #session: ZmtpSession;
  readonly #endpoint: string;
  readonly #whenClosed: () => void;
  #state = HANDSHAKE;
  /** Reading is suspended, because the pipe's inbox is full. */
  #paused = false;
  /** Reading is suspended, because the peer has had its share and waits for its turn. */
  #resting = false;
  /** The peer has ended its side while it was not read. */
  #inputEnded = false;
  /** Bytes charged for an incomplete message. */
  #held = 0;
  /** Commands to send with the next write. */
  #commands: Buffer[] = [];
  /** Reply to the last PING. Only one: a peer that sends PINGs but does not read costs nothing. */
  #pong: Buffer | null = null;
  #pumping = false;
  /** The peer is about to leave for another process: nothing is read or written. */
  #moving = false;
  #lastInput = performance.now();
  #nextPing = NEVER;
  /** What the timer waits for. */
  #wakeAt = NEVER;
  /** RFC 37: the time to live of the peer's PING, until anything else arrives; `NEVER` without one. */
  #peerTtl = NEVER;
  /** The peer was silent for too long, but input waiting in the socket has not been read yet. */
  #overdue = false;
  #error: Error | null = null;

  /**
   * @param endpoint for the log: where it was accepted or dialled
   * @param accepted whether the peer has connected to us
   * @param whenClosed called once the socket is closed
   * @param moved what another process knew of the peer; `goOn` follows. Null for a new peer
   */
  constructor(
    socket: Socket,
    owner: PipeOwner,
    pipe: Pipe,
    endpoint: string,
    accepted: boolean,
    whenClosed: () => void,
    moved: PeerState | null = null,
  ) {
    super();
    this.pipe = pipe;
    this.#socket = socket;
    this.#owner = owner;
    this.#endpoint = endpoint;
    this.#whenClosed = whenClosed;
    this.#session = new ZmtpSession(owner.newMechanism(accepted), owner.options);
    // Node would close it with the peer's FIN, whatever of the peer's messages is still to be taken.
    socket.allowHalfOpen = true;
    socket.on(
      'data',
      guarded(this, (chunk: Buffer) => this.#onData(chunk)),
    );
    socket.on(
      'drain',
      guarded(this, () => {
        if (this.#state === OPEN) pipe.onFlush();
      }),
    );
    // RFC 23 knows no half-closed connections: a peer that ends its side is gone, once what it has sent is taken.
    socket.on('end', () => {
      if (this.#suspended) this.#inputEnded = true;
      else socket.destroy();
    });
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on(
      'close',
      guarded(this, () => this.#onClosed()),
    );
    if (moved !== null) {
      this.#session.restore(moved.session);
      return;
    }
    this.#writeHandshake();
    const { handshakeTimeout } = owner.options;
    if (handshakeTimeout > 0) owner.context.wheel.schedule(this, handshakeTimeout);
  }

  get blocked(): boolean {
    return this.#state !== OPEN || this.#moving || this.#socket.writableLength >= this.#socket.writableHighWaterMark;
  }

  get unsent(): number {
    return this.blocked ? this.#socket.writableLength : 0;
  }

  get hasCommands(): boolean {
    return this.#pong !== null || this.#commands.length > 0;
  }

  write(buffers: readonly Buffer[]): void {
    const socket = this.#socket;
    if (buffers.length === 1 && !this.hasCommands) {
      socket.write(buffers[0] as Buffer);
      return;
    }
    socket.cork();
    if (this.#pong !== null) socket.write(this.#pong);
    for (const command of this.#commands) socket.write(command);
    this.#pong = null;
    this.#commands = [];
    for (const buffer of buffers) socket.write(buffer);
    socket.uncork();
  }

  subscribe(topic: Buffer, subscribe: boolean): void {
    this.#command(encodeSubscription(topic, subscribe, this.#session.minor));
  }

  resume(): void {
    const wasPaused = this.#paused;
    this.#paused = false;
    this.#pump();
    if (wasPaused) this.#read();
  }

  onTurn(): void {
    this.#resting = false;
    this.#pump();
    this.#read();
  }

  /** Whether the peer is not read at present: then its silence means nothing. */
  get #suspended(): boolean {
    return this.#paused || this.#resting || this.#moving;
  }

  /** Reads again, unless something else suspends it. */
  #read(): void {
    if (this.#suspended || this.#state >= ENDING) return;
    if (this.#inputEnded) {
      this.#socket.destroy();
      return;
    }
    this.#lastInput = performance.now();
    if (this.#state === OPEN) this.#watch(this.#lastInput);
    this.#socket.resume();
  }

  end(): void {
    if (this.#state >= ENDING) return;
    this.#leave(ENDING);
    this.#socket.end();
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  override onTimer(): void {
    const now = performance.now();
    if (this.#state === OPEN && (this.#suspended || now < this.#lastInput + this.#patience)) {
      if (now >= this.#nextPing) this.#ping(now);
      this.#watch(now);
      return;
    }
    const { wheel, counters } = this.#owner.context;
    // A process that was busy for long finds its peers' input and this timer due in the same turn: read the input first.
    if (!this.#overdue) {
      this.#overdue = true;
      wheel.schedule(this, 0);
      return;
    }
    counters.peersSilent++;
    this.#cut(this.#state === OPEN ? 'peer silent for too long' : 'handshake timed out', 'info');
  }

  #onData(chunk: Buffer): void {
    if (this.#state >= ENDING) return;
    this.#lastInput = performance.now();
    this.#peerTtl = NEVER;
    this.#session.push(chunk);
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping || this.#resting || this.#moving) return;
    this.#pumping = true;
    try {
      let left = turnBudget.share;
      // A consumer may close or pause the socket from within this loop.
      while (this.#state < ENDING && !this.#paused) {
        if (left <= 0) {
          this.#rest();
          break;
        }
        const event = this.#session.next();
        if (event === NEED_INPUT) break;
        if (event === MESSAGE) {
          const parts = this.#session.takeMessage();
          left -= piecesOf(parts);
          this.#deliver(parts);
        } else {
          left--;
          if (event === COMMAND_FRAME) this.#obey();
          else this.#open();
        }
      }
      if (this.#state < ENDING) this.#writeHandshake();
      this.#account();
    } catch (error) {
      if (!(error instanceof ZmtpError)) throw error;
      this.refuse(error);
    } finally {
      this.#pumping = false;
    }
  }

  /** The peer has had its share: it is not read before its next one, and what has arrived waits in the session. */
  #rest(): void {
    this.#resting = true;
    this.#socket.pause();
    turnBudget.wait(this);
  }

  /** Charges the bytes held for an incomplete message. */
  #account(): void {
    const { held } = this.#session;
    if (held === this.#held) return;
    // Bytes already held count as part of what the total has left.
    this.pipe.charge(held - this.#held);
    this.#held = held;
    if (held > this.pipe.share(Number.POSITIVE_INFINITY)) {
      throw new ZmtpError('limit', `an incomplete message of ${held} bytes while other peers hold most of the memory`);
    }
  }

  #deliver(parts: Buffer[]): void {
    this.#owner.context.counters.messagesReceived++;
    this.#pass(parts);
  }

  #pass(parts: Buffer[]): void {
    const owner = this.#owner;
    const { pipe } = this;
    const { counters } = owner.context;
    if (owner.closing) {
      counters.messagesDropped++;
      return;
    }
    if (owner.receiving && pipe.waiting === 0) {
      owner.receive(pipe, parts);
    } else if (pipe.store(parts)) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  #writeHandshake(): void {
    for (const buffer of this.#session.takeOutput()) this.#socket.write(buffer);
  }

  /** The handshake is complete: checks the peer. */
  #open(): void {
    const owner = this.#owner;
    const { peer } = this.#session;
    const type = peer.get('socket-type')?.toString('latin1') ?? '';
    const routingId = routingIdOf(owner.type, type, peer, (reason) => this.#unwelcome(reason));
    const refusal = owner.refusal(routingId);
    // No ERROR here: libzmq does not reconnect after one, and the reason may be temporary.
    if (refusal !== null) throw new ZmtpError('unexpected', refusal);
    this.#writeHandshake();
    const { wheel, counters, log } = owner.context;
    counters.peersConnected++;
    if (log.debugEnabled) log.debug({ ...this.#description(), peerType: type }, 'zmq peer connected');
    wheel.cancel(this);
    this.#opened(routingId);
  }

  #opened(routingId: Buffer): void {
    const owner = this.#owner;
    this.#state = OPEN;
    this.established = true;
    owner.context.counters.peersOpen++;
    const now = performance.now();
    const { heartbeatInterval } = owner.options;
    // RFC 37 added PING: a peer of version 3.0 need not know it.
    if (heartbeatInterval > 0 && this.#session.minor === 1) this.#nextPing = now + heartbeatInterval;
    this.#watch(now);
    this.pipe.routingId = routingId;
    this.pipe.connection = this;
    owner.onPipeReady(this.pipe);
    this.pipe.flushLater();
  }

  /** Takes up a peer where another process has left it. */
  goOn({ routingId, topics, inbox }: PeerState): void {
    this.pipe.topics = topics;
    this.#opened(routingId);
    for (const parts of inbox) this.#pass(parts);
    this.#pump();
  }

  get handle(): SocketHandle | null {
    return handleOf(this.#socket);
  }

  /**
   * Suspends the peer, so that another process can go on with it. Until `resume` or `forget` nothing is read, and nothing may be sent to it.
   * @returns null if that cannot be now: its handshake is not complete, or it has not taken all that was sent to it
   */
  suspend(): SuspendedPeer | null {
    const { pipe } = this;
    const socket = this.#socket;
    if (this.#state !== OPEN || this.#moving || this.#pumping || this.#inputEnded) return null;
    if (!this.#owner.mayMove(pipe)) return null;
    pipe.onFlush();
    const { handle } = this;
    if (handle === null || socket.writableLength > 0 || pipe.queued > 0 || this.hasCommands) return null;
    this.#moving = true;
    const readOn = stopReading(socket, handle);
    this.#owner.context.wheel.cancel(this);
    const inbox = pipe.takeAllStored();
    const { routingId } = pipe;
    const topics = this.#owner.topicsOf(pipe);
    return {
      state: { kind: 'zmq', endpoint: this.#endpoint, session: this.#session.state, routingId, topics, inbox },
      resume: () => this.#unsuspend(inbox, readOn),
      forget: () => this.#forget(),
    };
  }

  #unsuspend(inbox: readonly Buffer[][], readOn: () => void): void {
    if (this.#state !== OPEN) return;
    this.#moving = false;
    for (const parts of inbox) this.#pass(parts);
    readOn();
    this.pipe.flushLater();
    this.#pump();
    this.#read();
  }

  /** Another process has the peer: its connection stays open. */
  #forget(): void {
    if (this.#state !== OPEN) return;
    this.#leave(ENDING);
    this.#lost();
    this.#socket.destroy();
  }

  /** Tells the peer why it is rejected for good. */
  #unwelcome(reason: string): ZmtpError {
    this.#socket.write(encodeError(reason));
    return new ZmtpError('unexpected', reason);
  }

  #obey(): void {
    const { name, data } = this.#session.command;
    const owner = this.#owner;
    switch (name) {
      case 'PING': {
        const { ttlMs, context } = parsePing(data);
        this.#peerTtl = ttlMs === 0 ? NEVER : ttlMs;
        this.#watch(performance.now());
        this.#pong = encodePong(Buffer.from(context));
        this.pipe.flushLater();
        break;
      }
      case 'PONG':
        break;
      case 'SUBSCRIBE':
      case 'CANCEL':
        owner.onPipeSubscription(this.pipe, data, name === 'SUBSCRIBE');
        break;
      case 'ERROR':
        throw new ZmtpError('refused', `the peer refused: ${parseError(data)}`);
      case 'READY':
        throw new ZmtpError('unexpected', 'a second handshake');
      default:
        // Later versions may add commands; ignoring them is harmless.
        owner.context.counters.commandsUnexpected++;
    }
  }

  #command(command: Buffer): void {
    this.#commands.push(command);
    this.pipe.flushLater();
  }

  #ping(now: number): void {
    const { heartbeatInterval, heartbeatTimeout } = this.#owner.options;
    this.#nextPing = now + heartbeatInterval;
    // A peer that does not read gets no second PING after the first.
    if (!this.blocked) this.#command(encodePing(heartbeatInterval + heartbeatTimeout));
  }

  /** Milliseconds that the peer may be silent; `NEVER` for no limit. */
  get #patience(): number {
    const { heartbeatInterval, heartbeatTimeout } = this.#owner.options;
    return Math.min(this.#peerTtl, this.#nextPing === NEVER ? NEVER : heartbeatInterval + heartbeatTimeout);
  }

  /** Makes sure that the timer fires for whichever is first: the next PING or the silence limit. */
  #watch(now: number): void {
    this.#overdue = false;
    const next = Math.min(this.#nextPing, this.#suspended ? NEVER : this.#lastInput + this.#patience);
    // Never postponed: a peer that sends PING after PING must not keep us from sending ours.
    if (next === NEVER || (this.waiting && next >= this.#wakeAt)) return;
    this.#wakeAt = next;
    this.#owner.context.wheel.schedule(this, next - now);
  }

  refuse(error: ZmtpError): void {
    if (this.#state >= ENDING) return;
    this.#owner.context.counters.peersRefused++;
    this.#cut(`${error.kind}: ${error.message}`, 'warn');
  }

  #cut(reason: string, level: 'warn' | 'info'): void {
    this.#owner.context.log[level]({ ...this.#description(), reason }, 'zmq peer cut off');
    const wasOpen = this.#state === OPEN;
    this.#leave(ENDING);
    // A last command may still leave, but nothing waits for it.
    if (this.#socket.writableLength === 0) this.#socket.destroySoon();
    else this.#socket.destroy();
    if (wasOpen) this.#lost();
  }

  #leave(state: number): void {
    this.#owner.context.wheel.cancel(this);
    this.#state = state;
  }

  #lost(): void {
    this.#owner.context.counters.peersOpen--;
    this.pipe.onConnectionLost();
  }

  #onClosed(): void {
    const wasOpen = this.pipe.connection === this;
    this.#leave(CLOSED);
    this.pipe.charge(-this.#held);
    this.#held = 0;
    try {
      if (wasOpen) this.#lost();
      const { log } = this.#owner.context;
      if (log.debugEnabled)
        log.debug({ ...this.#description(), reason: this.#error?.message }, 'zmq connection closed');
    } finally {
      this.#whenClosed();
    }
  }

  #description(): Record<string, unknown> {
    return { type: this.#owner.type, endpoint: this.#endpoint, peer: peerText(this.#socket) };
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#owner.context, thrown, { endpoint: this.#endpoint });
    this.destroy();
  }
}
