import type { InstructResponse } from '../codec/grip/index.ts';
import { type Requester, UNKNOWN_LENGTH } from '../exchange/index.ts';
import { Held } from './held.ts';
import type { HubRoom } from './hub-room.ts';
import { type KeepAlivePlan, keepAliveDelay, keepAliveEarliest } from './keep-alive-plan.ts';
import { type Step, StreamClose } from './step.ts';
import type { StreamRun } from './stream-run.ts';

/** A client whose response body continues with the items of its channels, until a `close`. */
export class StreamHold extends Held {
  override readonly format = 'http-stream';
  readonly #keepAlive: KeepAlivePlan | null;

  constructor(room: HubRoom, id: string, requester: Requester, credits: number, keepAlive: KeepAlivePlan | null) {
    super(room, id, requester, credits);
    this.#keepAlive = keepAlive;
  }

  /** Sends head and initial body; null where the client has them already. */
  start(response: InstructResponse | null): void {
    if (response !== null) {
      const { status, reason, headers, body } = response;
      this.sendHead({ status, reason, headers, bodyLength: UNKNOWN_LENGTH });
      if (body.length > 0 && !this.over) this.send(body);
    }
    if (this.#keepAlive === null || this.over) return;
    this.room.wheel.schedule(this, keepAliveDelay(this.#keepAlive.timeout));
  }

  override beginJoin(): void {
    super.beginJoin();
    this.holdBack();
  }

  override endJoin(): void {
    super.endJoin();
    this.letPass();
  }

  /** Passes a run's items: the joined payload if the credits cover it. This is the inner loop of every fan-out. */
  override receive(step: Step, now: number): number {
    if (step instanceof StreamClose) {
      this.close();
      return 1;
    }
    const { joined } = step as StreamRun;
    const { length } = joined.body;
    // There are no credits while something waits, so this keeps the order too.
    if (length <= this.credits) {
      this.credits -= length;
      this.lastSent = now;
      this.room.counters.itemsDelivered += joined.items;
      this.requester.onResponsePayload(joined);
      return 1 + (length >>> 14);
    }
    const { singles } = step as StreamRun;
    for (const item of singles) {
      if (this.over) break;
      this.sendOrDrop(item);
    }
    return singles.length + (length >>> 14);
  }

  /** Ends the response after what waits. */
  close(): void {
    this.leave();
    this.finish();
  }

  override drain(): void {
    this.close();
  }

  /** A stream recovers through a next link, and has none: the items that follow still reach it. */
  override recover(): void {}

  override onTimer(): void {
    const plan = this.#keepAlive as KeepAlivePlan;
    const { wheel } = this.room;
    const silence = wheel.now - this.lastSent;
    if (!plan.interval && silence < keepAliveEarliest(plan.timeout)) {
      // Items passed since the timer was set. They only noted the time, because moving the timer for each would cost more.
      wheel.schedule(this, Math.max(0, keepAliveDelay(plan.timeout) - silence));
      return;
    }
    wheel.schedule(this, keepAliveDelay(plan.timeout));
    // A client that does not take what it has already is not helped by more.
    if (plan.payload.body.length > this.credits) return;
    this.spend(plan.payload.body.length);
    this.requester.onResponsePayload(plan.payload);
  }
}
