import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../src/exchange/index.ts';
import { FilterErrors } from '../../../src/hub/filter-errors.ts';
import { FakeLog } from '../../support/fake-log.ts';

test('an error of a filter for each of many clients fills no log, and each is counted', (t) => {
  let now = 1_000;
  t.mock.method(performance, 'now', () => now);
  const [counters, log] = [new Counters(), new FakeLog()];
  const errors = new FilterErrors(counters, log);
  const note = (times: number) => {
    for (let i = 0; i < times; i++)
      errors.note({ id: `c${i}`, requestId: i === 0 ? 'r-0' : '' }, 'a', 'filter error: no url set');
  };
  note(1_000);
  assert.equal(log.at('info').length, 10);
  assert.equal(log.at('debug').length, 990);
  now += 500;
  note(1_000);
  assert.equal(log.at('info').length, 15);
  assert.equal(counters.filterErrors, 2_000);
  assert.deepEqual(log.at('info')[10]?.fields, {
    id: 'c0',
    requestId: 'r-0',
    channel: 'a',
    problem: 'filter error: no url set',
    errors: 1_001,
  });
});
