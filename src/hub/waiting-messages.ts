import type { MessageContent } from '../codec/grip/index.ts';
import type { MessagePayload } from '../exchange/index.ts';
import type { PublishedMessage } from './published-message.ts';

/**
 * Who a message is from: the origin; a timer that the origin set; the proxy, in reply to what the client sent; a publisher; or the hub itself.
 */
export type Sender = 'origin' | 'timer' | 'reply' | 'publisher' | 'hub';

/** A message, a piece of one, a ping or a pong that waits for a client. */
export interface WaitingMessage {
  readonly kind: 'message' | 'ping' | 'pong';
  chunk: Buffer;
  readonly text: boolean;
  /** Whether further pieces of the message follow. */
  readonly more: boolean;
  readonly from: Sender;
  /** What the hub's total counts of it; null for what a window of credits bounds. */
  readonly item: MessagePayload | null;
  /** What it is of the items that are in the log; null for any other. */
  kept: PublishedMessage | null;
  /** Bytes that the client may send again once it has passed, if it is a reply. */
  credit: number;
  /** Bytes of `chunk` that have passed. */
  passed: number;
  next: WaitingMessage | null;
}

/** A queue of them: a list, since it may be long, and is usually empty. */
export class WaitingMessages {
  first: WaitingMessage | null = null;
  length = 0;
  /** Bytes that wait. */
  bytes = 0;
  /** How many of them have no bytes. */
  empty = 0;
  #last: WaitingMessage | null = null;

  add(message: WaitingMessage): void {
    if (this.#last === null) this.first = message;
    else this.#last.next = message;
    this.#last = message;
    this.length++;
    this.bytes += message.chunk.length;
    if (message.chunk.length === 0) this.empty++;
  }

  /** Gives a waiting message other bytes. */
  replace(message: WaitingMessage, chunk: Buffer): void {
    this.bytes += chunk.length - message.chunk.length;
    this.empty += Number(chunk.length === 0) - Number(message.chunk.length === 0);
    message.chunk = chunk;
  }

  /** Removes those that are in the log and of which nothing has passed. Returns them in their order. */
  removeKept(): readonly WaitingMessage[] {
    const all: WaitingMessage[] = [];
    for (let each = this.first; each !== null; each = each.next) all.push(each);
    const isKept = ({ kept, passed }: WaitingMessage): boolean => kept !== null && passed === 0;
    this.first = null;
    this.#last = null;
    [this.length, this.bytes, this.empty] = [0, 0, 0];
    for (const each of all) {
      each.next = null;
      if (!isKept(each)) this.add(each);
    }
    return all.filter(isKept);
  }

  /** Removes the first one. */
  shift(): void {
    const first = this.first;
    if (first === null) return;
    this.first = first.next;
    if (this.first === null) this.#last = null;
    this.length--;
    this.bytes -= first.chunk.length;
    if (first.chunk.length === 0) this.empty--;
  }
}

/** A whole message, ping or pong. */
export function whole(
  type: MessageContent['type'],
  content: Buffer,
  from: Sender,
  item: MessagePayload | null,
): WaitingMessage {
  const kind = type === 'ping' || type === 'pong' ? type : 'message';
  return waiting(kind, content, type === 'text', false, from, item);
}

/** A message, or a piece of one. */
export function waiting(
  kind: WaitingMessage['kind'],
  chunk: Buffer,
  text: boolean,
  more: boolean,
  from: Sender,
  item: MessagePayload | null = null,
): WaitingMessage {
  return { kind, chunk, text, more, from, item, kept: null, credit: 0, passed: 0, next: null };
}
