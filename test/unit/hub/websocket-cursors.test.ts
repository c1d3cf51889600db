import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import { MAX_SINCE } from '../../../src/hub/client-cursor.ts';
import { ChannelRules, type WebSocketHoldOptions } from '../../../src/hub/index.ts';
import { patternKey } from '../../../src/hub/subscription-key.ts';
import { askBy, keeping, rule } from './history-rig.ts';
import { ManualService } from './manual-service.ts';
import { type HubRig, messageItem, takeAllEachTurn, turn } from './support.ts';
import { WebSocketSite } from './websocket-rig.ts';

const ENVELOPE = { envelope: true };

/** A client that is subscribed to channels, and has said where it is. */
function come(
  hub: HubRig,
  channels: readonly string[],
  since: string | null = null,
  options: Partial<WebSocketHoldOptions> = {},
): WebSocketSite {
  const site = new WebSocketSite(hub, options);
  for (const channel of channels) site.hold.subscribe(channel, [], since);
  return site;
}

/** Has answers come one by one, when the test gives them. */
function answeredByHand(hub: HubRig): { readonly waiting: number; giveOne(): void; giveAll(): Promise<void> } {
  const answers: (() => void)[] = [];
  askBy(hub, (source, question, done) => source.ask(question, (answer) => answers.push(() => done(answer))));
  return {
    get waiting() {
      return answers.length;
    },
    giveOne() {
      answers.shift()?.();
    },
    /** Gives all that wait, and those that are asked for then, until no more are. */
    async giveAll() {
      for (let idle = 0; idle < 5; await turn()) {
        idle = answers.length > 0 ? 0 : idle + 1;
        answers.shift()?.();
      }
    },
  };
}

function texts(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, at) => `text ${from + at}`);
}

async function publishAll(hub: HubRig, items: readonly PublishItem[]): Promise<void> {
  for (const item of items) {
    await hub.publish(item);
    while (hub.hub.queues.undelivered > 0) await turn();
  }
}

test('a client that comes back gets what it has missed, in the order of the hub, and then what comes', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(messageItem('a', '1'), messageItem('b', '2'), messageItem('c', 'x'), messageItem('a', '3'));
  const client = come(hub, ['a', 'b'], `${store.epoch}-1`);
  assert.deepEqual(client.requester.events, []);
  await turn();
  await hub.publish(messageItem('b', '4'));
  assert.deepEqual(client.requester.events, texts(3, 2));
  assert.equal(hub.counters.historyResumed, 1);
});

test('items that are on their way when a client comes back reach it once', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(messageItem('a', '1'));
  hub.hub.publish([messageItem('a', '2'), messageItem('b', '3')]);
  const client = come(hub, ['a', 'b'], `${store.epoch}-1`);
  hub.hub.publish([messageItem('b', '4')]);
  await turn();
  await hub.publish(messageItem('a', '5'));
  assert.deepEqual(client.requester.events, texts(4, 2));
});

test('envelopes have the channel without the prefix of the route, the cursor and the content by its kind', async (t) => {
  const { hub, store } = keeping(t, [rule('p.a')]);
  const client = come(hub, ['p.a', 'p.c', 'other'], null, { ...ENVELOPE, channelPrefix: 'p.' });
  await hub.publish(
    messageItem('p.a', ' {"x": 1.0}'),
    messageItem('p.a', '[2]'),
    messageItem('p.a', '"3"'),
    messageItem('p.a', '{"x":'),
    messageItem('p.a', 'quote " é\n'),
    messageItem('p.a', '\0\xff', { type: 'binary', content: Buffer.from([0, 255]) }),
    messageItem('p.a', 'beat', { type: 'ping' }),
    messageItem('p.c', 'free'),
    messageItem('other', 'whole name'),
  );
  const shown = client.shown(store).map((line) => Buffer.from(line, 'latin1').toString());
  assert.deepEqual(shown, [
    'text {"type":"cursor","cursor":"E-0"}',
    'text {"channel":"a","cursor":"E-1","json": {"x": 1.0}}',
    'text {"channel":"a","cursor":"E-2","json":[2]}',
    'text {"channel":"a","cursor":"E-3","text":"\\"3\\""}',
    'text {"channel":"a","cursor":"E-4","text":"{\\"x\\":"}',
    'text {"channel":"a","cursor":"E-5","text":"quote \\" é\\n"}',
    'text {"channel":"a","cursor":"E-6","base64":"AP8="}',
    'ping beat',
    'text {"channel":"c","text":"free"}',
    'text {"channel":"other","text":"whole name"}',
  ]);
  for (const line of shown) if (line.startsWith('text ')) JSON.parse(line.slice(5));
});

test('an envelope is made once for all clients of a style, alone or among others', async (t) => {
  const { hub } = keeping(t);
  const clients = [0, 1].map(() => come(hub, ['a'], null, ENVELOPE));
  const bodies = new Set<unknown>();
  for (const { requester } of clients) {
    t.mock.method(requester, 'onResponseShared', (message: unknown) => bodies.add(message));
    t.mock.method(requester, 'onResponseJoined', (message: unknown) => bodies.add(message));
  }
  await hub.publish(messageItem('a', '1'));
  assert.equal(bodies.size, 1);
  await hub.publish(messageItem('a', '2'), messageItem('a', '3'));
  assert.equal(bodies.size, 2);
});

test('a client that cannot get all is told so, and goes on as a new one', async (t) => {
  const { hub, store } = keeping(t, [rule('p.a', { items: 1 }), rule('p.b', { items: 1, onGap: 'none' })]);
  await hub.publish(messageItem('p.a', '1'), messageItem('p.b', '2'), messageItem('p.a', '3'));
  for (const since of [
    '',
    'x',
    'y'.repeat(MAX_SINCE + 1),
    'zzz-1',
    `${store.epoch}-0`,
    `${store.epoch}-99`,
    `${store.epoch}-01`,
  ]) {
    const plain = come(hub, ['p.a', 'p.b'], since, { channelPrefix: 'p.' });
    const wrapped = come(hub, ['p.a', 'p.b'], since, { ...ENVELOPE, channelPrefix: 'p.' });
    await turn();
    const gap = 'text {"type":"gap","channels":["a"],"cursor":"E-3"}';
    // Of `p.b`, which lets go nothing that it has missed, nothing is told either.
    assert.deepEqual(plain.shown(store), [gap], since);
    assert.deepEqual(wrapped.shown(store), [gap, 'text {"type":"cursor","cursor":"E-3"}'], since);
    plain.hold.end();
    wrapped.hold.end();
  }
  const silent = come(hub, ['p.b'], 'x', ENVELOPE);
  await turn();
  assert.deepEqual(silent.shown(store), ['text {"type":"cursor","cursor":"E-3"}']);
});

test('a client that is subscribed to further channels gets what it has missed of them, and nothing of the others twice', async (t) => {
  const { hub, store } = keeping(t);
  for (const sync of [true, false]) {
    const from = store.head;
    // Answers come a turn later, as those of another process do.
    if (!sync)
      askBy(hub, (source, question, done) => source.ask(question, (answer) => setImmediate(() => done(answer))));
    await hub.publish(messageItem('a', 'a1'), messageItem('b', 'b2'), messageItem('a', 'a3'), messageItem('b', 'b4'));
    const client = come(hub, ['a'], `${store.epoch}-${from}`);
    while (client.requester.events.length < 2) await turn();
    client.hold.subscribe('b', [], `${store.epoch}-${from + 2}`);
    hub.hub.publish([messageItem('a', 'a5'), messageItem('b', 'b6')]);
    while (client.requester.events.length < 5) await turn();
    await hub.publish(messageItem('b', 'b7'), messageItem('a', 'a8'));
    for (let i = 0; i < 5; i++) await turn();
    const expected = ['a1', 'a3', 'b4', 'a5', 'b6', 'b7', 'a8'];
    assert.deepEqual(
      client.requester.events,
      expected.map((text) => `text ${text}`),
    );
    client.hold.end();
  }
});

test('the cursor of a message never skips what a client still has to get of other channels', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(messageItem('b', 'b1'), messageItem('b', 'b2'));
  const client = come(hub, ['a'], null, ENVELOPE);
  await hub.publish(messageItem('a', 'a3'));
  client.hold.subscribe('b', [], `${store.epoch}-0`);
  while (client.requester.events.length < 5) await turn();
  await hub.publish(messageItem('b', 'b4'));
  assert.deepEqual(client.shown(store), [
    'text {"type":"cursor","cursor":"E-2"}',
    'text {"channel":"a","cursor":"E-3","text":"a3"}',
    'text {"channel":"b","cursor":"E-1","text":"b1"}',
    'text {"channel":"b","cursor":"E-2","text":"b2"}',
    'text {"type":"cursor","cursor":"E-3"}',
    'text {"channel":"b","cursor":"E-4","text":"b4"}',
  ]);
});

test('a cursor is not above what has not been read yet of channels with other cursors', async (t) => {
  const { hub, store } = keeping(t, [rule('>')]);
  await hub.publish(...['b1', 'c2', 'b3', 'c4'].map((text) => messageItem(text.slice(0, 1), text)));
  const client = come(hub, ['a'], null, ENVELOPE);
  client.hold.subscribe('b', [], `${store.epoch}-1`);
  client.hold.subscribe('c', [], `${store.epoch}-0`);
  while (client.requester.events.length < 5) await turn();
  assert.deepEqual(client.shown(store).slice(1), [
    'text {"channel":"b","cursor":"E-0","text":"b3"}',
    'text {"channel":"c","cursor":"E-2","text":"c2"}',
    'text {"channel":"c","cursor":"E-4","text":"c4"}',
    'text {"type":"cursor","cursor":"E-4"}',
  ]);
});

test('no cursor is beyond what a client has while it is unknown where a new channel begins', async (t) => {
  const { hub, store } = keeping(t, [rule('a'), rule('b', { retain: true })]);
  const answers = answeredByHand(hub);
  await hub.publish(messageItem('b', 'b1'), messageItem('a', 'a2'), messageItem('a', 'a3'));
  const client = come(hub, ['a'], `${store.epoch}-0`, ENVELOPE);
  while (answers.waiting < 1) await turn();
  client.hold.subscribe('b', []);
  while (answers.waiting < 2) await turn();
  // The items of the first channel come before it is known that the other one begins before them.
  for (let last = -1; client.requester.events.length !== last || answers.waiting > 0; await turn()) {
    last = client.requester.events.length;
    answers.giveOne();
  }
  const cursors = client.shown(store).map((text) => Number(/E-(\d+)/.exec(text)?.[1]));
  assert.deepEqual(
    cursors,
    [...cursors].sort((one, other) => one - other),
    client.shown(store).join(),
  );
  const got = client.requester.events.flatMap((event) => /"text":"(\w+)"/.exec(event)?.[1] ?? []);
  assert.deepEqual(got.sort(), ['a2', 'a3', 'b1']);
  const at = client.requester.events.findIndex((event) => event.includes('b1'));
  assert.ok(
    cursors.slice(0, at).every((cursor) => cursor === 0),
    client.shown(store).join(),
  );
});

test('a channel of which a client is ahead begins where the client is', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(...['a1', 'b2', 'a3', 'b4', 'a5'].map((text) => messageItem(text.slice(0, 1), text)));
  const client = come(hub, ['a'], `${store.epoch}-0`);
  client.hold.subscribe('b', [], `${store.epoch}-2`);
  while (client.requester.events.length < 4) await turn();
  const expected = ['a1', 'a3', 'a5', 'b4'].map((text) => `text ${text}`);
  assert.deepEqual(client.requester.events, expected);
  const slow = come(hub, ['a'], `${store.epoch}-0`, { credits: 2 });
  await turn();
  slow.hold.subscribe('b', [], `${store.epoch}-4`);
  takeAllEachTurn(slow.requester, slow.hold);
  slow.credit(100);
  for (let i = 0; i < 20; i++) await turn();
  assert.deepEqual(
    slow.requester.events,
    ['a1', 'a3', 'a5'].map((text) => `text ${text}`),
  );
});

test('a new subscriber gets the last item of a channel that retains it, at once and once', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { retain: true }), rule('b', { retain: true })]);
  await hub.publish(messageItem('a', 'a1'), messageItem('b', 'b2'));
  hub.hub.publish([messageItem('b', 'b3')]);
  const client = come(hub, ['a', 'b'], null, ENVELOPE);
  await turn();
  await hub.publish(messageItem('a', 'a4'));
  assert.deepEqual(client.shown(store), [
    'text {"channel":"a","cursor":"E-1","text":"a1"}',
    'text {"type":"cursor","cursor":"E-3"}',
    'text {"channel":"b","cursor":"E-3","text":"b3"}',
    'text {"channel":"a","cursor":"E-4","text":"a4"}',
  ]);
});

test('items of a channel that a client has left do not come from the log', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(messageItem('a', 'a1'), messageItem('b', 'b2'));
  const client = come(hub, ['a', 'b'], `${store.epoch}-0`);
  client.hold.part('b');
  await turn();
  assert.deepEqual(client.requester.events, ['text a1']);
});

test('items of a channel that a client leaves while an answer is on its way do not come with it', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { retain: true }), rule('b', { retain: true })]);
  const answers = answeredByHand(hub);
  await hub.publish(messageItem('a', 'a1'), messageItem('b', 'b2'));
  const since = `${store.epoch}-0`;
  const together = come(hub, ['a', 'b'], since);
  const [later, unknown, again] = [come(hub, ['a']), come(hub, ['a']), come(hub, ['a'])];
  await answers.giveAll();
  later.hold.subscribe('b', [], since);
  for (const { hold } of [unknown, again]) hold.subscribe('b');
  while (answers.waiting < 3) await turn();
  for (const { hold } of [later, unknown, again]) hold.part('b');
  again.hold.subscribe('b');
  await answers.giveAll();
  assert.deepEqual(later.requester.events, ['text a1']);
  assert.deepEqual(unknown.requester.events, ['text a1']);
  assert.deepEqual(again.requester.events, ['text a1', 'text b2']);
  const back = come(hub, ['a', 'b'], since);
  while (answers.waiting < 1) await turn();
  back.hold.part('b');
  await answers.giveAll();
  assert.deepEqual(back.requester.events, ['text a1']);
  assert.deepEqual(together.requester.events, ['text a1', 'text b2']);
});

test('a client gets what is published in a new channel or pattern while an answer without it is on its way', async (t) => {
  for (const key of ['b.x', patternKey('b.*')]) {
    const { hub, store } = keeping(t, [rule('a'), rule('b.*')]);
    await hub.publish(messageItem('a', 'a1'));
    const late: (() => void)[] = [];
    askBy(hub, (source, question, done) => {
      if (question.after !== null && late.length === 0) late.push(() => source.ask(question, done));
      else source.ask(question, done);
    });
    const client = come(hub, ['a'], `${store.epoch}-0`, ENVELOPE);
    while (late.length === 0) await turn();
    client.hold.subscribe(key);
    await turn();
    await hub.publish(messageItem('b.x', 'b2'), messageItem('a', 'a3'));
    late[0]?.();
    for (let last = -1; client.requester.events.length !== last; await turn()) last = client.requester.events.length;
    await hub.publish(messageItem('b.x', 'b4'));
    const got = client.requester.events.flatMap((event) => /"text":"(\w+)"/.exec(event)?.[1] ?? []);
    assert.deepEqual(got.sort(), ['a1', 'a3', 'b2', 'b4'], client.shown(store).join());
  }
});

test('a new client gets what comes before it is known where it begins, also of a channel or pattern that follows', async (t) => {
  for (const key of ['b.x', patternKey('b.*')]) {
    const { hub, store } = keeping(t, [rule('a'), rule('b.*')]);
    await hub.publish(messageItem('a', 'a1'));
    let begin: (() => void) | null = null;
    askBy(hub, (source, question, done) => {
      if (begin === null) begin = () => source.ask(question, done);
      else source.ask(question, done);
    });
    const client = come(hub, ['a'], null, ENVELOPE);
    while (begin === null) await turn();
    client.hold.subscribe(key);
    await hub.publish(messageItem('b.x', 'b2'));
    await hub.publish(messageItem('a', 'a3'));
    (begin as () => void)();
    for (let last = -1; client.requester.events.length !== last; await turn()) last = client.requester.events.length;
    await hub.publish(messageItem('b.x', 'b4'));
    const got = client.requester.events.flatMap((event) => /"text":"(\w+)"/.exec(event)?.[1] ?? []);
    assert.deepEqual(got, ['b2', 'a3', 'b4'], client.shown(store).join());
  }
});

test('a slow client reads on from the log: it gets each item once, and nothing waits for it', async (t) => {
  const { hub } = keeping(t, [rule('a', { items: 20_000 })], { limits: { queueItems: 10 } });
  const client = come(hub, ['a'], null, { credits: 5 });
  let most = 0;
  for (let i = 1; i <= 10_000; i++) {
    hub.hub.publish([messageItem('a', `${i}`)]);
    if (i % 100 === 0) await turn();
    most = Math.max(most, hub.hub.queues.backlogs);
  }
  await turn();
  assert.ok(most < 2_000, `${most} bytes waited`);
  assert.ok(hub.hub.queues.backlogs < 200);
  takeAllEachTurn(client.requester, client.hold);
  client.credit(100);
  while (client.requester.events.length < 10_000) await turn();
  await hub.publish(messageItem('a', '10001'));
  while (client.requester.events.length < 10_001) await turn();
  assert.deepEqual(client.requester.events, texts(10_001));
  assert.equal(hub.counters.itemsDropped, 0);
});

test('a message that is larger than the queue of a client comes from the log, in pieces', async (t) => {
  const { hub } = keeping(t, [rule('a')], { limits: { queueBytes: 10 } });
  const client = come(hub, ['a'], null, { credits: 5 });
  const large = 'x'.repeat(200);
  await publishAll(hub, [messageItem('a', large), messageItem('a', 'small')]);
  // It never accepts more than 10 bytes at a time.
  for (let i = 0; i < 50; i++) {
    client.credit(10 - client.requester.credits);
    await turn();
  }
  assert.deepEqual(client.requester.events, [`text ${large}`, 'text small']);
});

test('items of channels that are not kept are dropped for a slow client, and counted', async (t) => {
  const { hub } = keeping(t, [rule('a')], { limits: { queueItems: 1 } });
  const client = come(hub, ['a', 'free'], null, { credits: 2 });
  await publishAll(
    hub,
    ['1', '2', '3'].map((text) => messageItem('free', text)),
  );
  await publishAll(hub, [messageItem('a', '4'), messageItem('free', '5'), messageItem('a', '6')]);
  takeAllEachTurn(client.requester, client.hold);
  client.credit(100);
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual(client.requester.events, ['text 1', 'text 2', 'text 3', 'text 4', 'text 6']);
  assert.equal(hub.counters.itemsDropped, 1);
});

test('a slow client is closed with the cursor at which it fell behind, where its route says so', async (t) => {
  const { hub, store } = keeping(t, [rule('a')], { limits: { queueItems: 2 } });
  const client = come(hub, ['a'], null, { credits: 2, slow: 'close' });
  await publishAll(
    hub,
    ['1', '2', '3', '4', '5'].map((text) => messageItem('a', text)),
  );
  assert.deepEqual(client.shown(store), ['text 1', 'text 2', 'close 1013 E-2']);
  assert.deepEqual([client.closed, hub.counters.slowClientsClosed, hub.hub.queues.backlogs], [true, 1, 0]);
  const plain = come(hub, ['free'], null, { credits: 0, slow: 'close' });
  await publishAll(
    hub,
    ['1', '2', '3'].map((text) => messageItem('free', text)),
  );
  assert.equal(plain.closed, true);
  plain.credit(10);
  assert.deepEqual(plain.requester.events, ['text 1', 'text 2', 'close 1013']);
});

test('items are dropped for a slow client, where its route says so', async (t) => {
  const { hub } = keeping(t, [rule('a')], { limits: { queueItems: 1 } });
  const client = come(hub, ['a'], null, { credits: 0, slow: 'drop' });
  await publishAll(
    hub,
    ['1', '2', '3'].map((text) => messageItem('a', text)),
  );
  client.credit(100);
  await publishAll(hub, [messageItem('a', '4')]);
  assert.deepEqual(client.requester.events, ['text 1', 'text 4']);
  assert.equal(hub.counters.itemsDropped, 2);
});

test('a client that is behind when a publisher closes is told where it is', async (t) => {
  const { hub, store } = keeping(t, [rule('a')], { limits: { queueItems: 1 } });
  const reasons = ['', 'bye'];
  for (const reason of reasons) {
    const from = store.head;
    const client = come(hub, ['a'], null, { credits: 1 });
    await publishAll(
      hub,
      ['1', '2', '3'].map((text) => messageItem('a', text)),
    );
    await hub.publish(messageItem('a', '', { action: 'close', code: 4000, reason }));
    client.credit(100);
    const last = client.shown(store).at(-1);
    assert.equal(last, reason === '' ? `close 4000 E-${from + 1}` : 'close 4000 bye');
  }
});

test('a gap in the middle is told to those who know of cursors, with where they go on', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 2 })], { limits: { queueItems: 1 } });
  const knowing = come(hub, ['a'], null, { ...ENVELOPE, credits: 40 });
  const plain = come(hub, ['a'], null, { credits: 1 });
  await publishAll(
    hub,
    ['1', '2', '3', '4', '5', '6'].map((text) => messageItem('a', text)),
  );
  for (const client of [knowing, plain]) {
    takeAllEachTurn(client.requester, client.hold);
    client.credit(10_000);
    for (let i = 0; i < 5; i++) await turn();
  }
  await hub.publish(messageItem('a', '7'));
  const shown = knowing.shown(store);
  assert.deepEqual(shown.slice(-3), [
    'text {"type":"gap","channels":["a"],"cursor":"E-6"}',
    'text {"type":"cursor","cursor":"E-6"}',
    'text {"channel":"a","cursor":"E-7","text":"7"}',
  ]);
  assert.deepEqual(plain.requester.events, ['text 1', 'text 7']);
});

test('a client gets its items in order and once behind a filter that asks a service, however slow that is', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 1_000 })], { limits: { queueItems: 5 } });
  const filterService = new ManualService();
  await publishAll(
    hub,
    Array.from({ length: 30 }, (_, at) => messageItem('a', `${at + 1}`)),
  );
  const site = new WebSocketSite(hub, { filterService, credits: 1_000_000 });
  site.hold.setMeta('url', 'http://x/');
  site.hold.subscribe('a', ['http-check'], `${store.epoch}-0`);
  for (let sent = 30; site.requester.events.length < 90; ) {
    await turn();
    if (sent < 60) hub.hub.publish([messageItem('a', `${++sent}`)]);
    filterService.passNext();
    // The pace of requests to one service.
    if (filterService.waiting === 0) hub.advance(1_000);
    if (site.requester.events.length === 60 && sent === 60) break;
  }
  assert.deepEqual(site.requester.events, texts(60));
  assert.equal(hub.counters.itemsDropped, 0);
});

test('what waited for a service while a message before it was left to the log comes from there, once', async (t) => {
  const { hub } = keeping(t, [rule('a')], { limits: { queueItems: 3 } });
  const filterService = new ManualService();
  const site = new WebSocketSite(hub, { filterService, credits: 1 });
  site.hold.setMeta('url', 'http://x/');
  site.hold.subscribe('a', ['http-check']);
  // One is taken and three wait for the client, and then one is asked about and two wait for that.
  for (const wave of [
    [1, 2, 3, 4],
    [5, 6, 7],
  ]) {
    for (const i of wave) await hub.publish(messageItem('a', `${i}`));
    await filterService.passAll(hub);
  }
  site.credit(1_000);
  await filterService.passAll(hub);
  assert.deepEqual(site.requester.events, texts(7));
});

test('rules that keep a channel later give its clients a place with their next subscription', async (t) => {
  const { hub, store } = keeping(t, [rule('b')]);
  const client = come(hub, ['a'], 'x', ENVELOPE);
  await hub.publish(messageItem('a', '1'));
  hub.hub.history.rules = new ChannelRules([rule('a'), rule('b')]);
  await hub.publish(messageItem('a', '2'));
  client.hold.subscribe('b');
  await hub.publish(messageItem('a', '3'));
  assert.deepEqual(client.shown(store), [
    'text {"channel":"a","text":"1"}',
    'text {"channel":"a","text":"2"}',
    'text {"type":"cursor","cursor":"E-1"}',
    'text {"channel":"a","cursor":"E-2","text":"3"}',
  ]);
});

test('an id of an item works as a cursor with a single channel, unless it is longer than any that is looked for', async (t) => {
  const { hub, store } = keeping(t);
  const ids = ['x'.repeat(MAX_SINCE), 'y'.repeat(MAX_SINCE + 1)];
  const first = { ...messageItem('a', 'first'), id: 'x'.repeat(MAX_SINCE) };
  await hub.publish(first, messageItem('a', 'next'), messageItem('a', 'last'));
  const [found, tooLong] = ids.map((id) => come(hub, ['a'], id));
  await turn();
  assert.deepEqual(found?.requester.events, ['text next', 'text last']);
  assert.deepEqual(tooLong?.shown(store), ['text {"type":"gap","channels":["a"],"cursor":"E-3"}']);
  const late = come(hub, ['b']);
  late.hold.subscribe('a', [], ids[0]);
  while (late.requester.events.length < 2) await turn();
  assert.deepEqual(late.requester.events, ['text next', 'text last']);
});

test('a client that moves to another process keeps its place, envelopes, policy, and that it knows of gaps', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 1 })], { limits: { queueItems: 1 } });
  const client = come(hub, ['a'], store.epoch.concat('-0'), { ...ENVELOPE, slow: 'close' });
  await turn();
  await hub.publish(messageItem('a', '1'));
  client.credit(1_000);
  const moved = client.hold.suspend();
  assert.ok(moved);
  await hub.publish(messageItem('a', '2'));
  moved.forget();
  const next = new WebSocketSite(hub, { moved: moved.state, credits: 60 });
  while (next.requester.events.length === 0) await turn();
  await publishAll(
    hub,
    ['3', '4', '5'].map((text) => messageItem('a', text)),
  );
  next.credit(10_000);
  assert.deepEqual(next.shown(store).at(0), 'text {"channel":"a","cursor":"E-2","text":"2"}');
  assert.match(next.shown(store).at(-1) ?? '', /^close 1013 E-\d$/);
  const plain = come(hub, ['a'], `${store.epoch}-5`);
  await turn();
  const leaving = plain.hold.suspend();
  assert.ok(leaving);
  await publishAll(
    hub,
    ['6', '7', '8'].map((text) => messageItem('a', text)),
  );
  leaving.forget();
  const back = new WebSocketSite(hub, { moved: leaving.state });
  while (back.requester.events.length === 0) await turn();
  assert.deepEqual(back.shown(store), ['text {"type":"gap","channels":["a"],"cursor":"E-8"}']);
});
