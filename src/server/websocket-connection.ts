import type { Socket } from 'node:net';
import { guarded, turnBudget } from '../clock/index.ts';
import type { CallGuard } from '../codec/calls/index.ts';
import {
  closePayload,
  type DeflateParameters,
  MessageReader,
  type MessageSink,
  MessageWriter,
  PING,
  PONG,
  WebSocketError,
} from '../codec/websocket/index.ts';
import {
  type ClientNames,
  ExchangeError,
  type ExchangeRecord,
  errorCounts,
  type JoinedMessages,
  type MessagePayload,
  type Peer,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../exchange/index.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import { FramedConnection } from './framed-connection.ts';
import { PROBE_INTERVAL } from './server-limits.ts';
import type { SuspendedConnection } from './suspended-connection.ts';
import { toExchangeError } from './to-exchange-error.ts';

const EMPTY = Buffer.alloc(0);

/**
 * One client's open WebSocket (RFC 6455). Once one side has closed nothing more of the client is passed on but its close frame, and
 * nothing more is sent to it.
 */
export class WebSocketConnection extends FramedConnection implements WebSocketRequester, MessageSink {
  override readonly id: string;
  override readonly requestId: string;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  /** The pong for the newest ping, while the socket is blocked. */
  #pong: Buffer | null = null;
  /** This side closes, or all is over: nothing more is passed on or sent. */
  #closing = false;
  /** The close frame is written. */
  #closeSent = false;
  /** Takes notes of what becomes of it; null for nobody. */
  record: ExchangeRecord | null = null;
  /** The client's close frame has come, or is not waited for. */
  #closeReceived = false;

  /** @param deflate null for no compression @param window what the client's first compressed message may refer to; null for nothing */
  constructor(
    socket: Socket,
    server: ConnectionHost,
    peer: Peer,
    { id, requestId = '' }: ClientNames,
    deflate: DeflateParameters | null,
    window: Buffer | null = null,
  ) {
    super(socket, server, peer);
    this.id = id;
    this.requestId = requestId;
    const guard: CallGuard = (call) => guarded(this, call);
    const { limits, autoPong } = server;
    const reading = { role: 'server', limits, deflate, credit: 0, freePings: autoPong, guard, window } as const;
    this.#reader = new MessageReader(this, reading);
    this.#writer = new MessageWriter(this, { role: 'server', deflate, guard });
  }

  /** Takes the socket over from `former`. `head` is the response that accepts the WebSocket. */
  open(former: ClientConnection, head: string): void {
    const { counters } = this.server;
    counters.webSocketsAccepted++;
    counters.webSocketsOpen++;
    this.succeed(former);
    this.keepAlive();
    this.writeFrame(Buffer.from(head, 'latin1'));
  }

  /** Lets `responder` have what the client sends. */
  start(responder: WebSocketResponder): void {
    this.responder = responder;
    this.unread ??= EMPTY;
    this.consumeUnread();
    if (this.server.draining) this.drain();
  }

  // ---- input

  protected override consume(input: Buffer): Buffer | null {
    const reader = this.#reader;
    if (this.responder === null && !this.#closing) return input;
    try {
      const rest = reader.read(input, turnBudget.shareOf(input.length));
      if (reader.interrupted) this.rest();
      return rest;
    } catch (thrown) {
      this.#onThrown(thrown);
      return null;
    }
  }

  onMessage(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.record !== null) this.record.requestBytes += chunk.length;
    this.responder?.onRequestMessage(chunk, text, more);
  }

  onPing(data: Buffer): void {
    if (!this.server.autoPong) this.responder?.onRequestPing(data);
    // RFC 6455 §5.5.3: of several pings only the newest one needs a pong.
    else if (this.blocked) this.#pong = Buffer.from(data);
    else this.#writer.control(PONG, data);
  }

  onPong(data: Buffer): void {
    this.responder?.onRequestPong(data);
  }

  onClose(code: number, reason: string): void {
    this.#closeReceived = true;
    this.responder?.onRequestClose(code, reason);
    this.#endIfClosed();
  }

  onReaderIdle(): void {
    this.unread ??= EMPTY;
    this.consumeUnread();
  }

  onReaderError(thrown: unknown): void {
    this.#onThrown(thrown);
  }

  protected override afterInput(): void {
    if (!this.inputEnded || this.finished || this.#closeReceived || this.resting || this.#reader.busy === true) return;
    // RFC 6455 §7.1.5: a connection that ends without a close frame is lost; there are no half-closed ones.
    this.cut();
  }

  onInputEnd(): void {
    this.inputEnded = true;
    this.afterInput();
  }

  // ---- what the responder sends, and what it grants

  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.#closing || !this.enqueue(more)) return;
    if (this.record !== null) this.record.responseBytes += chunk.length;
    try {
      this.#writer.message(chunk, text, more);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  onResponseShared(message: MessagePayload): void {
    if (this.#closing || !this.enqueue(false)) return;
    if (this.record !== null) this.record.responseBytes += message.body.length;
    try {
      this.#writer.shared(message);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  onResponseJoined(joined: JoinedMessages): void {
    const { messages } = joined;
    if (!this.#writer.shares) {
      for (const message of messages) this.onResponseShared(message);
      return;
    }
    if (this.#closing || !this.enqueue(false, messages.length)) return;
    if (this.record !== null) this.record.responseBytes += joined.length;
    try {
      this.#writer.joined(joined);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  onResponsePing(data: Buffer): void {
    this.#control(PING, data);
  }

  onResponsePong(data: Buffer): void {
    this.#control(PONG, data);
  }

  #control(opcode: typeof PING | typeof PONG, data: Buffer): void {
    if (this.#closing || !this.enqueue(false)) return;
    try {
      this.#writer.control(opcode, data);
      this.onFramed(data.length);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  onResponseClose(code: number, reason: string): void {
    if (this.#closing) return;
    try {
      this.#close(closePayload(code, reason));
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  onResponseError(error: ExchangeError): void {
    this.#note(error);
    // The abnormal end of an origin is that of its client too (RFC 6455 §7.1.7): no close frame says that it was in order.
    if (error.face.cause === 'origin') this.#breakOff();
    else this.#fail(error.code === 'HF_DRAINING' ? 1001 : 1011);
  }

  /** It is open already. */
  onResponse(): void {}

  onResponseData(): void {
    if (!this.#closing) this.fault(new ExchangeError('HF_RESPONSE_INVALID', 'a WebSocket has no response body'));
  }

  onResponsePayload(): void {
    this.onResponseData();
  }

  onRequestCredit(bytes: number): void {
    this.#reader.grant(bytes);
    if (!this.#reader.busy) this.consumeUnread();
  }

  pauseRequest(paused: boolean): void {
    if (this.finished) return;
    this.#reader.pause(paused);
    if (!paused && this.unread !== null) this.rest();
  }

  handOver(responder: WebSocketResponder): void {
    if (this.responder !== null) this.responder = responder;
    this.pauseRequest(false);
  }

  override onFault(thrown: unknown): void {
    this.fault(toExchangeError(thrown));
  }

  override onDrain(): void {
    super.onDrain();
    const pong = this.#pong;
    this.#pong = null;
    if (pong !== null && !this.#closing) this.#writer.control(PONG, pong);
  }

  onCloseFramed(): void {
    this.#closeSent = true;
    this.watch();
    this.#endIfClosed();
  }

  /** Between two messages another process can go on. */
  override suspend(): SuspendedConnection | null {
    const busy = this.flushing || this.#closing || this.#closeReceived;
    if (!this.settled || busy || !this.#reader.between || !this.#writer.between) return null;
    const responder = this.responder?.suspend?.() ?? null;
    if (responder === null) return null;
    const { credit, window, deflate } = this.#reader;
    const record = this.record?.state ?? null;
    const { id, requestId, peer, unread } = this;
    const own = { id, requestId, peer, unread, credit, window, deflate, record };
    return this.suspendWith({ kind: 'websocket', ...own, responder: responder.state }, responder, this.record);
  }

  // ---- the end

  /** Says that this side closes; nothing is sent after it. */
  #close(payload: Buffer): void {
    this.#closing = true;
    this.#reader.discard();
    this.#writer.close(payload);
    // What has waited for credit is in the way of the client's close frame.
    this.consumeUnread();
  }

  /** The closing handshake is complete when a close frame has gone both ways (RFC 6455 §7.1.4). */
  #endIfClosed(): void {
    if (!this.#closeSent || !this.#closeReceived || this.finished) return;
    this.#forget();
    this.flush();
    this.endSocket();
  }

  /** Ends the connection with a close frame, unless there was one, and waits for none. */
  #fail(code: number, reason = ''): void {
    if (this.finished) return;
    this.responder = null;
    this.#closeReceived = true;
    this.#reader.release();
    this.#writer.release();
    if (this.#closeSent) this.#endIfClosed();
    else this.#close(closePayload(code, reason));
  }

  /** Ends the connection after what was sent, without a close frame. */
  #breakOff(): void {
    if (this.finished) return;
    this.#forget();
    this.flush();
    this.endSocket();
  }

  #onThrown(thrown: unknown): void {
    if (thrown instanceof WebSocketError && thrown.closeCode !== 1011) this.#failProtocol(thrown);
    else if (thrown instanceof WebSocketError) this.fault(new ExchangeError('HF_RESPONSE_INVALID', thrown.message));
    else this.fault(toExchangeError(thrown));
  }

  /** The client has broken the protocol, or is over a limit (RFC 6455 §7.1.7). */
  #failProtocol(cause: WebSocketError): void {
    const error = new ExchangeError('HF_WEBSOCKET_PROTOCOL', cause.message);
    this.#note(error);
    this.server.counters.webSocketsFailed++;
    this.report(error, 'WebSocket failed');
    const responder = this.responder;
    this.#fail(cause.closeCode, cause.message);
    responder?.onRequestError(error);
  }

  fault(error: ExchangeError): void {
    this.#note(error);
    this.reportFault(error);
    const responder = this.responder;
    this.#fail(1011);
    this.tell(responder, error);
  }

  protected override get isWebSocket(): boolean {
    return true;
  }

  drain(): void {
    if (this.finished || this.#closing || this.suspended) return;
    const responder = this.responder;
    this.responder = null;
    this.#close(closePayload(this.server.retired ? 1012 : 1001));
    const error = new ExchangeError('HF_DRAINING');
    this.#note(error);
    responder?.onRequestError(error);
  }

  leaveIfIdle(): boolean {
    return false;
  }

  protected override onDeadline(): void {
    if (this.finished) this.endLingering();
    else if (this.blocked) this.cutStalled();
    else if (this.#closeSent) this.cut();
    else this.probe();
  }

  override watch(): void {
    if (this.blocked || this.finished) return;
    if (this.#closeSent) this.setDeadline(this.server.limits.closeTimeout);
    else if (this.paused) this.setDeadline(PROBE_INTERVAL);
    else this.clearDeadline();
  }

  protected override writeProbe(): void {
    // RFC 6455 §5.5.3: an unsolicited pong is a heartbeat; a host that does not know the connection responds with a reset.
    if (!this.#closing) this.#writer.control(PONG, EMPTY);
  }

  /** Notes why it ends. The first reason counts. */
  #note(error: ExchangeError): void {
    if (this.record !== null && this.record.error === '') this.record.error = error.code;
  }

  protected override dropExchanges(error: ExchangeError): void {
    this.#note(error);
    const responder = this.responder;
    this.#forget();
    responder?.onRequestError(error);
  }

  #forget(): void {
    this.responder = null;
    this.dropCredit();
    this.#closing = true;
    this.#pong = null;
    this.#reader.release();
    this.#writer.release();
  }

  onClosed(): void {
    const { counters } = this.server;
    const responder = this.responder;
    counters.webSocketsOpen--;
    this.server.unsent.releaseAll(this);
    this.finished = true;
    this.unread = null;
    this.stopTimer();
    this.#forget();
    if (responder !== null) {
      counters.requestsAborted++;
      errorCounts.note('HF_CLIENT_GONE');
    }
    this.record?.end(responder === null ? '' : 'HF_CLIENT_GONE');
    responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  }
}
