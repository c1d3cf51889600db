import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel, TurnQueue } from '../../../src/clock/index.ts';
import { CallRate, MAX_CALLS, type RatedCall } from '../../../src/hub/call-rate.ts';
import { ReplayPacer } from '../../../src/hub/replay-pacer.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';

const fail = (thrown: unknown): void => assert.fail(thrown as Error);

/** A call whose request ends as soon as it begins. */
class Call implements RatedCall {
  readonly target = 'a';
  readonly uri: string;
  readonly #pacer: ReplayPacer;
  started = false;

  constructor(uri: string, pacer: ReplayPacer) {
    this.uri = uri;
    this.#pacer = pacer;
  }

  startReplay(): void {
    this.started = true;
    this.#pacer.done('a');
  }

  onFault(thrown: unknown): void {
    fail(thrown);
  }
}

function started(calls: readonly Call[]): number {
  return calls.filter((call) => call.started).length;
}

test('one URI gets 100 requests a second, another is not delayed by that, and nothing is left afterwards', async (t) => {
  const advance = manualClock(t);
  const pacer = new ReplayPacer(new TurnQueue(), fail);
  const rate = new CallRate(new TimerWheel(), pacer, fail);
  const calls = Array.from({ length: 250 }, () => new Call('http://a/one', pacer));
  for (const call of calls) rate.add(call);
  const cancelled = new Call('http://a/one', pacer);
  rate.add(cancelled);
  rate.cancel(cancelled);
  const other = new Call('http://a/two', pacer);
  rate.add(other);
  for (let i = 0; i < 4; i++) await turn();
  assert.equal(started(calls), MAX_CALLS);
  assert.equal(other.started, true);
  advance(1);
  for (let i = 0; i < 4; i++) await turn();
  assert.equal(started(calls), 2 * MAX_CALLS);
  advance(1);
  for (let i = 0; i < 4; i++) await turn();
  assert.equal(started(calls), 250);
  assert.equal(cancelled.started, false);
  advance(2);
  assert.equal(rate.size, 0);
  assert.equal(pacer.size, 0);
});
