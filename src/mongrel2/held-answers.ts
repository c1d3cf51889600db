import { type ByteHolder, HeldTotal, LEAST_COST } from '../exchange/index.ts';
import type { AnswerBody } from './answer-body.ts';

/** What waits for one client, in order. */
interface Queue {
  readonly bodies: AnswerBody[];
  /** Length of all of them. */
  bytes: number;
}

/**
 * Counts the answers that wait for clients which do not take them. One that waits for many is in memory once, and counts once in the total, with the
 * least cost for each further client. Those that end beyond the bound are the ones for which the most waits.
 */
export class HeldAnswers extends HeldTotal {
  readonly #queues = new Map<ByteHolder, Queue>();

  /**
   * `body` waits for `holder`, after what does already.
   * @param waiting bytes that wait for it now: what it has taken since the last call counts no more
   * @returns what it holds, each answer charged with at least `LEAST_COST`, without what it has taken of the first one
   */
  holdAnswer(holder: ByteHolder, body: AnswerBody, waiting: number): number {
    let queue = this.#queues.get(holder);
    if (queue === undefined) {
      queue = { bodies: [], bytes: 0 };
      this.#queues.set(holder, queue);
    }
    queue.bodies.push(body);
    queue.bytes += body.length;
    const held = this.hold(holder, body.length);
    if (body.waiters++ > 0) this.bytes -= extraCost(body);
    const released = this.#settle(holder, queue, queue.bytes - waiting);
    return held - released - (queue.bytes - waiting);
  }

  /** Releases the first answers, of so many bytes at most. Returns what they were charged with. */
  #settle(holder: ByteHolder, queue: Queue, taken: number): number {
    let left = taken;
    let count = 0;
    let released = 0;
    for (const body of queue.bodies) {
      if (body.length > left) break;
      left -= body.length;
      queue.bytes -= body.length;
      released += LEAST_COST + extraCost(body);
      this.release(holder, body.length);
      this.#leave(body);
      count++;
    }
    if (count > 0) queue.bodies.splice(0, count);
    return released;
  }

  /** Nothing waits for `holder` any more. */
  override releaseAll(holder: ByteHolder): void {
    super.releaseAll(holder);
    const queue = this.#queues.get(holder);
    if (queue === undefined) return;
    this.#queues.delete(holder);
    for (const body of queue.bodies) this.#leave(body);
  }

  /** One client less has to take it: what was taken off the total for that one belongs to the others now. */
  #leave(body: AnswerBody): void {
    if (--body.waiters > 0) this.bytes += extraCost(body);
  }
}

/** What an answer costs beyond the least. */
function extraCost({ length }: AnswerBody): number {
  return Math.max(0, length - LEAST_COST);
}
