import type { TestContext } from 'node:test';

type Api = 'setTimeout' | 'setInterval' | 'setImmediate' | 'Date';

/** A timer of the test's clock; as a handle it has the methods that callers use. */
class FakeTimer {
  readonly call: () => void;
  /** Milliseconds between its calls; null for one call. */
  readonly period: number | null;
  due: number;

  constructor(call: () => void, due: number, period: number | null) {
    this.call = call;
    this.due = due;
    this.period = period;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

/**
 * A clock that only the test moves, for those of Node's timers that are named. The test runner has mock timers too, but prints a warning for
 * each file that uses them.
 */
export class FakeTimers {
  /** Milliseconds. */
  now: number;
  readonly #timers = new Set<FakeTimer>();

  constructor(t: TestContext, apis: readonly Api[], now: number) {
    this.now = now;
    const add = (call: () => void, delay: number, period: number | null): FakeTimer => {
      const timer = new FakeTimer(call, this.now + delay, period);
      this.#timers.add(timer);
      return timer;
    };
    const makers: Readonly<
      Record<Exclude<Api, 'Date'>, (call: (...args: unknown[]) => void, ...rest: never[]) => FakeTimer>
    > = {
      setTimeout: (call, delay = 1 as never, ...args: never[]) => add(() => call(...args), Math.max(1, delay), null),
      setInterval: (call, delay = 1 as never, ...args: never[]) =>
        add(() => call(...args), Math.max(1, delay), Math.max(1, delay)),
      setImmediate: (call, ...args: never[]) => add(() => call(...args), 0, null),
    };
    for (const api of apis) {
      if (api === 'Date') {
        this.#replaceDate(t);
        continue;
      }
      t.mock.method(globalThis, api, makers[api] as never);
      const name = api.replace('set', 'clear') as 'clearTimeout' | 'clearInterval' | 'clearImmediate';
      const real = globalThis[name] as (timer: unknown) => void;
      t.mock.method(globalThis, name, (timer: unknown) => {
        if (timer instanceof FakeTimer) this.#timers.delete(timer);
        else real(timer);
      });
    }
  }

  /** Lets time pass, and calls what is due on the way, in its order. */
  tick(ms = 0): void {
    const end = this.now + ms;
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.now = Math.max(this.now, timer.due);
      if (timer.period === null) this.#timers.delete(timer);
      else timer.due += timer.period;
      timer.call();
    }
    this.now = end;
  }

  #next(end: number): FakeTimer | undefined {
    let first: FakeTimer | undefined;
    for (const timer of this.#timers)
      if (timer.due <= end && (first === undefined || timer.due < first.due)) first = timer;
    return first;
  }

  #replaceDate(t: TestContext): void {
    const RealDate = Date;
    const clock = this;
    globalThis.Date = class extends RealDate {
      constructor(...args: [] | [number | string]) {
        super(...((args.length === 0 ? [clock.now] : args) as [number]));
      }

      static override now(): number {
        return clock.now;
      }
    } as DateConstructor;
    t.after(() => {
      globalThis.Date = RealDate;
    });
  }
}

/** Takes over these timers for the test. */
export function fakeTimers(t: TestContext, apis: readonly Api[], now = 0): FakeTimers {
  return new FakeTimers(t, apis, now);
}
