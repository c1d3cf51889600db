import { type AtTurnEnd, type AwaitsTurn, DeadlineTimer, guarded, turnBudget } from '../clock/index.ts';
import type { CallGuard } from '../codec/calls/index.ts';
import {
  closePayload,
  type DeflateParameters,
  FrameBatch,
  type FrameSink,
  MessageReader,
  type MessageSink,
  MessageWriter,
  PING,
  PONG,
  WebSocketError,
} from '../codec/websocket/index.ts';
import {
  type ErrorCode,
  ExchangeError,
  type HeaderList,
  reportFault,
  type WebSocketRequester,
} from '../exchange/index.ts';
import type { ConnectionUser } from './origin-connection.ts';
import { socketReason } from './socket-reason.ts';
import type { WebSocketLink } from './websocket-link.ts';
import type { WebSocketContext } from './websocket-options.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Bytes kept without credit; beyond that the origin is not read.
 * @bound websocket-read-ahead
 */
const READ_AHEAD = 65_536;

/**
 * Bytes of frames kept for the end of the turn; more leave at once.
 * @bound websocket-write-behind
 */
const WRITE_BEHIND = 65_536;

/** Seconds that a connection stays open after the last frame, so that the origin receives it and closes first (RFC 6455 §7.1.1). */
const LINGER = 2;

/** Close code for an origin whose requester has gone (RFC 6455 §7.4.1). */
const GOING_AWAY = 1001;

const INTERNAL_ERROR = 1011;

/**
 * A WebSocket that an origin has accepted: its frames on one side, its requester on the other.
 *
 * Once the requester has closed, only the origin's close frame is passed on, and nothing more is sent. Data that had arrived when the
 * connection was lost is passed on first, as credit allows.
 */
export class WebSocketStream
  extends DeadlineTimer
  implements ConnectionUser, MessageSink, FrameSink, AtTurnEnd, AwaitsTurn
{
  readonly #context: WebSocketContext;
  readonly #link: WebSocketLink;
  readonly #requester: WebSocketRequester;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  /** Input that could not be taken yet. */
  #unread: Buffer | null = null;
  /** Whether the reader is running: calls from within must not start it again. */
  #consuming = false;
  /** The origin has had its share: what is unread waits for its turn. */
  #resting = false;
  /** Frames of this turn, which are sent at its end. */
  readonly #frames = new FrameBatch();
  /** Whether a call of `flush` is pending. */
  #flushing = false;
  /** The origin has to accept data before more is granted. */
  #blocked = false;
  /** Messages that came while the origin accepted nothing. */
  #queued = 0;
  /** Bytes from the requester that wait here: their credit returns when the origin has accepted them. */
  #owedCredit = 0;
  /** The requester closes: nothing is passed on or sent after this. */
  #closing = false;
  /** The close frame has been written, or can no longer be written. */
  #closeSent = false;
  /** The origin's close frame has arrived. */
  #closeReceived = false;
  /** Why the connection ended; null while it is open. */
  #lostBy: string | null = null;
  /** The exchange is over. */
  #over = false;

  /**
   * @param deflate how messages are compressed; null: not at all
   * @param credit bytes that the requester takes
   */
  constructor(
    context: WebSocketContext,
    link: WebSocketLink,
    requester: WebSocketRequester,
    deflate: DeflateParameters | null,
    credit: number,
  ) {
    super(context.wheel);
    const { limits } = context;
    this.#context = context;
    this.#link = link;
    this.#requester = requester;
    const guard: CallGuard = (call) => guarded(this, call);
    this.#reader = new MessageReader(this, { role: 'client', limits, deflate, credit, freePings: false, guard });
    this.#writer = new MessageWriter(this, { role: 'client', deflate, guard });
  }

  /**
   * Tells the requester that the WebSocket is open.
   * @param reason of the response, as its `headers`
   * @param rest bytes after the head
   */
  start(reason: string, headers: HeaderList, rest: Buffer): void {
    this.#requester.onResponse({ status: 101, reason, headers, bodyLength: 0 });
    if (!this.#over) this.#requester.onRequestCredit(this.#context.limits.window);
    if (rest.length > 0) this.onInput(this.#link, rest);
  }

  // ---- from the origin

  onConnected(): void {}

  onDialFailed(): void {}

  onInput(_link: unknown, input: Buffer): void {
    if (this.#over) return;
    this.#unread = this.#unread === null ? Buffer.from(input) : Buffer.concat([this.#unread, input]);
    this.#consume();
  }

  onLost(_link: unknown, error: Error | null): void {
    this.#lostBy = error === null ? 'connection closed' : socketReason(error);
    this.#frames.clear();
    this.#blocked = false;
    this.#writer.release();
    if (this.#over) {
      this.stopTimer();
      return;
    }
    if (this.#closing) this.onCloseFramed();
    else this.#watch();
    this.#endIfLost();
  }

  /** Reads what has arrived, as far as credit allows. */
  #consume(): void {
    const input = this.#unread;
    if (input === null || this.#consuming || this.#resting) return;
    this.#unread = null;
    this.#consuming = true;
    let rest: Buffer | null = null;
    try {
      rest = this.#reader.read(input, turnBudget.shareOf(input.length));
    } catch (thrown) {
      this.#onThrown(thrown);
    }
    this.#consuming = false;
    if (this.#over) return;
    this.#unread = rest;
    if (this.#reader.interrupted) {
      this.#resting = true;
      turnBudget.wait(this);
    }
    // Reading continues up to a bound, to notice an origin that leaves.
    if (rest !== null && rest.length >= READ_AHEAD) this.#link.pause();
    else this.#link.resume();
    this.#endIfLost();
  }

  onMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#requester.onResponseMessage(chunk, text, more);
  }

  onPing(data: Buffer): void {
    this.#requester.onResponsePing(data);
  }

  onPong(data: Buffer): void {
    this.#requester.onResponsePong(data);
  }

  onClose(code: number, reason: string): void {
    this.#closeReceived = true;
    this.#watch();
    this.#requester.onResponseClose(code, reason);
    this.#endIfClosed();
  }

  onReaderIdle(): void {
    this.#unread ??= EMPTY;
    this.#consume();
  }

  onReaderError(thrown: unknown): void {
    this.#onThrown(thrown);
  }

  // ---- from the requester

  /** Like the methods of `WebSocketResponder` with the same names. */
  message(chunk: Buffer, text: boolean, more: boolean): void {
    if (!this.#writable || !this.#enqueue(more)) return;
    try {
      this.#writer.message(chunk, text, more);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  ping(data: Buffer): void {
    this.#control(PING, data);
  }

  pong(data: Buffer): void {
    this.#control(PONG, data);
  }

  close(code: number, reason: string): void {
    if (this.#closing || this.#over) return;
    let payload: Buffer;
    try {
      payload = closePayload(code, reason);
    } catch (thrown) {
      this.#onThrown(thrown);
      return;
    }
    this.#closing = true;
    this.#reader.discard();
    if (this.#lostBy === null) this.#writer.close(payload);
    else this.onCloseFramed();
    // Data that waits for credit comes before the origin's close frame.
    this.#consume();
    this.#endIfLost();
  }

  grant(bytes: number): void {
    if (this.#over) return;
    this.#reader.grant(bytes);
    this.#consume();
  }

  /** The requester has gone. */
  leave(): void {
    if (!this.#over) this.#end(closePayload(GOING_AWAY));
  }

  get #writable(): boolean {
    return !this.#closing && !this.#over && this.#lostBy === null;
  }

  #control(opcode: typeof PING | typeof PONG, data: Buffer): void {
    if (!this.#writable || !this.#enqueue(false)) return;
    try {
      this.#writer.control(opcode, data);
      this.onFramed(data.length);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  /** Counts a message that has to wait; false if there is no room for it. */
  #enqueue(more: boolean): boolean {
    const { queuedMessages } = this.#context.limits;
    if (!this.#blocked || more || ++this.#queued <= queuedMessages) return true;
    this.#fail('HF_ORIGIN_TIMEOUT', `origin stopped reading with more than ${queuedMessages} messages waiting`, null);
    return false;
  }

  // ---- frames

  writeFrame(data: Buffer): void {
    if (this.#lostBy !== null) return;
    if (this.#blocked) {
      this.#link.write(data);
      return;
    }
    this.#frames.add(data);
    if (this.#frames.cost > WRITE_BEHIND) this.flush();
    else this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#context.turn.add(this);
  }

  onTurn(): void {
    this.#resting = false;
    this.#consume();
  }

  onTurnEnd(): void {
    this.flush();
  }

  override onFault(thrown: unknown): void {
    this.#onThrown(thrown);
  }

  onConnectionFault(_link: unknown, thrown: unknown): void {
    this.#onThrown(thrown);
  }

  /** Frames of one turn of the event loop are sent in one write, and their credit is returned in one grant. */
  flush(): void {
    const link = this.#link;
    this.#flushing = false;
    if (this.#lostBy !== null) {
      this.#frames.clear();
      return;
    }
    this.#frames.writeTo(link);
    if (this.#blocked || this.#over) return;
    if (link.full) this.#block();
    else this.#returnCredit();
  }

  #block(): void {
    const { writeTimeout } = this.#context.limits;
    this.#blocked = true;
    // Later writes do not move the deadline: the origin has accepted nothing since the first one that had to wait.
    if (writeTimeout > 0) this.setDeadline(writeTimeout);
    else this.clearDeadline();
  }

  onDrain(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#queued = 0;
    this.#watch();
    this.#returnCredit();
  }

  onFramed(bytes: number): void {
    this.#owedCredit += bytes;
    if (!this.#blocked) this.#flushSoon();
  }

  #returnCredit(): void {
    const credit = this.#owedCredit;
    this.#owedCredit = 0;
    if (credit > 0 && this.#writable) this.#requester.onRequestCredit(credit);
  }

  onCloseFramed(): void {
    this.#closeSent = true;
    this.#watch();
    this.#endIfClosed();
  }

  onWriterError(error: WebSocketError): void {
    this.#fail('HF_INTERNAL', error.message, closePayload(INTERNAL_ERROR));
  }

  // ---- the end

  /** The closing handshake is complete when a close frame has gone both ways (RFC 6455 §7.1.4). */
  #endIfClosed(): void {
    if (!this.#closeSent || !this.#closeReceived || this.#over) return;
    this.#over = true;
    this.#release();
    this.flush();
    // RFC 6455 §7.1.1: the server closes the connection, so that the port here does not stay busy.
    this.#linger();
  }

  /**
   * The connection has ended, and everything that arrived has been passed on. After its close frame an origin may end the connection at
   * any time: then the requester's own close ends the exchange.
   */
  #endIfLost(): void {
    if (this.#lostBy === null || this.#over || this.#closeReceived) return;
    if (this.#consuming || this.#unread !== null || this.#reader.busy) return;
    this.#fail('HF_ORIGIN_CLOSED', `${this.#lostBy} without a close frame`, null);
  }

  /** Ends the WebSocket for what a reader, a writer or the requester has thrown. */
  #onThrown(thrown: unknown): void {
    if (!(thrown instanceof WebSocketError)) {
      const error = reportFault(this.#context, thrown, { origin: this.#link.origin.name });
      this.#failWith(error, closePayload(INTERNAL_ERROR));
      return;
    }
    const { closeCode, message } = thrown;
    // 1011: only the requester's data can be unwritable.
    if (closeCode === 1011) this.#fail('HF_FETCH_INVALID', message, closePayload(GOING_AWAY));
    else
      this.#fail(
        closeCode === 1009 ? 'HF_ORIGIN_FRAME_TOO_LARGE' : 'HF_ORIGIN_WEBSOCKET',
        message,
        closePayload(closeCode, message),
      );
  }

  /** @param payload as for `#end` */
  #fail(code: ErrorCode, reason: string, payload: Buffer | null): void {
    this.#failWith(new ExchangeError(code, `${this.#link.origin.name}: ${reason}`), payload);
  }

  #failWith(error: ExchangeError, payload: Buffer | null): void {
    if (this.#over) return;
    if (error.face.cause === 'origin') this.#context.counters.originErrors++;
    try {
      this.#end(payload);
    } finally {
      // Even if it throws again: the requester must learn of the end.
      this.#requester.onResponseError(error);
    }
  }

  /** Ends the exchange and the connection. @param payload of the close frame, unless one was sent already; null to cut the connection */
  #end(payload: Buffer | null): void {
    this.#over = true;
    this.#release();
    if (this.#lostBy !== null) {
      this.stopTimer();
    } else if (payload === null || this.#blocked) {
      // An origin that accepts nothing would not accept a close frame either.
      this.#cut();
    } else {
      if (!this.#closeSent) this.#writer.close(payload);
      this.flush();
      this.#link.end();
      this.#linger();
    }
  }

  #release(): void {
    this.#unread = null;
    this.#reader.release();
    this.#writer.release();
  }

  /** Waits a moment for the origin to close the connection. Data that it still sends is thrown away. */
  #linger(): void {
    if (this.#lostBy !== null) {
      this.stopTimer();
      return;
    }
    this.#link.resume();
    this.setDeadline(LINGER);
  }

  #cut(): void {
    this.stopTimer();
    this.#frames.clear();
    this.#link.destroy();
    this.#lostBy ??= 'cut';
  }

  /** Sets the deadline for the current wait. */
  #watch(): void {
    if (this.#blocked || this.#over) return;
    if (this.#closeSent || this.#closeReceived) this.setDeadline(this.#context.limits.closeTimeout);
    else this.clearDeadline();
  }

  /** Of this object: the link no longer has a deadline. */
  override onDeadline(): void {
    const { writeTimeout } = this.#context.limits;
    if (this.#over) this.#cut();
    else if (this.#blocked) this.#fail('HF_ORIGIN_TIMEOUT', `origin accepted nothing for ${writeTimeout} s`, null);
    else if (this.#closeSent) this.#fail('HF_ORIGIN_TIMEOUT', 'origin did not respond to the close in time', null);
    // RFC 6455 §5.5.1: a close must be returned, by us if the requester does not.
    else this.#fail('HF_FETCH_TIMEOUT', 'requester did not respond to the close in time', closePayload(GOING_AWAY));
  }
}
