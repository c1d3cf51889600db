import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instruct } from '../../../src/codec/grip/index.ts';
import { MAX_MATCHED } from '../../../src/hub/hub-history.ts';
import { ChannelRules } from '../../../src/hub/index.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { both, EVENTS, event, fieldsOf, keeping, rule, shown } from './history-rig.ts';
import { type HubRig, responseInstruct, streamInstruct, turn } from './support.ts';

function byPattern(instruct: Instruct, ...patterns: string[]): Instruct {
  const hold = instruct.hold as NonNullable<typeof instruct.hold>;
  const channels = patterns.map((name) => ({ name, prevId: null, filters: [], pattern: true }));
  return { ...instruct, hold: { ...hold, channels: [...hold.channels, ...channels] } };
}

function come(hub: HubRig, instruct: Instruct, cursor: string | null, credits?: number): HeldClient {
  const client = hub.client(credits);
  const headers = cursor === null ? [] : ['Last-Event-ID', cursor];
  return hub.hold(client, instruct, { request: { ...client.request, headers } });
}

const ORDERS = byPattern(streamInstruct([], EVENTS), 'orders.>');

test('a client by pattern gets cursors, and what it has missed of all channels that the pattern matches', async (t) => {
  const { hub, store } = keeping(t, [rule('orders.*')]);
  const client = come(hub, ORDERS, null);
  await hub.publish(event('orders.eu', '1'), event('orders.eu.x', 'not kept'));
  assert.equal(shown(store, client), 'id: E-0\n\ndata: 1\nid: E-1\n\ndata: not kept\n\n');
  await hub.publish(event('orders.us', '2'), event('news', 'x'), event('orders.eu', '3'), event('orders.new', '4'));
  const again = come(hub, ORDERS, `${store.epoch}-1`);
  await hub.publish(event('orders.us', '5'));
  const rest = ['2', '3', '4'].map((data) => `data: ${data}\nid: E-${data}\n\n`).join('');
  assert.equal(shown(store, again), `${rest}id: E-4\n\ndata: 5\nid: E-5\n\n`);
});

test('a channel that a client also names comes once', async (t) => {
  const { hub, store } = keeping(t, [rule('>')]);
  await hub.publish(event('orders.eu', '1'), event('orders.us', '2'));
  const instruct = byPattern(streamInstruct(['orders.eu'], EVENTS), 'orders.*', '*.us', 'orders.>');
  const client = come(hub, instruct, `${store.epoch}-0`);
  assert.equal(shown(store, client), 'data: 1\nid: E-1\n\ndata: 2\nid: E-2\n\nid: E-2\n\n');
});

test('where one of the channels has let items go the client is told of its pattern, and gets nothing of the old', async (t) => {
  const { hub, store } = keeping(t, [rule('orders.eu', { items: 1 }), rule('>')]);
  await hub.publish(event('orders.us', '1'), event('orders.eu', '2'), event('orders.eu', '3'));
  const gap = 'event: gap\ndata: {"channels":["orders.>"]}\n\n';
  assert.equal(shown(store, come(hub, ORDERS, `${store.epoch}-1`)), `${gap}id: E-3\n\n`);
  assert.equal(shown(store, come(hub, ORDERS, `${store.epoch}-2`)), 'data: 3\nid: E-3\n\nid: E-3\n\n');
  for (const cursor of ['forged-1', `${store.epoch}-9`]) {
    assert.equal(shown(store, come(hub, ORDERS, cursor)), `${gap}id: E-3\n\n`);
  }
});

test('where a channel was forgotten no pattern can be continued from before', async (t) => {
  const { hub, store } = keeping(t, [rule('>')]);
  await hub.publish(event('orders.eu', '1'), event('orders.us', '2'));
  hub.hub.history.rules = new ChannelRules([rule('orders.us')]);
  await turn();
  assert.match(come(hub, ORDERS, `${store.epoch}-0`).body, /^event: gap/);
  assert.equal(shown(store, come(hub, ORDERS, `${store.epoch}-${store.last}`)), `id: E-${store.last}\n\n`);
});

test('a client that has missed items of too many channels is told of a gap', async (t) => {
  const { hub, store } = keeping(t, [rule('>')]);
  const items = Array.from({ length: MAX_MATCHED + 1 }, (_, i) => event(`orders.${i}`, `${i}`));
  await hub.publish(...items);
  while (store.last < items.length) await turn();
  assert.match(come(hub, ORDERS, `${store.epoch}-0`).body, /^event: gap\ndata: {"channels":\["orders.>"\]}\n\nid: /);
  const client = come(hub, ORDERS, `${store.epoch}-1`, 1_000_000);
  while (!client.body.includes(`data: ${MAX_MATCHED}\n`)) await turn();
  assert.equal(client.body.match(/^data: /gm)?.length, MAX_MATCHED);
});

test('a slow client by pattern gets the rest from the log', async (t) => {
  const { hub } = keeping(t, [rule('>')], { limits: { queueItems: 2 } });
  const client = come(hub, ORDERS, null, 60);
  for (let i = 1; i <= 20; i++) await hub.publish(event(`orders.${i}`, `${i}`));
  client.grant(100_000);
  await turn();
  await hub.publish(event('orders.x', '21'));
  const expected = Array.from({ length: 21 }, (_, i) => `data: ${i + 1}`);
  assert.deepEqual(client.body.match(/^data: .*$/gm), expected);
});

test('a new client gets the last item of each channel that a pattern matches and that retains it, and none of the others', async (t) => {
  const { hub, store } = keeping(t, [
    rule('orders.eu', { retain: true }),
    rule('orders.us', { retain: true }),
    rule('>'),
  ]);
  const texts = ['1', '2'];
  await hub.publish(event('orders.eu', texts[0] ?? ''), event('orders.x', 'no'), event('orders.us', 'us'));
  await hub.publish(event('orders.eu', texts[1] ?? ''), event('orders.x', 'no'));
  const expected = 'data: us\nid: E-3\n\ndata: 2\nid: E-4\n\nid: E-5\n\n';
  assert.equal(shown(store, come(hub, ORDERS, null)), expected);
});

test('what a new client retains comes in pages, and nothing else is in between', async (t) => {
  const { hub } = keeping(t, [rule('orders.*', { retain: true }), rule('>')]);
  const large = 'x'.repeat(30_000);
  for (let i = 0; i < 6; i++) await hub.publish(event(`orders.${i}`, `${i}${large}`), event(`orders.x.${i}`, 'old'));
  const client = come(hub, ORDERS, null, 10);
  await hub.publish(event('orders.x.1', 'new'));
  client.grant(1_000_000);
  await turn();
  assert.deepEqual(
    client.body.match(/^data: .../gm)?.map((line) => line.slice(6)),
    ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx', 'new'],
  );
});

test('a held request by pattern gets what it has missed', async (t) => {
  const { hub, store } = keeping(t, [rule('>')]);
  const instruct = byPattern(responseInstruct([], { body: 'nothing' }), 'orders.*');
  await hub.publish(both('orders.eu', '1'), both('news', 'x'), both('orders.us', '2'));
  const client = come(hub, instruct, `${store.epoch}-1`);
  assert.deepEqual([client.body, fieldsOf(store, client)], ['2', 'Last-Event-ID E-3']);
  const lost = come(hub, instruct, 'lost-1');
  assert.deepEqual([lost.body, fieldsOf(store, lost)], ['nothing', 'Last-Event-ID E-3 Event-Gap ["orders.*"]']);
});
