import { type TimerWheel, WheelTimer } from '../clock/index.ts';
import type { Replayable, ReplayPacer } from './replay-pacer.ts';

/**
 * Requests of filters to one URI in a second (GRIP §6). Further ones wait, one for each client at most.
 * @bound filter-calls
 */
export const MAX_CALLS = 100;

const SECOND = 1_000;

/** A request that counts towards the rate of its URI. */
export interface RatedCall extends Replayable {
  readonly uri: string;
}

interface RatedUri {
  begun: number;
  readonly waiting: Set<RatedCall>;
}

/** Lets the requests of filters begin: no more than `MAX_CALLS` a second to one URI, and then as many at one target as the pacer allows. */
export class CallRate extends WheelTimer {
  readonly #wheel: TimerWheel;
  readonly #pacer: ReplayPacer;
  readonly #report: (thrown: unknown) => void;
  /** Those to which requests went in this second, or wait. */
  readonly #uris = new Map<string, RatedUri>();

  /** @param onFault handles an exception of this object itself */
  constructor(wheel: TimerWheel, pacer: ReplayPacer, onFault: (thrown: unknown) => void) {
    super();
    this.#wheel = wheel;
    this.#pacer = pacer;
    this.#report = onFault;
  }

  /** URIs that are counted now. */
  get size(): number {
    return this.#uris.size;
  }

  /** Lets `call` begin when its turn comes: within this call, if nothing is in its way. */
  add(call: RatedCall): void {
    let uri = this.#uris.get(call.uri);
    if (uri === undefined) {
      uri = { begun: 0, waiting: new Set() };
      this.#uris.set(call.uri, uri);
      if (!this.waiting) this.#wheel.schedule(this, SECOND);
    }
    if (uri.begun < MAX_CALLS) {
      uri.begun++;
      this.#pacer.add(call);
    } else uri.waiting.add(call);
  }

  /** Lets `call` wait no longer; harmless when it does not. */
  cancel(call: RatedCall): void {
    this.#uris.get(call.uri)?.waiting.delete(call);
    this.#pacer.cancel(call);
  }

  override onTimer(): void {
    for (const [name, uri] of this.#uris) {
      if (uri.waiting.size === 0) {
        this.#uris.delete(name);
        continue;
      }
      uri.begun = 0;
      for (const call of uri.waiting) {
        if (uri.begun++ === MAX_CALLS) break;
        uri.waiting.delete(call);
        this.#pacer.add(call);
      }
    }
    if (this.#uris.size > 0 && !this.waiting) this.#wheel.schedule(this, SECOND);
  }

  override onFault(thrown: unknown): void {
    this.#report(thrown);
    if (this.#uris.size > 0 && !this.waiting) this.#wheel.schedule(this, SECOND);
  }
}
