import type { Socket } from 'node:net';
import { type AwaitsTurn, guarded, turnBudget } from '../clock/index.ts';
import {
  COMMAND_FRAME,
  encodeError,
  encodeSubscription,
  MESSAGE,
  NEED_INPUT,
  ZmtpError,
  ZmtpSession,
} from '../codec/zmtp/index.ts';
import { reportFault } from '../exchange/index.ts';
import { handleOf, type SocketHandle, stopReading } from '../net/index.ts';
import { piecesOf } from './message-queue.ts';
import { PeerCommands } from './peer-commands.ts';
import type { PeerState, SuspendedPeer } from './peer-state.ts';
import { peerText, routingIdOf } from './peer-text.ts';
import { PeerWatch, type WatchedPeer } from './peer-watch.ts';
import type { Pipe, PipeConnection, PipeOwner } from './pipe.ts';

const HANDSHAKE = 0;
const OPEN = 1;
/** Our last bytes are on their way; incoming bytes are discarded. */
const ENDING = 2;
const CLOSED = 3;

/**
 * One ZMTP connection: reads for its pipe, writes what the pipe gives it, replies to commands, and checks that the peer is alive. A peer
 * that breaks the protocol is disconnected, logged and counted.
 */
export class Connection implements PipeConnection, AwaitsTurn, WatchedPeer {
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
  #pumping = false;
  /** The peer is about to leave for another process: nothing is read or written. */
  #moving = false;
  readonly #watch: PeerWatch;
  readonly #commands: PeerCommands;
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
    this.pipe = pipe;
    this.#socket = socket;
    this.#owner = owner;
    this.#endpoint = endpoint;
    this.#whenClosed = whenClosed;
    this.#watch = new PeerWatch(this, owner);
    this.#commands = new PeerCommands(pipe, owner, this.#watch);
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
      if (this.suspended) this.#inputEnded = true;
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
    this.#watch.startHandshake();
  }

  get blocked(): boolean {
    return this.#state !== OPEN || this.#moving || this.#socket.writableLength >= this.#socket.writableHighWaterMark;
  }

  get unsent(): number {
    return this.blocked ? this.#socket.writableLength : 0;
  }

  get hasCommands(): boolean {
    return this.#commands.wait;
  }

  write(buffers: readonly Buffer[]): void {
    const socket = this.#socket;
    if (buffers.length === 1 && !this.hasCommands) {
      socket.write(buffers[0] as Buffer);
      return;
    }
    socket.cork();
    this.#commands.writeTo(socket);
    for (const buffer of buffers) socket.write(buffer);
    socket.uncork();
  }

  subscribe(topic: Buffer, subscribe: boolean): void {
    this.#commands.send(encodeSubscription(topic, subscribe, this.#session.minor));
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

  get open(): boolean {
    return this.#state === OPEN;
  }

  get suspended(): boolean {
    return this.#paused || this.#resting || this.#moving;
  }

  /** Reads again, unless something else suspends it. */
  #read(): void {
    if (this.suspended || this.#state >= ENDING) return;
    if (this.#inputEnded) {
      this.#socket.destroy();
      return;
    }
    this.#watch.resume();
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

  sendPing(ping: Buffer): void {
    // A peer that does not read gets no second PING after the first.
    if (!this.blocked) this.#commands.send(ping);
  }

  onSilent(reason: string): void {
    this.#cut(reason, 'info');
  }

  #onData(chunk: Buffer): void {
    if (this.#state >= ENDING) return;
    this.#watch.heard();
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
          if (event === COMMAND_FRAME) this.#commands.obey(this.#session.command);
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
    const { counters, log } = owner.context;
    counters.peersConnected++;
    if (log.debugEnabled) log.debug({ ...this.#description(), peerType: type }, 'zmq peer connected');
    this.#opened(routingId);
  }

  #opened(routingId: Buffer): void {
    const owner = this.#owner;
    this.#state = OPEN;
    this.established = true;
    owner.context.counters.peersOpen++;
    // RFC 37 added PING: a peer of version 3.0 need not know it.
    this.#watch.start(this.#session.minor === 1);
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
    this.#watch.stop();
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
    this.#watch.stop();
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

  onFault(thrown: unknown): void {
    reportFault(this.#owner.context, thrown, { endpoint: this.#endpoint });
    this.destroy();
  }
}
