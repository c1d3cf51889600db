import { encodeMessages, type Part, wireBytes } from '../codec/zmtp/index.ts';

/** Messages that wait for a peer, in their order. */
export class SendQueue {
  #messages: (readonly Part[])[] = [];
  #head = 0;

  get length(): number {
    return this.#messages.length - this.#head;
  }

  push(parts: readonly Part[]): void {
    this.#messages.push(parts);
  }

  /** Takes messages of up to `bytes` on the wire, but at least one, and gives their wire form. */
  take(bytes: number): Buffer[] {
    const messages = this.#messages;
    const start = this.#head;
    let end = start;
    let total = 0;
    while (end < messages.length) {
      total += wireBytes(messages[end] as readonly Part[]);
      if (total > bytes && end > start) break;
      end++;
    }
    const buffers = encodeMessages(messages, start, end);
    if (end === messages.length) {
      this.clear();
    } else {
      // What has left must not be held on to; moving the rest each time would cost more than now and then.
      messages.fill(SENT, start, end);
      this.#head = end;
      if (end > messages.length / 2) {
        this.#messages = messages.slice(end);
        this.#head = 0;
      }
    }
    return buffers;
  }

  clear(): void {
    this.#messages = [];
    this.#head = 0;
  }
}

const SENT: readonly Part[] = [];
