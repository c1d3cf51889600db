import assert from 'node:assert/strict';
import { test } from 'node:test';
import { channelsBackend } from '../../../src/app/channels-backend.ts';
import { HistoryView } from '../../../src/app/history-view.ts';
import { type PublishItem, parsePublishItems } from '../../../src/codec/grip/index.ts';
import { ControlCounters } from '../../../src/exchange/index.ts';
import { FakeLog } from '../../support/fake-log.ts';

test('items of a tap keep their order, and 256 wait at most until their receivers are counted', async () => {
  let pass = (_item: PublishItem, _receivers: Promise<number>): void => assert.fail('not tapped');
  const channels = {
    page: () => assert.fail('not asked'),
    info: () => assert.fail('not asked'),
    tap: (_channel: string, onItem: typeof pass) => {
      pass = onItem;
      return () => {};
    },
  };
  const report = { counters: new ControlCounters(), log: new FakeLog() };
  const seen: (string | null)[] = [];
  channelsBackend(channels, channels, new HistoryView(() => null), () => null, report).tap('c', false, (item) =>
    seen.push(item === null ? null : `${item.id} ${item.receivers}`),
  );
  const [item] = parsePublishItems(
    Buffer.from('{"items":[{"channel":"c","formats":{"http-stream":{"content":"x"}}}]}'),
  );
  const resolves: ((count: number) => void)[] = [];
  for (let i = 0; i < 258; i++) {
    pass({ ...(item as PublishItem), id: String(i) }, new Promise((resolve) => resolves.push(resolve)));
  }
  assert.deepEqual(seen, [null, null], 'two were lost');
  for (const resolve of resolves.reverse()) resolve(3);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    seen.slice(2),
    Array.from({ length: 256 }, (_, i) => `${i} 3`),
  );
  assert.equal(report.counters.faults, 0);
});
