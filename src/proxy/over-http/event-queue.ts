import type { EventType, WebSocketEvent } from '../../codec/grip/index.ts';
import { LEAST_COST } from '../../exchange/index.ts';

/**
 * Content bytes of one request, and of the client's messages that may wait for one; Pushpin's figure.
 * @bound websocket-events-buffer
 */
export const BUFFER = 200_000;

/**
 * Events that may wait: beyond them the client is not read.
 * @bound websocket-events-waiting
 */
export const MAX_WAITING_EVENTS = 1_024;

const EMPTY = Buffer.alloc(0);

interface QueuedEvent extends WebSocketEvent {
  content: Buffer;
  /** What it is charged until it has left, also where a part has been accepted: the bytes are kept whole. */
  readonly cost: number;
}

/**
 * What a client has sent and its origin has not accepted, oldest first. An origin may accept a part of what it was offered: the rest is
 * offered again.
 */
export class EventQueue {
  readonly #events: QueuedEvent[] = [];
  /** How many events at the beginning are in the last request. */
  #offered = 0;
  /** Bytes at the beginning of the first events that were offered and not accepted. */
  replayed = 0;
  /** How many events at the beginning were in a request. */
  #old = 0;
  /** What all events are charged. */
  cost = 0;
  /** Whether the last request had all that fits in one. */
  full = false;
  /** An event was added since the last request. */
  #grown = false;
  /** The origin has accepted nothing of the last request. */
  #stalled = false;

  get length(): number {
    return this.#events.length;
  }

  /**
   * Whether an event waits that has not been in any request, and a request is due for it. Where the origin has accepted nothing, the next
   * request would have the same events unless one was added: to make it at once would be a loop.
   */
  get hasNew(): boolean {
    return this.#events.length > this.#old && (this.#grown || !this.#stalled);
  }

  /** Whether the last request has an event of this type. */
  offers(type: EventType): boolean {
    for (let i = 0; i < this.#offered; i++) {
      if ((this.#events[i] as QueuedEvent).type === type) return true;
    }
    return false;
  }

  add(type: EventType, content: Buffer = EMPTY): void {
    const cost = Math.max(LEAST_COST, content.length);
    this.#events.push({ type, content, cost });
    this.cost += cost;
    this.#grown = true;
  }

  /**
   * Takes the events for the next request: as many as fit, or one.
   * @returns they stay in the queue
   */
  offer(one: boolean): readonly WebSocketEvent[] {
    const events = this.#events;
    let bytes = 0;
    let count = 0;
    while (count < events.length && !(one && count === 1)) {
      bytes += (events[count] as QueuedEvent).content.length;
      if (count > 0 && bytes > BUFFER) break;
      count++;
    }
    this.full = bytes >= BUFFER || (!one && count < events.length);
    this.#grown = false;
    this.#offered = count;
    this.#old = Math.max(this.#old, count);
    return events.slice(0, count);
  }

  /** Content bytes of the last request. */
  get offeredBytes(): number {
    let bytes = 0;
    for (let i = 0; i < this.#offered; i++) bytes += (this.#events[i] as QueuedEvent).content.length;
    return bytes;
  }

  /**
   * The origin has accepted the first content bytes of the last request; null: all of it. Type lines do not count.
   * @returns bytes of messages, pings and pongs that have left the queue
   */
  accept(bytes: number | null): number {
    const events = this.#events;
    const total = this.offeredBytes;
    let freed = 0;
    let removed = 0;
    this.#stalled = bytes === 0 && total > 0;
    if (bytes === null || bytes === total) {
      removed = this.#offered;
      for (let i = 0; i < removed; i++) freed += creditOf(events[i] as QueuedEvent);
      this.replayed = 0;
    } else {
      let left = bytes;
      while (left > 0) {
        const event = events[removed] as QueuedEvent;
        const { length } = event.content;
        if (length > left) {
          // The rest becomes an event of the same type.
          event.content = event.content.subarray(left);
          freed += isClose(event) ? 0 : left;
          break;
        }
        left -= length;
        freed += creditOf(event);
        removed++;
      }
      this.replayed = total - bytes;
    }
    for (let i = 0; i < removed; i++) this.cost -= (events[i] as QueuedEvent).cost;
    events.splice(0, removed);
    this.#old -= removed;
    this.#offered = 0;
    return freed;
  }
}

/** Bytes of credit that the client spent on an event: a close costs none. */
function creditOf(event: QueuedEvent): number {
  return isClose(event) ? 0 : event.content.length;
}

function isClose({ type }: QueuedEvent): boolean {
  return type === 'CLOSE';
}
