import { randomUUID } from 'node:crypto';
import { retryDelay, WheelTimer } from '../../clock/index.ts';
import { fieldValue } from '../../codec/fields/index.ts';
import { decodeEvents, encodeEvents, GripError, type WebSocketEvent } from '../../codec/grip/index.ts';
import { closePayload } from '../../codec/websocket/index.ts';
import {
  BodyCollector,
  type ByteHolder,
  clientNames,
  ExchangeError,
  LEAST_COST,
  type Requester,
  type RequestHead,
  type ResponseHead,
  reportFault,
  type Suspended,
  WINDOW,
} from '../../exchange/index.ts';
import { isUnreached, type TargetWebSocketRequester, type TargetWebSocketResponder } from '../proxy-target.ts';
import { acceptedBytes, EventHeaders, keepAliveInterval, openedHeaders } from './event-headers.ts';
import { BUFFER, EventQueue, MAX_WAITING_EVENTS } from './event-queue.ts';
import { EventRequest, type EventRequestOwner } from './event-request.ts';
import type { OverHttpRoom } from './over-http-room.ts';
import type { OverHttpState } from './over-http-state.ts';
import { ResponseEvents, type ResponseEventsOwner } from './response-events.ts';

const EMPTY = Buffer.alloc(0);
const NO_FIELDS: readonly string[] = [];
const OPEN = Buffer.from('OPEN\r\n');

/** Retries of one request. */
const MAX_RETRIES = 5;

/**
 * WebSockets of one target whose clients have left and whose origin is being told. Of further ones it is not told.
 * @bound websocket-partings
 */
export const MAX_PARTINGS = 256;

/** Milliseconds that the origin has to respond to a request of a WebSocket whose client has left: nobody waits for it. */
const PARTING_TIME = 10_000;

/** Message too big (RFC 6455 §7.4.1). */
const TOO_BIG = 1009;

/** What its timer is for. */
type Waiting = 'open' | 'keep-alive' | 'retry' | 'parting' | null;

/**
 * One WebSocket whose origin is asked by requests with events, one at a time. The origin keeps no connection; what it wants to remember comes
 * back to it in the fields of each request.
 */
export class OverHttpWebSocket
  extends WheelTimer
  implements TargetWebSocketResponder, EventRequestOwner, ResponseEventsOwner, ByteHolder
{
  readonly #room: OverHttpRoom;
  /** The request for the WebSocket, whose fields are in `#headers`. */
  readonly #handshake: RequestHead;
  readonly #requester: TargetWebSocketRequester;
  readonly #headers: EventHeaders;
  readonly #queue = new EventQueue();
  readonly #response: ResponseEvents;
  /** The request under way. */
  #request: EventRequest | null = null;
  #waiting: Waiting = null;
  /** The body of the last request, for a retry. */
  #body: Buffer = EMPTY;
  #replayed = 0;
  #retries = 0;
  /** Seconds; 0 for none. */
  #keepAlive = 0;
  #refresh = false;
  /** The pieces of a message of the client that is not complete. */
  #partial: BodyCollector | null = null;
  /** What they are charged. */
  #partialCost = 0;
  #paused = false;
  #open = false;
  #clientClosed = false;
  #originClosed = false;
  /** The client has left, or has been taken over: what waits is still sent, and the responses do not count. */
  #parting = false;
  #over = false;

  constructor(
    room: OverHttpRoom,
    handshake: RequestHead,
    requester: TargetWebSocketRequester,
    headers = new EventHeaders(handshake.headers, randomUUID()),
  ) {
    super();
    this.#room = room;
    this.#handshake = { ...handshake, headers: NO_FIELDS };
    this.#requester = requester;
    this.#headers = headers;
    this.#response = new ResponseEvents(requester, handshake.credits, this);
  }

  /** Asks the origin whether it accepts the WebSocket. */
  start(): void {
    this.#post(OPEN, 0);
  }

  // ---- the move to another process

  suspend(): Suspended<OverHttpState> | null {
    const { wheel } = this.#room;
    if (!this.#open || this.#ended || this.#originClosed || this.#paused || this.#refresh) return null;
    if (this.#request !== null || this.#partial !== null || this.#queue.length > 0 || !this.#response.idle) return null;
    const left = wheel.left(this);
    wheel.cancel(this);
    return {
      state: {
        kind: 'websocket-over-http',
        handshake: this.#handshake,
        headers: this.#headers.state,
        credits: this.#response.credits,
        keepAlive: this.#keepAlive,
        left,
      },
      resume: () => {
        if (left !== null) wheel.schedule(this, left);
        this.#pump();
      },
      forget: () => this.#end(null),
    };
  }

  /** The WebSocket that another process had. */
  static moved(room: OverHttpRoom, state: OverHttpState, requester: TargetWebSocketRequester): OverHttpWebSocket {
    const { handshake, headers, credits, keepAlive, left } = state;
    const webSocket = new OverHttpWebSocket(room, handshake, requester, EventHeaders.moved(headers));
    webSocket.#open = true;
    webSocket.#response.credits = credits;
    webSocket.#keepAlive = keepAlive;
    if (left !== null) webSocket.#wait('keep-alive', left);
    return webSocket;
  }

  // ---- from the client

  /** The request of a WebSocket has no body. */
  onRequestData(): void {}

  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.#ended) return;
    const type = text ? 'TEXT' : 'BINARY';
    if (!more && this.#partial === null && chunk.length <= BUFFER) {
      this.#addCopy(type, chunk);
      return;
    }
    this.#partial ??= new BodyCollector(BUFFER);
    this.#partialCost += Math.max(LEAST_COST, chunk.length);
    this.#room.held.hold(this, chunk.length);
    // A piece may be a view of a larger buffer, which would grow with it.
    if (!this.#partial.addCopy(chunk)) {
      this.#tooBig();
    } else if (!more) {
      const { body } = this.#partial;
      this.#dropPartial();
      this.#add(type, body);
    }
  }

  onRequestPing(data: Buffer): void {
    if (!this.#ended) this.#addCopy('PING', data);
  }

  onRequestPong(data: Buffer): void {
    if (!this.#ended) this.#addCopy('PONG', data);
  }

  onRequestClose(code: number, reason: string): void {
    if (this.#ended) return;
    this.#clientClosed = true;
    this.#dropPartial();
    this.#add('CLOSE', closePayload(code, reason));
  }

  /** The client has left. The origin is told, if it has accepted the WebSocket. */
  onRequestError(error: ExchangeError): void {
    if (this.#over) return;
    if (this.#open && !(this.#clientClosed && this.#originClosed)) this.#part('DISCONNECT');
    else this.#end(error);
  }

  /** The client stays, but not for the origin, which is told that it is closed. */
  release(): void {
    if (!this.#over && !this.#parting) this.#part('CLOSE');
  }

  refresh(): void {
    if (this.#ended || !this.#open) return;
    this.#refresh = true;
    this.#pump();
  }

  onResponseCredit(bytes: number): void {
    this.#response.credits += bytes;
    if (this.#open) {
      this.#response.pass();
      this.#pump();
    } else {
      this.#request?.credit(bytes);
    }
  }

  get #ended(): boolean {
    return this.#over || this.#parting || this.#clientClosed;
  }

  /** Content that may belong to a larger buffer: that would wait with it, and be charged to nobody. */
  #addCopy(type: WebSocketEvent['type'], content: Buffer): void {
    this.#add(type, Buffer.from(content));
  }

  #add(type: WebSocketEvent['type'], content: Buffer): void {
    this.#enqueue(type, content);
    if (!this.#paused && this.#queue.length >= MAX_WAITING_EVENTS) {
      this.#paused = true;
      this.#requester.pauseRequest(true);
    }
    this.#pump();
  }

  #tooBig(): void {
    this.#dropPartial();
    this.#clientClosed = true;
    this.#room.log.info({ ...clientNames(this.#handshake) }, `a message of the client is over ${BUFFER} bytes`);
    this.#requester.onResponseClose(TOO_BIG, 'message too big');
    this.#part('DISCONNECT');
  }

  #part(type: 'CLOSE' | 'DISCONNECT'): void {
    const { counters, log, parting } = this.#room;
    if (parting.size >= MAX_PARTINGS) {
      counters.partingsDropped++;
      log.info(
        { ...clientNames(this.#handshake), max: MAX_PARTINGS },
        'too many clients leave: origin does not know the end',
      );
      this.#end(new ExchangeError('HF_CLIENT_GONE'));
      return;
    }
    parting.add(this);
    this.#parting = true;
    this.#dropPartial();
    this.#response.drop();
    this.#enqueue(type, EMPTY);
    if (this.#request !== null) this.#wait('parting', PARTING_TIME);
    this.#pump();
  }

  #enqueue(type: WebSocketEvent['type'], content: Buffer): void {
    this.#queue.add(type, content);
    this.#room.held.hold(this, content.length);
  }

  #dropPartial(): void {
    if (this.#partial === null) return;
    this.#room.held.release(this, this.#partialCost);
    this.#partial = null;
    this.#partialCost = 0;
  }

  /** Keeps the body of a request, or nothing. */
  #keepBody(body: Buffer): void {
    const { held } = this.#room;
    if (body === this.#body) return;
    if (this.#body.length > 0) held.release(this, this.#body.length);
    this.#body = body;
    if (body.length > 0) held.hold(this, body.length);
  }

  // ---- requests

  /** Makes the next request, if there is a reason for one and nothing is in its way. */
  #pump(): void {
    if (this.#over || this.#request !== null || !this.#open || this.#waiting === 'retry' || !this.#response.idle)
      return;
    const queue = this.#queue;
    if (this.#parting) {
      if (queue.length === 0) this.#end(null);
      else this.#postEvents();
    } else if (queue.hasNew || this.#refresh) {
      this.#postEvents();
    } else if (this.#originClosed) {
      // The close of the client is waited for, or has been accepted.
      if (this.#clientClosed) this.#end(null);
    } else if (this.#keepAlive > 0) {
      if (this.#waiting === null) this.#wait('keep-alive', this.#keepAlive * 1_000);
    } else if (this.#clientClosed) {
      this.#fail(new ExchangeError('HF_ORIGIN_CLOSED', 'the origin does not return the close of the client'));
    }
  }

  #postEvents(): void {
    const { replayed } = this.#queue;
    this.#post(encodeEvents(this.#queue.offer(this.#room.oneEvent)), replayed);
  }

  #post(body: Buffer, replayed: number): void {
    const { scheme, credits } = this.#handshake;
    if (this.#waiting !== null) this.#stopWaiting();
    this.#refresh = false;
    this.#keepBody(body);
    this.#replayed = replayed;
    if (this.#parting) this.#wait('parting', PARTING_TIME);
    const request = new EventRequest(this, body);
    this.#request = request;
    request.start(this.#room.service, {
      ...this.#handshake,
      method: 'POST',
      scheme: scheme === 'wss' ? 'https' : 'http',
      headers: this.#headers.next(this.#requester.signature(), replayed),
      bodyLength: body.length,
      credits: this.#open ? WINDOW : credits,
    });
  }

  #wait(what: Waiting, milliseconds: number): void {
    this.#waiting = what;
    this.#room.wheel.schedule(this, milliseconds);
  }

  #stopWaiting(): void {
    this.#waiting = null;
    this.#room.wheel.cancel(this);
  }

  override onTimer(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (this.#over) return;
    if (waiting === 'keep-alive') this.#postEvents();
    else if (waiting === 'parting') this.#fail(new ExchangeError('HF_ORIGIN_TIMEOUT'));
    else if (waiting === 'open') this.#post(OPEN, 0);
    else if (waiting !== null) this.#post(this.#body, this.#replayed);
  }

  // ---- responses

  onEvents(head: ResponseHead, body: Buffer): void {
    this.#request = null;
    this.#retries = 0;
    if (this.#over) return;
    this.#keepBody(EMPTY);
    if (this.#waiting === 'parting') this.#stopWaiting();
    try {
      if (this.#open) this.#take(head, decodeEvents(body));
      else this.#takeFirst(head, decodeEvents(body));
    } catch (error) {
      if (!(error instanceof GripError)) throw error;
      this.#fail(new ExchangeError('HF_GRIP_INVALID', error.detail));
    }
  }

  #takeFirst(head: ResponseHead, events: readonly WebSocketEvent[]): void {
    const { headers } = head;
    const interval = keepAliveInterval(headers, this.#room.leastKeepAlive) ?? 0;
    if (events.length === 0) {
      if (interval === 0) throw new GripError('the response to OPEN has neither events nor a Keep-Alive-Interval');
      this.#headers.keep(headers);
      this.#wait('open', interval * 1_000);
      return;
    }
    if (events[0]?.type !== 'OPEN') throw new GripError('the response to OPEN does not begin with OPEN');
    this.#headers.keep(headers);
    this.#keepAlive = interval;
    this.#open = true;
    this.#requester.onResponse({ status: 101, reason: '', headers: openedHeaders(headers), bodyLength: 0 });
    // One byte more than a message may have: it shows one that is too big.
    if (!this.#over) this.#requester.onRequestCredit(BUFFER + 1);
    this.#pass(events, 1);
  }

  #take({ headers }: ResponseHead, events: readonly WebSocketEvent[]): void {
    const queue = this.#queue;
    const offered = queue.offeredBytes;
    const accepted = this.#parting ? null : acceptedBytes(headers, offered);
    if (accepted !== null && accepted < offered) {
      if (queue.offers('CLOSE')) throw new GripError('the origin has not accepted all of a request with CLOSE');
      if (accepted === 0 && (queue.full || queue.length >= MAX_WAITING_EVENTS))
        throw new GripError('the origin has accepted nothing of a full request');
    }
    const { cost } = queue;
    const freed = queue.accept(accepted);
    if (queue.cost < cost) this.#room.held.release(this, cost - queue.cost);
    this.#headers.keep(headers);
    this.#keepAlive = keepAliveInterval(headers, this.#room.leastKeepAlive) ?? this.#keepAlive;
    if (this.#parting) {
      this.#pump();
      return;
    }
    // Where what waits leads to no request, only the client does.
    if (this.#paused && (queue.length < MAX_WAITING_EVENTS / 2 || !queue.hasNew)) {
      this.#paused = false;
      this.#requester.pauseRequest(false);
    }
    if (freed > 0) this.#requester.onRequestCredit(freed);
    this.#pass(events, 0);
  }

  #pass(events: readonly WebSocketEvent[], from: number): void {
    if (!this.#over && !this.#parting) this.#response.give(events, from);
    this.#pump();
  }

  onEventsPassed(): void {
    this.#pump();
  }

  onOriginClose(): void {
    this.#originClosed = true;
    this.#keepAlive = 0;
  }

  onOriginDisconnect(error: ExchangeError): void {
    this.#fail(error);
  }

  onOtherResponse(head: ResponseHead): Requester | null {
    if (!this.#open) {
      // The origin refuses the WebSocket: its response is the client's.
      this.#keepBody(EMPTY);
      this.#requester.onResponse(head);
      return this.#over ? null : this.#requester;
    }
    this.#request = null;
    const { status, headers } = head;
    const what = status === 200 ? `${status} and type ${fieldValue(headers, 'content-type') ?? 'none'}` : status;
    const detail = `the origin responded with ${what} after it had accepted the WebSocket`;
    this.#fail(new ExchangeError('HF_ORIGIN_WEBSOCKET', detail));
    return null;
  }

  onRequestFailed(error: ExchangeError, unsent: boolean): void {
    this.#request = null;
    if (this.#over) return;
    if (!this.#open || !(unsent || isUnreached(error)) || this.#retries === MAX_RETRIES) {
      this.#fail(error);
      return;
    }
    const delay = retryDelay(this.#retries++);
    const { code, detail } = error;
    this.#room.log.info(
      { ...clientNames(this.#handshake), code, detail, retryMs: Math.round(delay) },
      'events are sent again',
    );
    this.#wait('retry', delay);
  }

  // ---- the end

  /** Ends the client's WebSocket, without a close frame, or refuses it. */
  #fail(error: ExchangeError): void {
    if (this.#over) return;
    const { counters, log } = this.#room;
    if (error.face.cause === 'origin') counters.originErrors++;
    const parting = this.#parting;
    this.#end(error);
    if (!parting) this.#requester.onResponseError(error);
    else
      log.info(
        { ...clientNames(this.#handshake), code: error.code, detail: error.detail },
        'origin does not know the end',
      );
  }

  /** @param error why the request under way is not wanted any more */
  #end(error: ExchangeError | null): void {
    this.#over = true;
    this.#stopWaiting();
    this.#room.parting.delete(this);
    this.#room.held.releaseAll(this);
    this.#response.drop();
    const request = this.#request;
    this.#request = null;
    if (error !== null) request?.cancel(error);
  }

  /** Too much is kept for all WebSockets over HTTP, and this one has the most. */
  onHeldTooMuch(): void {
    this.#fail(new ExchangeError('HF_ORIGIN_TIMEOUT', 'too much waits for origins over HTTP'));
  }

  override onFault(thrown: unknown): void {
    const error = reportFault(this.#room, thrown, { ...clientNames(this.#handshake) });
    this.#fail(error);
  }
}
