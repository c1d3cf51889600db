import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type AwaitsTurn, DeadlineTimer, LARGE_INPUT, turnBudget } from '../clock/index.ts';
import {
  clientNames,
  compact,
  ExchangeError,
  type ExchangeRecord,
  internalError,
  type Peer,
  type Responder,
  reportFault,
  type Suspended,
} from '../exchange/index.ts';
import { handleOf, KEEP_ALIVE_DELAY, type SocketHandle } from '../net/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import type { Connection, ConnectionFacts } from './served-connection.ts';
import { LINGER } from './server-limits.ts';
import type { ConnectionState, SuspendedConnection } from './suspended-connection.ts';

/**
 * What a connection to a client does whatever is spoken on it: keeps the input that cannot be taken yet, stops reading when it is too
 * much, watches a client that does not take what is sent to it, and ends in order. An idle one has no buffers and no timer of its own.
 */
export abstract class ClientConnection extends DeadlineTimer implements Connection, AwaitsTurn {
  place = -1;
  readonly socket: Socket;
  readonly peer: Peer;
  protected readonly server: ConnectionHost;
  #unread: Buffer | null = null;
  /** Whether `consume` is at work: what it calls must not begin it again. */
  protected consuming = false;
  /** It has had its share: what is unread waits for its turn. */
  protected resting = false;
  /** Reading is suspended, because too much is unread. */
  protected paused = false;
  /** The client has sent FIN: no more input, but it may still be reading. */
  inputEnded = false;
  /** The socket wants its writer to wait. */
  blocked = false;
  /** It is about to move to another process. */
  protected suspended = false;
  /** All is said: input is thrown away until the client has closed too. */
  protected finished = false;

  constructor(socket: Socket, server: ConnectionHost, peer: Peer) {
    super(server.wheel);
    this.socket = socket;
    this.server = server;
    this.peer = peer;
  }

  /** Input that could not be taken yet. */
  get unread(): Buffer | null {
    return this.#unread;
  }

  protected set unread(input: Buffer | null) {
    if (input === this.#unread) return;
    this.server.unread.change(this.#unread, input);
    this.#unread = input;
  }

  /** Names the connection and the exchange on it. */
  abstract get id(): string;
  /** As `RequestHead.requestId`, of the request under way. */
  abstract get requestId(): string;

  /** Takes what can be taken of `input`, up to the client's share, and returns the rest; null for none. */
  protected abstract consume(input: Buffer): Buffer | null;

  /** Sets the deadline for what is waited for now. */
  abstract watch(): void;

  /** Writes something that changes nothing for the client. */
  protected abstract writeProbe(): void;

  /** The connection is lost: ends the exchanges that run, and tells their responders why. */
  protected abstract dropExchanges(error: ExchangeError): void;

  /** Gives the responders their credit back for all that the socket has taken. */
  protected abstract returnCredit(): void;

  abstract drain(): void;

  abstract leaveIfIdle(): boolean;

  get facts(): ConnectionFacts {
    const { peer, socket, isWebSocket } = this;
    const encrypted = (socket as Partial<TLSSocket>).encrypted === true;
    return { isWebSocket, peer, encrypted, received: socket.bytesRead, sent: socket.bytesWritten };
  }

  get isOver(): boolean {
    return this.finished;
  }

  protected get isWebSocket(): boolean {
    return false;
  }

  get unheardSince(): number | null {
    return null;
  }

  get arrivingSince(): number | null {
    return null;
  }

  makeWay(): void {}

  /** Ends it without another word. */
  cut(): void {
    this.socket.destroy();
  }

  abstract onInputEnd(): void;

  abstract onClosed(): void;

  // ---- input

  onInput(chunk: Buffer): void {
    if (this.finished) return;
    if (this.unread !== null) {
      this.#keep(Buffer.concat([this.unread, chunk]));
      this.consumeUnread();
    } else {
      this.#take(chunk);
    }
  }

  consumeUnread(): void {
    const input = this.unread;
    if (input === null || this.consuming || this.resting) return;
    this.unread = null;
    this.#take(input);
    if (this.unread !== null || !this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  #take(input: Buffer): void {
    let rest: Buffer | null = null;
    this.consuming = true;
    try {
      rest = this.consume(input);
    } finally {
      this.consuming = false;
    }
    if (rest !== null && !this.finished) this.#keep(rest);
    this.afterInput();
  }

  /** Continues with the input in its turn: the client has had its share, or is read again after a pause, of which there may be many at once. */
  rest(): void {
    if (this.resting) return;
    this.resting = true;
    turnBudget.wait(this);
  }

  onTurn(): void {
    this.resting = false;
    this.consumeUnread();
  }

  /** What there is to be done when all that could be taken has been. */
  protected abstract afterInput(): void;

  #keep(input: Buffer): void {
    this.unread = compact(input);
    const { unread, limits } = this.server;
    // Reading continues for a while, to notice a client that leaves; but not where it waits for its turn, which comes soon: more input would
    // only be copied behind what waits.
    const most = this.resting ? LARGE_INPUT : limits.pipelineBytes;
    if (this.paused || (input.length < most && !unread.full)) return;
    this.paused = true;
    this.socket.pause();
    this.watch();
  }

  /**
   * Nothing is read from the client at present, so no read tells that it is gone for good: asks the kernel, which finds out by
   * probes of its own, and refuses a write, even an empty one, when it has.
   */
  protected probe(): void {
    this.socket.setKeepAlive(true, 1_000);
    this.writeProbe();
    this.watch();
  }

  /** The connection is going to last: lets the kernel find out when the client's host has gone. */
  protected keepAlive(): void {
    this.socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
  }

  // ---- output

  /** The socket holds too much already: its client has a limited time to take something. */
  block(): void {
    // Further writes do not move the deadline: the client has taken nothing since the first one that had to wait.
    if (this.blocked) return;
    this.blocked = true;
    this.server.onceDrained(this.socket);
    this.setDeadline(this.server.limits.writeTimeout);
  }

  onDrain(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.watch();
    this.returnCredit();
    this.consumeUnread();
  }

  // ---- the move to another process

  get handle(): SocketHandle | null {
    return handleOf(this.socket);
  }

  get mayMove(): boolean {
    return this.settled;
  }

  suspend(): SuspendedConnection | null {
    return null;
  }

  /** Whether nothing waits on its socket, in either direction. TLS has state that cannot be had. */
  protected get settled(): boolean {
    const { socket } = this;
    if (this.finished || this.inputEnded || this.suspended || this.blocked) return false;
    if (this.paused || this.resting || this.consuming) return false;
    if (socket.destroyed || (socket as Partial<TLSSocket>).encrypted === true) return false;
    return socket.writableLength === 0 && socket.readableLength === 0 && socket.readableFlowing === true;
  }

  /** Stops reading: what the client sends from now on waits in the kernel for whoever reads next. */
  protected suspendWith(
    state: ConnectionState,
    part: Suspended | null,
    record: ExchangeRecord | null = null,
  ): SuspendedConnection {
    const { handle } = this;
    this.suspended = true;
    this.stopTimer();
    if (handle !== null) handle.reading = false;
    handle?.readStop();
    return {
      state,
      resume: () => {
        this.suspended = false;
        part?.resume();
        if (this.finished || this.socket.destroyed) return;
        this.watch();
        if (handle !== null) handle.reading = true;
        handle?.readStart();
        if (this.server.draining) this.drain();
      },
      forget: () => {
        this.server.counters.connectionsMovedOut++;
        this.unread = null;
        this.finished = true;
        record?.leave();
        part?.forget();
        // No FIN: the other process has the connection.
        this.socket.destroy();
      },
    };
  }

  // ---- the end

  /** Continues where `former` stops, on the same socket; `former` is done. */
  succeed(former: ClientConnection): void {
    this.unread = former.unread;
    this.paused = former.paused;
    this.inputEnded = former.inputEnded;
    former.unread = null;
    // Whether the socket is read is no longer for `former` to say.
    former.paused = false;
    former.finished = true;
    former.stopTimer();
    this.server.replace(this.socket, this);
  }

  /** Writes a record about this connection at the level of `error`. */
  protected report(error: ExchangeError, message: string): void {
    const { code, detail, face } = error;
    this.server.log[face.level]({ ...clientNames(this), peer: this.peer.address, code, detail }, message);
  }

  /** As `report`, for a fault of the responder. */
  reportFault(error: ExchangeError): void {
    if (error.code === 'HF_INTERNAL') {
      reportFault(this.server, error, { ...clientNames(this), peer: this.peer.address });
      return;
    }
    this.server.counters.responsesInvalid++;
    this.report(error, 'response cannot be sent');
  }

  /** Tells `responder` of the end of its exchange when a call for it has thrown already: what it throws now ends nothing more. */
  tell(responder: Responder | null, error: ExchangeError): void {
    try {
      responder?.onRequestError(error);
    } catch (thrown) {
      this.reportFault(internalError(thrown));
    }
  }

  /** The client takes too little of what is sent to it: there is no telling it. */
  cutStalled(detail = `took nothing for ${this.server.limits.writeTimeout} s`): void {
    const error = new ExchangeError('HF_CLIENT_STALLED', detail);
    this.server.counters.clientsStalled++;
    this.report(error, 'client cut off');
    this.cut();
    this.dropExchanges(error);
  }

  /** Takes no more input, and throws away what comes. */
  protected discardInput(): void {
    this.finished = true;
    this.unread = null;
    this.socket.resume();
  }

  /** Sends FIN after the last bytes, and waits a moment for the client to do the same (RFC 9112 §9.6, RFC 6455 §7.1.1). */
  endSocket(): void {
    this.discardInput();
    this.socket.end();
    this.server.onceEnded(this.socket);
    // What is still here has the time of any other write.
    this.setDeadline(this.socket.writableLength > 0 ? this.server.limits.writeTimeout : LINGER);
  }

  /**
   * Ends a connection of which the client has said that it sends nothing more, and where nothing waits: it is closed at once. While the
   * client may still send, that could cost it the last response.
   */
  protected closeSocket(): void {
    this.finished = true;
    this.unread = null;
    this.socket.destroy();
  }

  /** The client has not closed its side in time. */
  protected endLingering(): void {
    if (this.socket.writableLength > 0) this.cutStalled();
    else this.socket.destroy();
  }
}
