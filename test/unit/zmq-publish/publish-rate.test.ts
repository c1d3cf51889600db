import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { ControlCounters, Holder } from '../../../src/exchange/index.ts';
import type { Publication } from '../../../src/hub/index.ts';
import { PublishRate } from '../../../src/zmq-publish/publish-rate.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { stoppedClock } from '../hub/support.ts';

class FakePublication implements Publication {
  readonly bytes = 1;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  onTurn(): boolean {
    return true;
  }

  onFault(thrown: unknown): void {
    assert.fail(thrown as Error);
  }
}

function limited(t: TestContext, requestRate: number) {
  const advance = stoppedClock(t);
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const passed: string[] = [];
  const publisher = { requestTurn: (publication: Publication) => passed.push((publication as FakePublication).name) };
  const limits = new Holder({ requestRate });
  const host = { counters: new ControlCounters(), log: new FakeLog() };
  const rate = new PublishRate(publisher, limits, wheel, host);
  const request = (...names: string[]) => {
    for (const name of names) rate.requestTurn(new FakePublication(name));
  };
  return { advance, limits, passed, rate, request };
}

test('a burst passes at once, and what exceeds the rate waits in its order', (t) => {
  const { advance, passed, request } = limited(t, 2);
  request('1', '2', '3', '4');
  assert.deepEqual(passed, ['1', '2']);
  advance(700);
  assert.deepEqual(passed, ['1', '2', '3']);
  request('5');
  advance(1_200);
  assert.deepEqual(passed, ['1', '2', '3', '4', '5']);
});

test('without a limit nothing waits, and a limit that is removed lets all pass', (t) => {
  const { advance, limits, passed, request } = limited(t, 1);
  request('1', '2', '3');
  assert.deepEqual(passed, ['1']);
  limits.current = { requestRate: 0 };
  advance(1_200);
  assert.deepEqual(passed, ['1', '2', '3']);
  request('4', '5', '6');
  assert.equal(passed.length, 6);
});

test('when the sockets close, all that was read passes', (t) => {
  const { passed, rate, request } = limited(t, 1);
  request('1', '2', '3');
  rate.close();
  request('4');
  assert.deepEqual(passed, ['1', '2', '3', '4']);
});
