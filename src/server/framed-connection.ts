import type { AtTurnEnd } from '../clock/index.ts';
import { FrameBatch, type FrameSink, type WebSocketError } from '../codec/websocket/index.ts';
import { type ByteHolder, ExchangeError, type WebSocketResponder } from '../exchange/index.ts';
import { ClientConnection } from './client-connection.ts';
import { SOCKET_BUFFER } from './server-limits.ts';

/**
 * The output of a client's WebSocket: what is sent in one turn of the event loop leaves in one write, and the responder's credit for it comes back
 * in one. What has to wait for the client is bounded.
 */
export abstract class FramedConnection extends ClientConnection implements FrameSink, AtTurnEnd, ByteHolder {
  /** Null before the service has returned, and after the end. */
  protected responder: WebSocketResponder | null = null;
  /** Frames of this turn, which leave at its end. */
  readonly #frames = new FrameBatch();
  /** Whether `flush` is going to be called. */
  #flushing = false;
  /** Messages that were given while the socket is blocked. */
  #queued = 0;
  /** Bytes from the responder that wait here: credit for them comes back when the socket has taken them. */
  #owedCredit = 0;

  /** The responder has thrown, or sends what cannot be sent. */
  abstract fault(error: ExchangeError): void;

  abstract onCloseFramed(): void;

  get keepsUp(): boolean {
    return !this.blocked;
  }

  /** Whether something of this turn has not left, or not been credited. */
  protected get flushing(): boolean {
    return this.#flushing || this.#frames.cost > 0 || this.#owedCredit > 0;
  }

  /** Counts messages that have to wait; false if they are too many, and the client is cut off. */
  protected enqueue(more: boolean, messages = 1): boolean {
    if (!this.blocked || more) return true;
    this.#queued += messages;
    if (this.#queued <= this.server.limits.queuedMessages) return true;
    this.cutStalled(`${this.server.limits.queuedMessages} messages waited for it`);
    return false;
  }

  writeFrame(data: Buffer): void {
    if (this.blocked) {
      this.server.unsent.hold(this, data.length);
      this.socket.write(data);
      return;
    }
    this.#frames.add(data);
    // So much is not kept for the end of the turn.
    if (this.#frames.cost > SOCKET_BUFFER) this.flush();
    else this.#flushSoon();
  }

  onFramed(bytes: number): void {
    this.#owedCredit += bytes;
    if (!this.blocked) this.#flushSoon();
  }

  onWriterError(error: WebSocketError): void {
    this.fault(new ExchangeError('HF_INTERNAL', error.message));
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.server.turn.add(this);
  }

  onTurnEnd(): void {
    this.flush();
  }

  /** Writes what there is of this turn. */
  flush(): void {
    const { socket } = this;
    this.#flushing = false;
    this.#frames.writeTo(socket);
    if (this.blocked) return;
    // Node still says so when the kernel has taken all.
    if (socket.writableNeedDrain && socket.writableLength > 0) {
      this.server.unsent.hold(this, socket.writableLength);
      this.block();
    } else {
      this.returnCredit();
    }
  }

  override onDrain(): void {
    this.#queued = 0;
    this.server.unsent.releaseAll(this);
    super.onDrain();
  }

  onHeldTooMuch(): void {
    this.cutStalled('held the most when too much was held for all clients');
  }

  protected override returnCredit(): void {
    const credit = this.#owedCredit;
    if (credit === 0 || this.responder === null) return;
    this.#owedCredit = 0;
    this.responder.onResponseCredit(credit);
  }

  /** No credit is owed any more, as nobody wants it. */
  protected dropCredit(): void {
    this.#owedCredit = 0;
  }
}
