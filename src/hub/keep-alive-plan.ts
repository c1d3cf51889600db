import type { KeepAlive } from '../codec/grip/index.ts';
import { Payload } from '../exchange/index.ts';

/** What a held stream sends when nothing else does, shared by all streams for which it is the same. */
export interface KeepAlivePlan {
  /** Counts as no item. */
  readonly payload: Payload;
  /** Milliseconds. */
  readonly timeout: number;
  /** Whether it is sent however busy the stream is. */
  readonly interval: boolean;
}

/** How far before its time a keep-alive may be sent, milliseconds. */
const JITTER = 1_000;

/** Two keep-alives of one stream are never closer than this, milliseconds. */
const SHORTEST = 100;

/** Plans remembered; an origin that invents a new keep-alive for each response pushes the others out, at no other harm. */
const PLANS_MAX = 32;

/** Silence after which a keep-alive is due at the earliest, milliseconds. */
export function keepAliveEarliest(timeout: number): number {
  return Math.max(SHORTEST, timeout - JITTER);
}

/** Milliseconds until a keep-alive: up to 1 s before its time by chance, so that streams which began together drift apart. */
export function keepAliveDelay(timeout: number): number {
  return Math.max(SHORTEST, timeout - Math.random() * JITTER);
}

/** What the origin asked for. */
export function keepAliveOf(plan: KeepAlivePlan | null): KeepAlive | null {
  if (plan === null) return null;
  return { content: plan.payload.body, timeout: plan.timeout / 1_000, mode: plan.interval ? 'interval' : 'idle' };
}

/** Lets streams with equal keep-alives share the bytes and their encodings. */
export class KeepAlivePlans {
  readonly #plans = new Map<string, KeepAlivePlan>();

  /** The plan for what the origin asked; null where nothing would be sent. */
  share(keepAlive: KeepAlive | null): KeepAlivePlan | null {
    if (keepAlive === null || keepAlive.content.length === 0) return null;
    const { content, timeout, mode } = keepAlive;
    const key = `${mode} ${timeout} ${content.toString('latin1')}`;
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      if (this.#plans.size >= PLANS_MAX) this.#plans.clear();
      plan = { payload: new Payload(content, 0), timeout: timeout * 1_000, interval: mode === 'interval' };
      this.#plans.set(key, plan);
    }
    return plan;
  }
}
