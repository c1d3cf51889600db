import { encodeMessages, type Part, wireBytes } from '../codec/zmtp/index.ts';
import { LEAST_COST } from '../exchange/index.ts';

/** Bytes charged for a part of a received message on top of its length: the cost of the object. */
const PART_COST = 128;

/** Bytes charged for a waiting message of this length. */
function messageCost(bytes: number): number {
  return bytes > LEAST_COST ? bytes : LEAST_COST;
}

/** Bytes charged for a waiting received message. */
export function receivedCost(parts: readonly Buffer[]): number {
  let bytes = parts.length * PART_COST;
  for (const part of parts) bytes += part.length;
  return messageCost(bytes);
}

/** Bytes of a message that count as one piece of input: taking a large message may take as long as taking many small ones. */
const PIECE_BYTES = 4_096;

/** How many pieces of a peer's share this message counts as. */
export function piecesOf(parts: readonly Buffer[]): number {
  return 1 + Math.floor(receivedCost(parts) / PIECE_BYTES);
}

/** Messages that wait for a peer, in order. */
export class SendQueue {
  /** Bytes charged for the messages. */
  cost = 0;
  #messages: (readonly Part[])[] = [];
  #head = 0;
  /** Size of the messages on the wire in bytes. */
  #bytes = 0;

  get length(): number {
    return this.#messages.length - this.#head;
  }

  /** Returns the bytes charged for the message. */
  push(parts: readonly Part[]): number {
    const bytes = wireBytes(parts);
    const cost = messageCost(bytes);
    this.#messages.push(parts);
    this.#bytes += bytes;
    this.cost += cost;
    return cost;
  }

  /** Removes messages of up to `bytes` on the wire, but at least one, and returns their wire form. */
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
    // Release what has left. Moving the rest every time would cost more than doing it now and then.
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
