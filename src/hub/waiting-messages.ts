import type { MessagePayload } from '../exchange/index.ts';

/** A message, a piece of one, a ping or a pong that waits for a client. */
export interface WaitingMessage {
  readonly kind: 'message' | 'ping' | 'pong';
  readonly chunk: Buffer;
  readonly text: boolean;
  /** Whether further pieces of the message follow. */
  readonly more: boolean;
  /** Whether the origin sent it, which gets credit for it again. */
  readonly relayed: boolean;
  /** The published item that it is; null for others. */
  readonly item: MessagePayload | null;
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
  #last: WaitingMessage | null = null;

  add(message: WaitingMessage): void {
    if (this.#last === null) this.first = message;
    else this.#last.next = message;
    this.#last = message;
    this.length++;
    this.bytes += message.chunk.length;
  }

  /** Removes the first one. */
  shift(): void {
    const first = this.first;
    if (first === null) return;
    this.first = first.next;
    if (this.first === null) this.#last = null;
    this.length--;
    this.bytes -= first.chunk.length;
  }
}
