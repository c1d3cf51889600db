import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HistoryView } from '../../../src/app/history-view.ts';
import { channelDetailsSchema, channelPageSchema } from '../../../src/control/channel-schema.ts';
import { historyPageSchema } from '../../../src/control/history-schema.ts';
import { OperationError } from '../../../src/control/index.ts';
import { MemoryStore } from '../../../src/history/index.ts';
import { ChannelRules } from '../../../src/hub/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { ALL } from '../../support/history/history-model.ts';
import { startKeeping, THREE_ITEMS } from '../../support/history/kept-channels.ts';

const MANY_ITEMS = '[[channel]]\nmatch = "a.>"\nhistory_items = 1000\nretain = true\n';

test('the history of a channel is read in pages, in both directions', async (t) => {
  const rig = await startKeeping(t, MANY_ITEMS);
  await rig.publish('a.b', '1', '2', '3', '4', '5');
  for (const [order, expected] of [
    ['', ['1,2', '3,4', '5']],
    ['&reverse=true', ['5,4', '3,2', '1']],
  ] as const) {
    const pages: string[] = [];
    for (let since = ''; ; ) {
      const { json } = await rig.control.send('GET', `/channels/a.b/history?limit=2${order}${since}`);
      const page = historyPageSchema.parse(json);
      assert.equal(page.recovered, true);
      pages.push(page.items.map(({ formats }) => formats['http-stream']?.text?.slice(6, 7)).join());
      if (page.next === null) break;
      assert.equal(page.next, page.items.at(-1)?.cursor);
      since = `&since=${page.next}`;
    }
    assert.deepEqual(pages, expected);
  }
});

test('what is published after the end of a page is what follows it', async (t) => {
  const rig = await startKeeping(t, MANY_ITEMS);
  const empty = (await rig.control.send('GET', '/channels/a.b/history')).json;
  assert.deepEqual([empty.items, empty.next, empty.recovered], [[], null, true]);
  await rig.publish('a.b', '1');
  const { items, end } = (await rig.control.send('GET', `/channels/a.b/history?since=${empty.end}`)).json;
  assert.deepEqual([items.length, end], [1, items[0].cursor]);
});

test('items are shown whole, text as text and anything else in base64', async (t) => {
  const rig = await startKeeping(t, THREE_ITEMS);
  const long = 'x'.repeat(10_000);
  await rig.app.publish({
    channel: 'a',
    id: '7',
    'prev-id': '6',
    'no-seq': true,
    formats: {
      'http-stream': { 'content-bin': '/wA=' },
      'http-response': { code: 201, body: long },
      'ws-message': { content: 'é' },
    },
  });
  const [item] = historyPageSchema.parse((await rig.control.send('GET', '/channels/a/history')).json).items;
  assert.deepEqual(item?.formats, {
    'http-response': { action: 'send', text: long, bytes: 10_000 },
    'http-stream': { action: 'send', base64: '/wA=', bytes: 2 },
    'ws-message': { action: 'text', text: 'é', bytes: 2 },
  });
  assert.deepEqual([item?.id, item?.prevId, item?.channel, item?.bytes], ['7', '6', 'a', 10_004]);
});

test('a cursor that cannot be continued gets nothing, and says so', async (t) => {
  const rig = await startKeeping(t, THREE_ITEMS);
  await rig.publish('a', '1', '2', '3', '4', '5');
  const { items, end } = (await rig.control.send('GET', '/channels/a/history')).json;
  const [epoch = ''] = end.split('-');
  assert.deepEqual(items[0].cursor, `${epoch}-3`);
  for (const [query, recovered] of [
    [`since=${epoch}-2`, true],
    [`since=${epoch}-1`, false],
    [`since=${epoch}-6`, false],
    ['since=other-3', false],
    [`since=${epoch}-9999999999999999`, false],
    [`since=${epoch}-4&reverse=true`, true],
    [`since=${epoch}-6&reverse=true`, false],
    ['since=other-3&reverse=true', false],
  ] as const) {
    const page = (await rig.control.send('GET', `/channels/a/history?${query}`)).json;
    assert.deepEqual([page.recovered, page.items.length > 0], [recovered, recovered], query);
  }
  for (const query of ['since=x', 'since=', 'limit=0', 'limit=1001', 'reverse=1', 'other=1']) {
    assert.equal((await rig.control.send('GET', `/channels/a/history?${query}`)).status, 400, query);
  }
});

test('a page has 1 MiB of items at most, and one that is larger alone', async (t) => {
  // The first lines belong to [control].
  const rig = await startKeeping(t, `max_body_bytes = 4000000\n${MANY_ITEMS}`);
  for (const size of [400_000, 400_000, 400_000, 1_100_000, 1]) await rig.app.publishStream('a.b', 'x'.repeat(size));
  const sizes: number[][] = [];
  for (let since = ''; ; ) {
    const page = (await rig.control.send('GET', `/channels/a.b/history${since}`)).json;
    sizes.push(page.items.map(({ bytes }: { bytes: number }) => bytes));
    if (page.next === null) break;
    since = `?since=${page.next}`;
  }
  assert.deepEqual(sizes, [[400_000, 400_000], [400_000], [1_100_000], [1]]);
});

test('an item whose time is over is not shown', async (t) => {
  const rig = await startKeeping(t, THREE_ITEMS);
  await rig.publish('a', '1');
  const formats = { 'http-stream': { content: 'x' } };
  await rig.app.publish({ channel: 'a', ttl: 1, formats });
  const shown = async () => (await rig.control.send('GET', '/channels/a/history')).json.items.length;
  while ((await shown()) === 2);
  assert.equal(await shown(), 1);
});

test('a channel tells of its history, with and without subscribers', async (t) => {
  const rig = await startKeeping(t, MANY_ITEMS);
  await rig.stream('a.b');
  await rig.stream('c');
  await rig.publish('a.b', '1', '2');
  await rig.publish('a.c', '3');
  await rig.publish('c', '4');
  const page = channelPageSchema.parse((await rig.control.send('GET', '/channels')).json);
  assert.deepEqual(
    page.channels.map(({ name, subscribers, history }) => [name, subscribers, history?.items]),
    [
      ['a.b', 1, 2],
      ['c', 1, undefined],
    ],
  );
  const kept = channelPageSchema.parse((await rig.control.send('GET', '/channels?kept=true&prefix=a.')).json);
  assert.deepEqual(
    kept.channels.map(({ name, subscribers, history }) => [name, subscribers, history?.items]),
    [
      ['a.b', 1, 2],
      ['a.c', 0, 1],
    ],
  );
  assert.equal(kept.total, 2);
  const details = channelDetailsSchema.parse((await rig.control.send('GET', '/channels/a.b')).json);
  assert.deepEqual([details.history?.first, details.history?.last, details.history?.retain], [1, 2, true]);
  assert.ok((details.history?.itemsPerSecond ?? 0) > 0);
  assert.match(details.history?.cursor ?? '', /^[a-z0-9]+-3$/i);
  assert.equal((await rig.control.send('GET', '/channels/a.c')).json.subscribers, 0);
  assert.equal((await rig.control.send('GET', '/channels/c')).json.history, undefined);
  assert.equal((await rig.control.send('GET', '/channels/a.d')).status, 404);
  assert.equal((await rig.control.send('GET', '/channels/c/history')).status, 404);
});

test('as long as another process has the history, pages are refused', async () => {
  const rules = new ChannelRules([
    { match: 'a', keep: { items: 1, age: Infinity, bytes: Infinity }, retain: false, onGap: 'event', presence: false },
  ]);
  const view = new HistoryView(() => ({ store: null, target: { rules } }) as never);
  await assert.rejects(
    view.page('a', { limit: 1, reverse: 'false' }),
    (error) => error instanceof OperationError && error.code === 'HF_CONTROL_CONFLICT',
  );
  assert.equal(await view.page('b', { limit: 1, reverse: 'false' }), null);
  assert.equal(await view.spanOf('a'), null);
  assert.deepEqual(await view.names(''), []);
});

test('the queues of webhooks are not listed', async (t) => {
  const store = new MemoryStore({ maxBytes: 1_048_576, log: new FakeLog() });
  t.after(() => store.stop());
  for (const channel of ['a', '$presence.a', '$webhook.1', '$webhook.1.done']) {
    store.append([{ channel, bytes: Buffer.from('x'), keep: ALL }], () => {});
  }
  const view = new HistoryView(() => ({ store }) as never);
  assert.deepEqual([...(await view.names(''))].sort(), ['$presence.a', 'a']);
});
