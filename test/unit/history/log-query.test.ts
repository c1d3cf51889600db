import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HistoryCounters } from '../../../src/history/history-counters.ts';
import { HistoryLog } from '../../../src/history/history-log.ts';
import { readLog } from '../../../src/history/log-query.ts';
import { ALL } from '../../support/history/history-model.ts';

test('an answer that a limit cuts looks at no more items than it may have', (t) => {
  const log = new HistoryLog({ maxBytes: 4_194_304, counters: new HistoryCounters(), now: () => 0, salt: null });
  for (let i = 0; i < 10_000; i++) log.append(i % 2 === 0 ? 'a' : 'b', Buffer.alloc(i % 4 === 0 ? 0 : 256), ALL, 0);
  const looks = t.mock.method(log.segments, 'of');
  const query = { channels: ['a', 'b'], after: { epoch: 'e', number: 4_000 }, limitBytes: 2_560 };
  for (const reverse of [false, true]) {
    const { items, head, more } = readLog(log, 'e', log.last, { ...query, reverse });
    const numbers = Array.from({ length: 10 }, (_, i) => (reverse ? 10_000 - i : 4_001 + i));
    assert.deepEqual(
      items.map(({ number }) => number),
      numbers,
    );
    assert.deepEqual([head, more], [numbers.at(-1), true]);
  }
  // Those of two answers, and the search for their beginnings and ends.
  assert.ok(looks.mock.callCount() < 200, `${looks.mock.callCount()} looks`);
});
