import { type AtTurnEnd, type TurnQueue, WheelTimer } from '../clock/index.ts';
import {
  BodyCollector,
  type ByteHolder,
  ExchangeError,
  type JoinedMessages,
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
import { HEARTBEAT_FRAME, messagesFrame, OPEN_FRAME, readMessages, SOCKJS_BUFFER } from './sockjs-frames.ts';
import type { SockJsRoom } from './sockjs-room.ts';
import { HEARTBEAT_INTERVAL } from './sockjs-session.ts';
import { TextQueue } from './text-queue.ts';

/**
 * Bytes of one message of a client, which holds a list of messages in JSON (Pushpin).
 * @bound sockjs-framed-message
 */
const MAX_FRAMED = 400_000;

/**
 * What may wait in one direction, each message costing at least 256 bytes: empty ones cost no credit.
 * @bound sockjs-framed-cost
 */
const MAX_COST = 4_194_304;

/** One direction of a `FramedWebSocket`. */
class Direction extends TextQueue {
  readonly #owner: FramedWebSocket;
  readonly #toOrigin: boolean;

  constructor(owner: FramedWebSocket, turn: TurnQueue, toOrigin: boolean) {
    super(turn);
    this.#owner = owner;
    this.#toOrigin = toOrigin;
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    const { origin, client } = this.#owner;
    if (this.#toOrigin) origin.onRequestMessage(chunk, true, more);
    else client.onResponseMessage(chunk, true, more);
  }

  protected override passClose(code: number, reason: string): void {
    const { origin, client } = this.#owner;
    if (this.#toOrigin) origin.onRequestClose(code, reason);
    else client.onResponseClose(code, reason);
  }

  protected override passed(owed: number): void {
    const { origin, client } = this.#owner;
    if (!this.#toOrigin) origin.onResponseCredit(owed);
    else if (owed > 0) client.onRequestCredit(owed);
  }

  protected override charged(cost: number): void {
    this.#owner.onCharged(cost, this.cost > MAX_COST);
  }

  override onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }
}

/** A client's WebSocket that carries SockJS frames, and the plain one of its origin. */
export class FramedWebSocket
  extends WheelTimer
  implements WebSocketRequester, WebSocketResponder, ByteHolder, AtTurnEnd
{
  readonly client: WebSocketRequester;
  origin: WebSocketResponder = NO_RESPONDER;
  readonly #room: SockJsRoom;
  readonly #toClient: Direction;
  readonly #toOrigin: Direction;
  #open = false;
  #over = false;
  /** It ends at the end of this turn. */
  #tooMuch = false;
  #clientClosed = false;
  #originClosed = false;
  /** Pieces of messages that are not complete. */
  #fromClient: BodyCollector | null = null;
  #fromOrigin: BodyCollector | null = null;
  /** Why it ended before the origin was known. */
  #endedWith: ExchangeError | null = null;

  constructor(room: SockJsRoom, client: WebSocketRequester, credits: number) {
    super();
    this.#room = room;
    this.client = client;
    this.#toClient = new Direction(this, room.turn, false);
    this.#toOrigin = new Direction(this, room.turn, true);
    this.#toClient.credit(credits);
  }

  start(request: RequestHead, open: WebSocketService): void {
    const origin = open({ ...request, credits: SOCKJS_BUFFER }, this);
    if (this.#endedWith !== null) origin.onRequestError(this.#endedWith);
    else if (!this.#over && this.origin === NO_RESPONDER) this.origin = origin;
  }

  // ---- from the client

  onRequestData(): void {}

  onRequestMessage(chunk: Buffer, _text: boolean, more: boolean): void {
    if (this.#over || this.#clientClosed) return;
    this.#fromClient ??= new BodyCollector(MAX_FRAMED);
    if (!this.#fromClient.addCopy(chunk) || (more && this.#fromClient.length === MAX_FRAMED)) {
      this.#fail('a SockJS frame of the client is too large');
      return;
    }
    if (more) return;
    const frame = this.#fromClient.body;
    this.#fromClient = null;
    const messages = readMessages(frame);
    if (messages === null || messages.some(({ length }) => length > SOCKJS_BUFFER)) {
      this.#fail('the client sent something else than a list of messages');
      return;
    }
    if (messages.length === 0) this.client.onRequestCredit(frame.length);
    // The client may send as much again when the last one has gone.
    else this.#toOrigin.addAll(messages, frame.length);
  }

  onRequestPing(data: Buffer): void {
    if (this.#over) return;
    this.client.onRequestCredit(data.length);
    if (this.#toClient.spend(data.length)) this.client.onResponsePong(data);
  }

  onRequestPong(data: Buffer): void {
    if (!this.#over) this.client.onRequestCredit(data.length);
  }

  onRequestClose(code: number, reason: string): void {
    if (this.#over) return;
    this.#clientClosed = true;
    if (this.#originClosed) this.#end();
    this.#toOrigin.close(code, reason);
  }

  onRequestError(error: ExchangeError): void {
    if (this.#over) return;
    const { origin } = this;
    if (origin === NO_RESPONDER) this.#endedWith = error;
    this.#end();
    origin.onRequestError(error);
  }

  onResponseCredit(bytes: number): void {
    if (this.#open) this.#toClient.credit(bytes);
    else this.origin.onResponseCredit(bytes);
  }

  // ---- from the origin

  onResponse(head: ResponseHead): void {
    if (this.#over) return;
    this.#open = head.status === 101;
    this.client.onResponse(head);
    if (!this.#open) return;
    this.#room.wheel.schedule(this, HEARTBEAT_INTERVAL);
    this.#toClient.add(Buffer.from(OPEN_FRAME), 0);
    this.client.onRequestCredit(MAX_FRAMED);
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#over) return;
    if (!more) this.#end();
    this.client.onResponseData(chunk, more);
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  get keepsUp(): boolean {
    return this.client.keepsUp === true;
  }

  onResponseMessage(chunk: Buffer, _text: boolean, more: boolean): void {
    if (this.#over || this.#originClosed) return;
    this.#fromOrigin ??= new BodyCollector(SOCKJS_BUFFER);
    if (!this.#fromOrigin.addCopy(chunk) || (more && this.#fromOrigin.length === SOCKJS_BUFFER)) {
      this.#fail('a message of the origin is too large for SockJS');
    } else if (!more) {
      const { body } = this.#fromOrigin;
      this.#fromOrigin = null;
      this.#toClient.add(Buffer.from(messagesFrame([body])), body.length);
    }
  }

  onResponseShared({ body, text }: MessagePayload): void {
    this.onResponseMessage(body, text, false);
  }

  onResponseJoined({ messages }: JoinedMessages): void {
    for (const message of messages) this.onResponseShared(message);
  }

  onResponsePing(data: Buffer): void {
    if (this.#over) return;
    if (this.#toOrigin.spend(data.length)) this.origin.onRequestPong(data);
    this.origin.onResponseCredit(data.length);
  }

  onResponsePong(data: Buffer): void {
    if (!this.#over) this.origin.onResponseCredit(data.length);
  }

  onResponseClose(code: number, reason: string): void {
    if (this.#over) return;
    this.#originClosed = true;
    this.#room.wheel.cancel(this);
    this.#toClient.close(code, reason);
    if (this.#clientClosed) this.#end();
  }

  onResponseError(error: ExchangeError): void {
    if (this.#over) return;
    this.#end();
    this.client.onResponseError(error);
  }

  onRequestCredit(bytes: number): void {
    this.#toOrigin.credit(bytes);
  }

  pauseRequest(paused: boolean): void {
    this.#toOrigin.pause(paused);
    if (!this.#over) this.client.pauseRequest(paused);
  }

  handOver(responder: WebSocketResponder): void {
    if (this.#over) return;
    this.origin = responder;
    this.#toOrigin.pause(false);
  }

  // ---- by itself

  override onTimer(): void {
    this.#room.wheel.schedule(this, HEARTBEAT_INTERVAL);
    // A client that does not take what it has is not helped by more.
    if (this.#toClient.length === 0) this.#toClient.add(Buffer.from(HEARTBEAT_FRAME), 0);
  }

  /** What waits costs so much more, or less. */
  onCharged(cost: number, tooMuch: boolean): void {
    const { held } = this.#room;
    if (cost < 0) held.release(this, -cost);
    else held.hold(this, cost);
    // Not within the call that adds.
    if (tooMuch && !this.#over && !this.#tooMuch) {
      this.#tooMuch = true;
      this.#room.turn.add(this);
    }
  }

  onTurnEnd(): void {
    this.onHeldTooMuch();
  }

  onHeldTooMuch(): void {
    this.#room.counters.sockJsSessionsFailed++;
    this.#cut(new ExchangeError('HF_CLIENT_STALLED', 'too many SockJS messages wait for the client or its origin'));
  }

  override onFault(thrown: unknown): void {
    this.#cut(reportFault(this.#room, thrown));
  }

  #fail(detail: string): void {
    this.#room.counters.webSocketsFailed++;
    this.#cut(new ExchangeError('HF_WEBSOCKET_PROTOCOL', detail));
  }

  #cut(error: ExchangeError): void {
    if (this.#over) return;
    const { origin } = this;
    this.#end();
    origin.onRequestError(error);
    this.client.onResponseError(error);
  }

  #end(): void {
    this.#over = true;
    this.#fromClient = null;
    this.#fromOrigin = null;
    this.#room.wheel.cancel(this);
    if (!this.#originClosed) this.#toClient.end();
    if (!this.#clientClosed) this.#toOrigin.end();
    this.#room.held.releaseAll(this);
  }
}
