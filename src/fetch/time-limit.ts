import { type TimerWheel, WheelTimer } from '../clock/index.ts';
import { ExchangeError, ExchangeRelay, type OriginCounters, type Requester } from '../exchange/index.ts';

/** Ends an exchange with HF_FETCH_TIMEOUT at its deadline. */
export class TimeLimit extends ExchangeRelay {
  readonly #timer: LimitTimer;
  readonly #wheel: TimerWheel;

  /** @param ms from now, to the resolution of the wheel */
  constructor(requester: Requester, counters: OriginCounters, wheel: TimerWheel, ms: number) {
    super(requester, counters);
    this.#wheel = wheel;
    this.#timer = new LimitTimer(this);
    wheel.schedule(this.#timer, ms);
  }

  expire(): void {
    this.fail(new ExchangeError('HF_FETCH_TIMEOUT', 'response incomplete at the timeout'));
  }

  protected override onOver(): void {
    this.#wheel.cancel(this.#timer);
  }
}

class LimitTimer extends WheelTimer {
  readonly #limit: TimeLimit;

  constructor(limit: TimeLimit) {
    super();
    this.#limit = limit;
  }

  override onTimer(): void {
    this.#limit.expire();
  }

  override onFault(thrown: unknown): void {
    this.#limit.onFault(thrown);
  }
}
