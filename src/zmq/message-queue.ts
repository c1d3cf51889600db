import { encodeMessages, type Part, wireBytes } from '../codec/zmtp/index.ts';

/** Bytes that a message which waits is charged with at least: empty ones take memory too. */
const LEAST_MESSAGE_COST = 256;
/** Bytes that a part of a received message is charged with beside its own: the object that it is. */
const PART_COST = 128;

/** Bytes that a message of so many bytes is charged with while it waits. */
function messageCost(bytes: number): number {
  return bytes > LEAST_MESSAGE_COST ? bytes : LEAST_MESSAGE_COST;
}

/** Bytes that a received message is charged with while it waits. */
export function receivedCost(parts: readonly Buffer[]): number {
  let bytes = parts.length * PART_COST;
  for (const part of parts) bytes += part.length;
  return messageCost(bytes);
}

/** Messages that wait for a peer, in their order. */
export class SendQueue {
  /** Bytes that the messages are charged with. */
  cost = 0;
  #messages: (readonly Part[])[] = [];
  #head = 0;
  /** Bytes of the messages on the wire. */
  #bytes = 0;

  get length(): number {
    return this.#messages.length - this.#head;
  }

  /** Returns the bytes that the message is charged with. */
  push(parts: readonly Part[]): number {
    const bytes = wireBytes(parts);
    const cost = messageCost(bytes);
    this.#messages.push(parts);
    this.#bytes += bytes;
    this.cost += cost;
    return cost;
  }

  /** Takes messages of up to `bytes` on the wire, but at least one, and gives their wire form. */
  take(bytes: number): Buffer[] {
    if (this.#bytes <= bytes) {
      const buffers = encodeMessages(this.#messages, this.#head, this.#messages.length);
      this.clear();
      return buffers;
    }
    return this.#takeSome(bytes);
  }

  clear(): void {
    this.#messages = [];
    this.#head = 0;
    this.#bytes = 0;
    this.cost = 0;
  }

  #takeSome(bytes: number): Buffer[] {
    const messages = this.#messages;
    const start = this.#head;
    let end = start;
    let taken = 0;
    while (end < messages.length) {
      const next = wireBytes(messages[end] as readonly Part[]);
      if (taken + next > bytes && end > start) break;
      taken += next;
      this.cost -= messageCost(next);
      end++;
    }
    this.#bytes -= taken;
    const buffers = encodeMessages(messages, start, end);
    // What has left must not be held on to; moving the rest each time would cost more than now and then.
    messages.fill(SENT, start, end);
    this.#head = end;
    if (end > messages.length / 2) {
      this.#messages = messages.slice(end);
      this.#head = 0;
    }
    return buffers;
  }
}

const SENT: readonly Part[] = [];
