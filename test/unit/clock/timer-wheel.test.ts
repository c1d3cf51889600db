import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel, WheelTimer } from '../../../src/clock/index.ts';

/** A timer that records when it fires; `then` is what it does at that moment. */
class Probe extends WheelTimer {
  readonly times: number[] = [];
  readonly #then: () => void;
  #wait: (() => void) | null = null;

  constructor(then: () => void = () => {}) {
    super();
    this.#then = then;
  }

  override onTimer(): void {
    this.times.push(performance.now());
    this.#then();
    this.#wait?.();
  }

  /** Resolves after the next time. */
  fired(): Promise<void> {
    return new Promise((resolve) => {
      this.#wait = resolve;
    });
  }

  override onFault(thrown: unknown): void {
    throw thrown;
  }
}

function startWheel(t: TestContext, stepMs: number, slots?: number): TimerWheel {
  const wheel = new TimerWheel(stepMs, slots);
  // The wheel alone does not keep a process alive.
  const alive = setInterval(() => {}, 1_000);
  t.after(() => {
    wheel.stop();
    clearInterval(alive);
  });
  return wheel;
}

/** Keeps the process busy, so that the wheel cannot step. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('A timer fires once, not before its time', async (t) => {
  const wheel = startWheel(t, 5);
  const probe = new Probe();
  const late = new Probe();
  const start = performance.now();
  wheel.schedule(probe, 20);
  wheel.schedule(late, 60);
  assert.equal(probe.waiting, true);
  await late.fired();
  assert.equal(probe.times.length, 1);
  assert.ok((probe.times[0] as number) - start >= 20);
  assert.equal(probe.waiting, false);
});

test('A timer longer than one turn of the wheel fires in its own turn', async (t) => {
  const wheel = startWheel(t, 2, 8);
  const probe = new Probe();
  const start = performance.now();
  wheel.schedule(probe, 50);
  await probe.fired();
  assert.ok((probe.times[0] as number) - start >= 50);
});

test('Timers fire in the order of their times', async (t) => {
  const wheel = startWheel(t, 5);
  const order: string[] = [];
  const last = new Probe(() => order.push('c'));
  wheel.schedule(last, 60);
  wheel.schedule(new Probe(() => order.push('a')), 10);
  wheel.schedule(new Probe(() => order.push('b')), 30);
  await last.fired();
  assert.deepEqual(order, ['a', 'b', 'c']);
});

test('A delay of 0 fires with one of the next steps, never within the call', async (t) => {
  const wheel = startWheel(t, 5);
  const probe = new Probe();
  wheel.schedule(probe, 0);
  assert.equal(probe.times.length, 0);
  await probe.fired();
});

test('The size is the number of timers that wait', async (t) => {
  const wheel = startWheel(t, 5, 4);
  assert.equal(wheel.size, 0);
  const [short, long] = [new Probe(), new Probe()];
  wheel.schedule(short, 1);
  for (const delay of [1_000, 2_000]) wheel.schedule(long, delay);
  assert.equal(wheel.size, 2);
  await short.fired();
  assert.equal(wheel.size, 1);
  wheel.cancel(long);
  assert.equal(wheel.size, 0);
});

test('A cancelled timer does not fire, and cancelling twice does no harm', async (t) => {
  const wheel = startWheel(t, 5);
  const cancelled = new Probe();
  const other = new Probe();
  wheel.schedule(cancelled, 10);
  wheel.schedule(other, 30);
  wheel.cancel(cancelled);
  wheel.cancel(cancelled);
  assert.equal(cancelled.waiting, false);
  await other.fired();
  assert.equal(cancelled.times.length, 0);
});

test('Scheduling a waiting timer again replaces its time', async (t) => {
  const wheel = startWheel(t, 5);
  const probe = new Probe();
  const start = performance.now();
  wheel.schedule(probe, 10);
  wheel.schedule(probe, 60);
  await probe.fired();
  assert.ok((probe.times[0] as number) - start >= 60);
  wheel.schedule(probe, 10_000);
  wheel.schedule(probe, 10);
  await probe.fired();
  assert.equal(probe.times.length, 2);
});

test('A timer that schedules itself when it fires waits its full time again', async (t) => {
  const wheel = startWheel(t, 5, 4);
  // Four steps of 5 ms are one turn: the timer gets back into the very slot that is being emptied.
  const probe = new Probe(() => {
    if (probe.times.length < 3) wheel.schedule(probe, 15);
  });
  wheel.schedule(probe, 15);
  while (probe.times.length < 3) await probe.fired();
  const [first, second, third] = probe.times as [number, number, number];
  assert.ok(second - first >= 15);
  assert.ok(third - second >= 15);
});

test('A timer cancelled by an earlier one of the same moment does not fire', async (t) => {
  const wheel = startWheel(t, 5);
  const probe = new Probe();
  const last = new Probe();
  wheel.schedule(new Probe(() => wheel.cancel(probe)), 10);
  wheel.schedule(probe, 10);
  wheel.schedule(last, 40);
  await last.fired();
  assert.equal(probe.times.length, 0);
});

test('A timer put off by an earlier one of the same moment waits for its new time', async (t) => {
  const wheel = startWheel(t, 5);
  const probe = new Probe();
  const start = performance.now();
  wheel.schedule(new Probe(() => wheel.schedule(probe, 30)), 10);
  wheel.schedule(probe, 10);
  await probe.fired();
  assert.equal(probe.times.length, 1);
  assert.ok((probe.times[0] as number) - start >= 40);
});

test('After a stall longer than a turn everything due fires, and nothing else', async (t) => {
  const wheel = startWheel(t, 2, 8);
  const due = [4, 9, 16, 31, 50].map(() => new Probe());
  const later = new Probe();
  const start = performance.now();
  for (const [i, delay] of [4, 9, 16, 31, 50].entries()) wheel.schedule(due[i] as Probe, delay);
  wheel.schedule(later, 200);
  stall(100);
  await later.fired();
  assert.ok((later.times[0] as number) - start >= 200);
  assert.deepEqual(
    due.map((probe) => probe.times.length),
    [1, 1, 1, 1, 1],
  );
});

test('A timer scheduled when another one fires late, or later in a stalled turn, still waits its full time', async (t) => {
  const wheel = startWheel(t, 5);
  const again = new Probe();
  const late = new Probe(() => wheel.schedule(again, 40));
  const inStall = new Probe();
  wheel.schedule(late, 10);
  stall(100);
  const start = performance.now();
  wheel.schedule(inStall, 40);
  await Promise.all([again.fired(), inStall.fired()]);
  assert.ok((again.times[0] as number) - (late.times[0] as number) >= 40);
  assert.ok((inStall.times[0] as number) - start >= 40);
});

test('The clock advances with the steps, and no timer sees it before its own time', async (t) => {
  const wheel = startWheel(t, 5);
  const before = wheel.now;
  const seen: number[] = [];
  const probe = new Probe(() => seen.push(wheel.now));
  wheel.schedule(probe, 20);
  await probe.fired();
  assert.ok((seen[0] as number) - before >= 20);
});

test('A stopped wheel fires nothing', async (t) => {
  const wheel = startWheel(t, 5);
  const other = startWheel(t, 5);
  const probe = new Probe();
  const later = new Probe();
  wheel.schedule(probe, 10);
  wheel.stop();
  other.schedule(later, 50);
  await later.fired();
  assert.equal(probe.times.length, 0);
});
