import { type AtTurnEnd, WheelTimer } from '../clock/index.ts';
import { NO_STATUS } from '../codec/websocket/index.ts';
import {
  BodyCollector,
  type ByteHolder,
  ExchangeError,
  type JoinedMessages,
  LEAST_COST,
  type MessagePayload,
  NO_RESPONDER,
  type Payload,
  type RequestHead,
  type ResponseHead,
  reportFault,
  type WebSocketRequester,
  type WebSocketResponder,
  type WebSocketService,
} from '../exchange/index.ts';
import { closeFrame, HEARTBEAT_FRAME, messagesFrame, OPEN_FRAME, SOCKJS_BUFFER } from './sockjs-frames.ts';
import type { ReceivingSession, SockJsReceiver } from './sockjs-receiver.ts';
import type { SockJsRoom } from './sockjs-room.ts';
import { TextQueue } from './text-queue.ts';

/** Milliseconds of silence after which a client gets a heartbeat (Pushpin). */
export const HEARTBEAT_INTERVAL = 25_000;

/** Milliseconds for which a session waits for the next request of its client, and after its end tells that it is closed (Pushpin). */
const UNCONNECTED = 5_000;

/**
 * Messages of the origin that may wait for the client. An empty one costs the origin no credit.
 * @bound sockjs-messages
 */
const MAX_MESSAGES = 1_024;

/** Bytes of a message over `SOCKJS_BUFFER` (RFC 6455 §7.4.1). */
const TOO_BIG = 1009;

/** Messages of the client on their way to the origin. */
class ToOrigin extends TextQueue implements ByteHolder {
  readonly #session: SockJsSession;
  readonly #room: SockJsRoom;

  constructor(session: SockJsSession, room: SockJsRoom) {
    super(room.turn);
    this.#session = session;
    this.#room = room;
  }

  protected override charged(cost: number): void {
    if (cost > 0) this.#room.held.hold(this, cost);
    else this.#room.held.release(this, -cost);
  }

  onHeldTooMuch(): void {
    this.#session.onHeldTooMuch();
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    this.#session.origin.onRequestMessage(chunk, true, more);
  }

  protected override passClose(code: number, reason: string): void {
    this.#session.closeOrigin(code, reason);
  }

  protected override passed(): void {
    this.#session.onOriginTook();
  }

  override onFault(thrown: unknown): void {
    this.#session.onFault(thrown);
  }
}

/**
 * A WebSocket whose client has only HTTP requests: at most one of them waits for what the origin sends, and one brings what the client sends.
 * To the origin it is a WebSocket like any other.
 */
export class SockJsSession extends WheelTimer implements WebSocketRequester, ReceivingSession, ByteHolder, AtTurnEnd {
  /** The other side, once it is known. */
  origin: WebSocketResponder = NO_RESPONDER;
  readonly #room: SockJsRoom;
  readonly #onEnd: () => void;
  readonly #toOrigin: ToOrigin;
  #state: 'opening' | 'refused' | 'open' | 'lingering' | 'over' = 'opening';
  #receiver: SockJsReceiver | null = null;
  /** Messages for the client. */
  #messages: Buffer[] = [];
  #messageBytes = 0;
  /** What the total counts for them: an empty one costs something too. */
  #messageCost = 0;
  /** The pieces of a message that is not complete. */
  #partial: BodyCollector | null = null;
  /** The origin has closed, or the session has: nothing of the origin counts any more. */
  #close: string | null = null;
  /** The client has left a request that waited. */
  #clientClosed = false;
  /** Called when the origin has taken enough of what the client sent. */
  #onTook: ((ended: boolean) => void) | null = null;
  /** Why it ended before the origin was known. */
  #endedWith: ExchangeError | null = null;
  #flushing = false;
  /** The origin has had a close. */
  #closeSent = false;

  /** @param onEnd called when nothing is left of it */
  constructor(room: SockJsRoom, onEnd: () => void) {
    super();
    this.#room = room;
    this.#onEnd = onEnd;
    this.#toOrigin = new ToOrigin(this, room);
  }

  /** Opens the WebSocket. `receiver` gets the outcome. */
  open(request: RequestHead, receiver: SockJsReceiver, open: WebSocketService): void {
    this.#receiver = receiver;
    receiver.session = this;
    const origin = open(request, this);
    if (this.#endedWith !== null) origin.onRequestError(this.#endedWith);
    else if (this.#state !== 'over' && this.origin === NO_RESPONDER) this.origin = origin;
  }

  // ---- from the client

  /** A request waits for frames. */
  receive(receiver: SockJsReceiver): void {
    if (this.#state === 'lingering') receiver.send(this.#close as string, true);
    else if (this.#receiver !== null) receiver.send(closeFrame(2010, 'Another connection still open'), true);
    else if (this.#clientClosed) receiver.send(closeFrame(3000, 'Client already closed connection'), true);
    else {
      this.#receiver = receiver;
      receiver.session = this;
      this.#room.wheel.schedule(this, HEARTBEAT_INTERVAL);
      receiver.begin();
      this.#flush();
      receiver.wait();
    }
  }

  /** Whether nothing more can be sent to the origin. */
  get closed(): boolean {
    return this.#state === 'lingering' || this.#close !== null || this.#clientClosed;
  }

  /** Whether messages that a request brought have to be taken first. The request may be gone. */
  get sending(): boolean {
    return this.#onTook !== null || this.#toOrigin.cost > SOCKJS_BUFFER;
  }

  /**
   * The client sends messages.
   * @param onTook called when as much has been taken that more may come; with true if the session has ended
   */
  send(messages: readonly Buffer[], onTook: (ended: boolean) => void): void {
    this.#onTook = onTook;
    this.#toOrigin.addAll(messages);
    this.onOriginTook();
  }

  /** The request that sent messages is gone. The messages stay. */
  forgetSender(): void {
    this.#onTook = null;
  }

  onOriginTook(): void {
    const onTook = this.#onTook;
    if (onTook === null || this.#toOrigin.cost > SOCKJS_BUFFER) return;
    this.#onTook = null;
    onTook(false);
  }

  /** Sends the origin a close, once. */
  closeOrigin(code: number, reason: string): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.origin.onRequestClose(code, reason);
  }

  onTaken(receiver: SockJsReceiver): void {
    if (receiver !== this.#receiver) return;
    const { owed, cost } = receiver;
    receiver.owed = 0;
    receiver.cost = 0;
    if (receiver.done) {
      receiver.session = null;
      this.#receiver = null;
      if (this.#state === 'refused') {
        this.#end();
        return;
      }
      if (this.#state === 'open') this.#room.wheel.schedule(this, UNCONNECTED);
    } else if (this.#state === 'open') {
      this.#room.wheel.schedule(this, HEARTBEAT_INTERVAL);
    }
    if (cost > 0) this.#room.held.release(this, cost);
    if (owed > 0) this.origin.onResponseCredit(owed);
    if (this.#messages.length > 0 || this.#close !== null) this.#flushSoon();
  }

  onReceiverLeft(receiver: SockJsReceiver, error: ExchangeError): void {
    if (receiver !== this.#receiver) return;
    this.#receiver = null;
    // What it carried is lost: the client cannot go on.
    if (this.#state !== 'open' || receiver.owed > 0) {
      this.#abandon(error);
      return;
    }
    // A browser that leaves a waiting request has closed.
    this.#clientClosed = true;
    this.#room.wheel.schedule(this, UNCONNECTED);
    if (this.#close === null) this.#toOrigin.close(NO_STATUS, '');
    else this.#linger();
  }

  override onTimer(): void {
    if (this.#state === 'lingering') {
      this.#end();
    } else if (this.#receiver !== null) {
      this.#room.wheel.schedule(this, HEARTBEAT_INTERVAL);
      if (this.#receiver.free) this.#receiver.send(HEARTBEAT_FRAME);
    } else {
      this.#abandon(new ExchangeError('HF_CLIENT_GONE', 'no request of the SockJS session came in time'));
    }
  }

  // ---- from the origin (WebSocketRequester)

  onResponse(head: ResponseHead): void {
    if (this.#state !== 'opening') return;
    const receiver = this.#receiver as SockJsReceiver;
    if (head.status !== 101) {
      this.#state = 'refused';
      receiver.refuse(head);
      return;
    }
    this.#state = 'open';
    this.#room.wheel.schedule(this, HEARTBEAT_INTERVAL);
    receiver.send(OPEN_FRAME);
    receiver.wait();
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#state !== 'refused') return;
    if (!more) this.origin = NO_RESPONDER;
    this.#receiver?.relay(chunk, more);
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseMessage(chunk: Buffer, _text: boolean, more: boolean): void {
    if (this.#state !== 'open' || this.#close !== null) return;
    if (!more && this.#partial === null) {
      this.#add(Buffer.from(chunk));
      return;
    }
    this.#partial ??= new BodyCollector(SOCKJS_BUFFER);
    // Its buffer grows, and a message of one piece would be kept with the buffer that it came in.
    if (!this.#partial.addCopy(chunk) || (more && this.#partial.length === SOCKJS_BUFFER)) {
      this.#partial = null;
      this.#room.counters.sockJsSessionsFailed++;
      this.#toOrigin.close(TOO_BIG, 'Message too large');
      this.#closeWith(TOO_BIG, 'Message too large');
    } else if (!more) {
      const { body } = this.#partial;
      this.#partial = null;
      this.#add(body);
    }
  }

  onResponseShared({ body }: MessagePayload): void {
    if (this.#state === 'open' && this.#close === null) this.#add(body);
  }

  onResponseJoined({ messages }: JoinedMessages): void {
    for (const message of messages) this.onResponseShared(message);
  }

  onResponsePing(data: Buffer): void {
    if (this.#state !== 'open') return;
    if (this.#toOrigin.spend(data.length)) this.origin.onRequestPong(data);
    this.origin.onResponseCredit(data.length);
  }

  onResponsePong(data: Buffer): void {
    if (this.#state === 'open') this.origin.onResponseCredit(data.length);
  }

  onResponseClose(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#toOrigin.end();
    this.closeOrigin(code, reason);
    this.origin = NO_RESPONDER;
    this.#closeWith(code, reason);
    if (this.#clientClosed) this.#linger();
  }

  onResponseError(error: ExchangeError): void {
    if (this.#state === 'over' || this.#state === 'lingering') return;
    this.origin = NO_RESPONDER;
    // It has been told already: the rest is for the client.
    if (this.#close !== null) return;
    const receiver = this.#receiver;
    this.#end();
    receiver?.fail(error);
  }

  onRequestCredit(bytes: number): void {
    this.#toOrigin.credit(bytes);
  }

  pauseRequest(paused: boolean): void {
    this.#toOrigin.pause(paused);
  }

  handOver(responder: WebSocketResponder): void {
    if (this.#state === 'over') return;
    this.origin = responder;
    this.#toOrigin.pause(false);
  }

  // ---- the end

  /** The process stops. */
  drain(): void {
    const error = new ExchangeError('HF_DRAINING');
    if (this.#state !== 'open') {
      this.#abandon(error);
      return;
    }
    const { origin } = this;
    this.#toOrigin.end();
    this.origin = NO_RESPONDER;
    origin.onRequestError(error);
    this.#closeWith(1001, 'Going away');
  }

  onHeldTooMuch(): void {
    this.#room.counters.sockJsSessionsFailed++;
    this.#abandon(new ExchangeError('HF_CLIENT_STALLED', 'held the most when too much was held for SockJS clients'));
  }

  override onFault(thrown: unknown): void {
    this.#abandon(reportFault(this.#room, thrown));
  }

  onTurnEnd(): void {
    this.#flushing = false;
    this.#flush();
  }

  #add(message: Buffer): void {
    this.#messages.push(message);
    this.#messageBytes += message.length;
    this.#messageCost += Math.max(LEAST_COST, message.length);
    this.#room.held.hold(this, message.length);
    if (this.#messages.length > MAX_MESSAGES) {
      this.#room.counters.sockJsSessionsFailed++;
      this.#abandon(new ExchangeError('HF_CLIENT_STALLED', `${MAX_MESSAGES} messages waited for a SockJS client`));
    } else {
      this.#flushSoon();
    }
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#room.turn.add(this);
  }

  /** Sends what waits, if the client takes it. */
  #flush(): void {
    const receiver = this.#receiver;
    if (this.#state !== 'open' || receiver === null || !receiver.free) return;
    if (this.#messages.length > 0) {
      const messages = this.#messages;
      receiver.owed += this.#messageBytes;
      receiver.cost += this.#messageCost;
      this.#messages = [];
      this.#messageBytes = 0;
      this.#messageCost = 0;
      this.#room.wheel.schedule(this, HEARTBEAT_INTERVAL);
      receiver.send(messagesFrame(messages));
    } else if (this.#close !== null) {
      this.#linger();
      receiver.send(this.#close, true);
    }
  }

  #closeWith(code: number, reason: string): void {
    if (this.#close !== null) return;
    this.#close = closeFrame(code, reason);
    this.#partial = null;
    this.#endSender();
    this.#flushSoon();
  }

  /** Stays a while, so that a client that asks again learns that it is closed. */
  #linger(): void {
    this.#state = 'lingering';
    this.#close ??= closeFrame(NO_STATUS, '');
    this.#room.held.releaseAll(this);
    this.#messages = [];
    this.#endSender();
    this.#room.wheel.schedule(this, UNCONNECTED);
  }

  /** Ends it in both directions. */
  #abandon(error: ExchangeError): void {
    if (this.#state === 'over') return;
    const receiver = this.#receiver;
    if (this.origin === NO_RESPONDER && this.#state === 'opening') this.#endedWith = error;
    this.#end(error);
    receiver?.fail(error);
  }

  #endSender(): void {
    const onTook = this.#onTook;
    this.#onTook = null;
    onTook?.(true);
  }

  #end(error = new ExchangeError('HF_CLIENT_GONE')): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    const { origin } = this;
    this.origin = NO_RESPONDER;
    this.#receiver = null;
    this.#messages = [];
    this.#partial = null;
    this.#toOrigin.end();
    this.#toOrigin.end();
    this.#room.held.releaseAll(this);
    this.#room.wheel.cancel(this);
    this.#endSender();
    this.#onEnd();
    // It may still be on its way to close.
    origin.onRequestError(error);
  }
}
