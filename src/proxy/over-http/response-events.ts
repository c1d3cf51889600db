import { type AwaitsTurn, turnBudget } from '../../clock/index.ts';
import { closeOf, type WebSocketEvent } from '../../codec/grip/index.ts';
import { ExchangeError, type WebSocketRequester } from '../../exchange/index.ts';

/** Bytes up to which a message goes on in one piece, and so in one frame. */
const PIECE = 16_384;

/** Who is told what comes besides messages. */
export interface ResponseEventsOwner {
  /** The origin closes; its close has gone to the client. */
  onOriginClose(): void;
  /** The origin drops the client. */
  onOriginDisconnect(error: ExchangeError): void;
  /** Events that waited for their turn have passed. */
  onEventsPassed(): void;
  onFault(thrown: unknown): void;
}

/**
 * Passes the events of responses on to the client, as its credits allow. They share the time of the event loop's turns with all other input: a
 * response may have thousands.
 */
export class ResponseEvents implements AwaitsTurn {
  credits: number;
  readonly #requester: WebSocketRequester;
  readonly #owner: ResponseEventsOwner;
  #events: readonly WebSocketEvent[] = [];
  #next = 0;
  /** Bytes of the next event that have passed. */
  #passed = 0;
  #passing = false;
  /** Whether `onTurn` is going to be called. */
  #awaitsTurn = false;

  constructor(requester: WebSocketRequester, credits: number, owner: ResponseEventsOwner) {
    this.#requester = requester;
    this.credits = credits;
    this.#owner = owner;
  }

  /** Whether nothing waits. */
  get idle(): boolean {
    return this.#next === this.#events.length;
  }

  /** Passes these events, once those before are through. @param from the first one that counts */
  give(events: readonly WebSocketEvent[], from: number): void {
    this.#events = events;
    this.#next = from;
    this.#passed = 0;
    this.pass();
  }

  drop(): void {
    this.#events = [];
    this.#next = 0;
  }

  /** Passes what the credits and the turn allow. */
  pass(): void {
    if (this.#passing || this.#awaitsTurn || this.idle) return;
    this.#passing = true;
    try {
      let share = turnBudget.share;
      while (!this.idle && this.#passNext()) {
        if (--share > 0 || this.idle) continue;
        this.#awaitsTurn = true;
        turnBudget.wait(this);
        return;
      }
    } finally {
      this.#passing = false;
    }
    if (this.idle) this.drop();
  }

  onTurn(): void {
    this.#awaitsTurn = false;
    this.pass();
    this.#owner.onEventsPassed();
  }

  onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }

  #passNext(): boolean {
    const event = this.#events[this.#next] as WebSocketEvent;
    const { type, content } = event;
    switch (type) {
      case 'TEXT':
      case 'BINARY':
        return this.#passMessage(type === 'TEXT', content);
      case 'PING':
      case 'PONG':
        if (content.length > this.credits) return false;
        this.credits -= content.length;
        this.#next++;
        if (type === 'PING') this.#requester.onResponsePing(content);
        else this.#requester.onResponsePong(content);
        return true;
      case 'CLOSE': {
        const { code, reason } = closeOf(event);
        // What comes after it is ignored.
        this.drop();
        this.#requester.onResponseClose(code, reason);
        this.#owner.onOriginClose();
        return false;
      }
      default: {
        const detail = type === 'OPEN' ? 'the origin opens the WebSocket again' : 'the origin disconnects';
        this.drop();
        this.#owner.onOriginDisconnect(
          new ExchangeError(type === 'OPEN' ? 'HF_GRIP_INVALID' : 'HF_ORIGIN_CLOSED', detail),
        );
        return false;
      }
    }
  }

  #passMessage(text: boolean, content: Buffer): boolean {
    const left = content.length - this.#passed;
    const length = Math.min(left, this.credits, PIECE);
    if (length === 0 && left > 0) return false;
    const start = this.#passed;
    const whole = length === left;
    this.credits -= length;
    this.#passed += length;
    if (whole) {
      this.#passed = 0;
      this.#next++;
    }
    this.#requester.onResponseMessage(content.subarray(start, start + length), text, !whole);
    return true;
  }
}
