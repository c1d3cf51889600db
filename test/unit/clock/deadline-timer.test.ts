import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DeadlineTimer, TimerWheel } from '../../../src/clock/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

class Recorder extends DeadlineTimer {
  fired = 0;

  set(seconds: number): void {
    this.setDeadline(seconds);
  }

  clear(): void {
    this.clearDeadline();
  }

  stop(): void {
    this.stopTimer();
  }

  protected override onDeadline(): void {
    this.fired++;
  }

  override onFault(thrown: unknown): void {
    throw thrown;
  }
}

function recorder(t: TestContext): { timer: Recorder; advance: (seconds: number) => void } {
  const advance = manualClock(t);
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  return { timer: new Recorder(wheel), advance };
}

test('it fires once, after its time', (t) => {
  const { timer, advance } = recorder(t);
  timer.set(1);
  advance(0.7);
  assert.equal(timer.fired, 0);
  advance(0.1);
  assert.equal(timer.fired, 1);
  advance(10);
  assert.equal(timer.fired, 1);
});

test('a deadline that is moved later, however often, fires only at its last time', (t) => {
  const { timer, advance } = recorder(t);
  for (let i = 0; i < 20; i++) {
    timer.set(1);
    advance(0.5);
    assert.equal(timer.fired, 0);
  }
  advance(0.5);
  assert.equal(timer.fired, 1);
});

test('a deadline that is moved earlier fires at the earlier time', (t) => {
  const { timer, advance } = recorder(t);
  timer.set(100);
  timer.set(1);
  advance(1);
  assert.equal(timer.fired, 1);
  advance(200);
  assert.equal(timer.fired, 1);
});

test('a deadline that is cleared or stopped does not fire', (t) => {
  const { timer, advance } = recorder(t);
  timer.set(1);
  timer.clear();
  advance(10);
  timer.set(1);
  timer.stop();
  advance(10);
  assert.equal(timer.fired, 0);
});

test('a deadline set again after it was cleared fires at the new time', (t) => {
  const { timer, advance } = recorder(t);
  timer.set(1);
  timer.clear();
  timer.set(5);
  advance(4);
  assert.equal(timer.fired, 0);
  advance(1);
  assert.equal(timer.fired, 1);
});
