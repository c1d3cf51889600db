import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_START } from '../../../src/hub/hub-history.ts';
import { both, event, fieldsOf, keeping, poll, rule, shown } from './history-rig.ts';
import { ManualService } from './manual-service.ts';
import { type InstructOptions, responseInstruct, responseItem, SilentOrigin, streamItem, turn } from './support.ts';

/** A held request with a filter whose service is asked about each item. */
function checked(options: InstructOptions) {
  const { hold, ...rest } = responseInstruct(['a'], { body: 'nothing', ...options });
  assert.ok(hold);
  const channels = hold.channels.map((channel) => ({ ...channel, filters: ['http-check'] }));
  return { ...rest, hold: { ...hold, channels, meta: { url: '/filter' } } };
}

test('each response has a cursor: that of its item, or that of the beginning', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(both('a', '1'));
  const [first, other] = [poll(hub, ['a']), poll(hub, ['b'])];
  await hub.publish(both('a', '2'));
  assert.equal(first.body, '2');
  assert.equal(fieldsOf(store, first), 'Last-Event-ID E-2');
  hub.advance(60_000);
  assert.equal(other.body, 'nothing');
  assert.equal(fieldsOf(store, other), 'Last-Event-ID E-1');
});

test('a poll that has missed items gets the first of them at once, and the next one the next', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(both('a', '1'), both('b', '2'), both('c', '3'), event('a', 'for streams'), both('a', '5'));
  const texts: string[] = [];
  let id = `${store.epoch}-0`;
  for (let i = 0; i < 3; i++) {
    const client = poll(hub, ['a', 'b'], id);
    texts.push(client.body);
    id = client.head?.headers[1] ?? '';
  }
  assert.deepEqual(texts, ['1', '2', '5']);
  const last = poll(hub, ['a', 'b'], id);
  assert.equal(last.head, null);
  await hub.publish(both('b', '6'));
  assert.deepEqual([last.body, fieldsOf(store, last)], ['6', 'Last-Event-ID E-5']);
});

test('items that are on their way reach a poll once', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(both('a', '1'));
  hub.hub.publish([both('a', '2')]);
  const early = poll(hub, ['a'], `${store.epoch}-1`);
  const late = poll(hub, ['a'], `${store.epoch}-2`);
  assert.equal(early.body, '2');
  await hub.publish(both('a', '3'));
  assert.equal(late.body, '3');
});

test('missed items are joined as the route says', async (t) => {
  const { hub, store } = keeping(t);
  const patch = responseItem('a', '', { code: 404, body: Buffer.from('{"x":0}') });
  await hub.publish(both('a', '{"x":1}'), both('b', '{"x":2}\n'), patch, both('a', '{"x":4}'));
  const from = `${store.epoch}-0`;
  const lines = poll(hub, ['a', 'b'], from, { join: 'lines' });
  assert.deepEqual([lines.body, fieldsOf(store, lines)], ['{"x":1}\n{"x":2}\n', 'Last-Event-ID E-2']);
  const json = poll(hub, ['a', 'b'], from, { join: 'json' });
  assert.deepEqual(JSON.parse(json.body), [{ x: 1 }, { x: 2 }]);
  assert.equal(fieldsOf(store, json), 'Content-Type application/json Last-Event-ID E-2');
  const odd = poll(hub, ['a', 'b'], `${store.epoch}-2`, { join: 'json' });
  assert.deepEqual([odd.head?.status, odd.body], [404, '{"x":0}']);
  const live = [1, 2].map(() => poll(hub, ['a'], `${store.epoch}-4`, { join: 'json' }));
  await hub.publish(both('a', '5'));
  for (const client of live)
    assert.deepEqual(
      [client.body, fieldsOf(store, client)],
      ['[5]', 'Content-Type application/json Last-Event-ID E-5'],
    );
});

test('polls that have missed the same get the same bytes', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(both('a', '1'), both('a', '2'));
  const bodies: Buffer[] = [];
  for (let i = 0; i < 2; i++) {
    const client = hub.client();
    const take = client.onResponseData.bind(client);
    client.onResponseData = (chunk, more) => {
      bodies.push(chunk);
      take(chunk, more);
    };
    const headers = ['Last-Event-ID', `${store.epoch}-0`];
    const request = { ...client.request, headers };
    hub.hold(client, responseInstruct(['a']), { request, join: 'lines' });
  }
  assert.equal(String(bodies[0]), '1\n2\n');
  assert.equal(bodies[0], bodies[1]);
});

test('a poll that cannot get all is told so at once', async (t) => {
  const { hub, store } = keeping(t, [rule('é', { items: 1 }), rule('b', { items: 1, onGap: 'none' })]);
  await hub.publish(both('é', '1'), both('é', '2'));
  const client = poll(hub, ['é', 'b'], `${store.epoch}-0`);
  assert.deepEqual([client.body, fieldsOf(store, client)], ['nothing', 'Last-Event-ID E-2 Event-Gap ["\\u00e9"]']);
  const silent = poll(hub, ['b'], 'forged-1');
  assert.equal(silent.head, null);
  await hub.publish(both('b', '3'));
  assert.deepEqual([silent.body, fieldsOf(store, silent)], ['3', 'Last-Event-ID E-3']);
});

test('a new poll gets the last item of a channel that retains it', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { retain: true })]);
  const empty = poll(hub, ['a']);
  assert.equal(empty.head, null);
  await hub.publish(both('a', '1'));
  const next = poll(hub, ['a']);
  assert.deepEqual([next.body, fieldsOf(store, next)], ['1', 'Last-Event-ID E-1']);
  assert.equal(poll(hub, ['a'], `${store.epoch}-1`).head, null);
});

test('items of channels that are not kept do not move the cursor', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(both('a', '1'));
  const client = poll(hub, ['a', 'c'], `${store.epoch}-1`);
  await hub.publish(both('c', '2'));
  assert.deepEqual([client.body, fieldsOf(store, client)], ['2', 'Last-Event-ID E-1']);
  const plain = poll(hub, ['c'], 'x');
  await hub.publish(both('c', '3'), streamItem('c', 'x'));
  assert.equal(fieldsOf(store, plain), '');
  assert.equal(shown(store, plain), '3');
});

test('a poll reads over any number of pages that have nothing for it, some in each turn', async (t) => {
  const { hub, store } = keeping(t);
  const { epoch } = store;
  let pages = 0;
  hub.hub.history.source = {
    epoch,
    ask: (_, done) => {
      pages++;
      const more = pages < 20_000;
      const items = more ? [] : [{ ...both('a', 'at last'), number: pages }];
      done({ gaps: [], missing: [], items, start: NO_START, head: pages, more });
    },
  };
  const client = poll(hub, ['a'], `${epoch}-0`);
  assert.equal(pages, 1);
  while (client.head === null) await turn();
  assert.deepEqual([client.body, pages], ['at last', 20_000]);
});

test('a new poll that ends while a service is asked has a cursor from before what it did not get', async (t) => {
  const { hub, store } = keeping(t);
  const filterService = new ManualService();
  await hub.publish(both('a', '1'));
  const client = hub.hold(hub.client(), checked({ timeout: 5 }), { filterService });
  await hub.publish(both('a', '2'));
  await hub.publish(both('a', '3'));
  assert.equal(filterService.questions.length, 1);
  hub.advance(5_500);
  assert.deepEqual([client.body, fieldsOf(store, client)], ['nothing', 'Last-Event-ID E-1']);
});

test('a new poll that is replayed while a service is asked gets what it was asked about, and what came meanwhile', async (t) => {
  const { hub, store } = keeping(t);
  const [filterService, origin] = [new ManualService(), new SilentOrigin()];
  const { replay } = origin;
  await hub.publish(both('a', '1'));
  const client = hub.hold(hub.client(), checked({}), { filterService, replay });
  await hub.publish(both('a', '2'));
  await hub.publish(both('a', '3'));
  // Twice: the service is being asked again when the next one begins.
  for (let i = 0; i < 2; i++) {
    hub.hub.recover();
    assert.equal(origin.replays.length, i + 1);
    hub.hold(client, checked({}), { filterService, replay, former: origin.former(i) });
    await turn();
  }
  filterService.pass();
  assert.deepEqual([client.body, fieldsOf(store, client)], ['2', 'Last-Event-ID E-2']);
});
