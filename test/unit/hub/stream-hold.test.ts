import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import {
  item,
  keepAlive,
  responseFormat,
  rig,
  streamAction,
  streamFormat,
  streamInstruct,
  streamItem,
} from './support.ts';

test('a held stream gets head and initial body at once, then the items of its channels', async (t) => {
  const made = rig(t);
  const client = made.hold(
    made.client(),
    streamInstruct(['a', 'b'], { status: 201, headers: ['Content-Type', 'text/plain'], body: 'hello\n' }),
  );
  assert.deepEqual(client.head, {
    status: 201,
    reason: '',
    headers: ['Content-Type', 'text/plain'],
    bodyLength: UNKNOWN_LENGTH,
  });
  assert.deepEqual(client.texts, ['hello\n']);
  await made.publish(streamItem('a', 'one'), streamItem('x', 'not for it'));
  await made.publish(streamItem('b', 'two'));
  assert.deepEqual(client.texts, ['hello\n', 'one', 'two']);
  assert.equal(made.counters.itemsPublished, 3);
  assert.equal(made.counters.itemsDelivered, 2);
});

test('an empty initial body sends nothing but the head', (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  assert.notEqual(client.head, null);
  assert.deepEqual(client.texts, []);
});

test('a client that has the head of its response gets no second one', async (t) => {
  const made = rig(t);
  const client = made.client();
  client.onResponse({ status: 200, reason: '', headers: [], bodyLength: UNKNOWN_LENGTH });
  client.onResponseData(Buffer.from('long initial body'), true);
  made.hold(client, streamInstruct(['a'], { body: 'unused' }), { responseStarted: true });
  await made.publish(streamItem('a', 'x'));
  assert.deepEqual(client.texts, ['long initial body', 'x']);
});

test('an item without content sends nothing', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  await made.publish(streamItem('a', ''), streamItem('a', 'x'), streamItem('a', ''));
  assert.deepEqual(client.texts, ['x']);
  assert.equal(client.payloads[0]?.items, 1);
});

test('a close ends the body cleanly, after what was published before it', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a', 'b']));
  await made.publish(streamItem('a', 'x'), streamAction('b', 'close'), streamItem('a', 'too late'));
  assert.deepEqual(client.texts, ['x']);
  assert.equal(client.complete, true);
  made.assertEmpty();
});

test('a hint does not change streams', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  await made.publish(streamAction('a', 'hint'));
  assert.deepEqual(client.texts, []);
  await made.publish(streamItem('a', 'x'));
  assert.deepEqual(client.texts, ['x']);
});

test('a client that leaves leaves nothing behind', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a', 'b'], { keepAlive: keepAlive('.', 1) }));
  client.leave();
  made.assertEmpty();
  await made.publish(streamItem('a', 'x'));
  made.advance(3_000);
  assert.deepEqual(client.texts, []);
});

test('a client that leaves at its head or its initial body is not held', (t) => {
  const made = rig(t);
  const first = made.client();
  first.onHead = () => first.leave();
  made.hold(first, streamInstruct(['a'], { body: 'x', keepAlive: keepAlive('.', 1) }));
  const second = made.client();
  second.onBytes = () => second.leave();
  made.hold(second, streamInstruct(['a'], { body: 'x', keepAlive: keepAlive('.', 1) }));
  made.assertEmpty();
  made.advance(3_000);
  assert.deepEqual(first.texts, []);
  assert.deepEqual(second.texts, ['x']);
});

test('items beyond the credits wait, and leave in order as credits are granted', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(5), streamInstruct(['a']));
  await made.publish(streamItem('a', 'abc'));
  await made.publish(streamItem('a', 'def'));
  await made.publish(streamItem('a', 'g'));
  assert.deepEqual(client.texts, ['abc', 'de']);
  assert.equal(made.counters.itemsDelivered, 1);
  client.grant(1);
  assert.deepEqual(client.texts, ['abc', 'de', 'f']);
  assert.equal(made.counters.itemsDelivered, 2);
  client.grant(10);
  assert.deepEqual(client.texts, ['abc', 'de', 'f', 'g']);
  await made.publish(streamItem('a', 'h'));
  assert.deepEqual(client.texts, ['abc', 'de', 'f', 'g', 'h']);
  assert.equal(made.counters.itemsDelivered, 4);
  assert.equal(made.counters.itemsDropped, 0);
  assert.deepEqual(made.log.at('warn'), []);
  assert.deepEqual(made.log.at('info'), []);
});

test('an item that waited is passed on with its shared encodings', async (t) => {
  const made = rig(t);
  const fast = made.hold(made.client(), streamInstruct(['a']));
  const slow = made.hold(made.client(0), streamInstruct(['a']));
  await made.publish(streamItem('a', 'x'));
  slow.grant(10);
  assert.equal(slow.payloads[0], fast.payloads[0]);
});

test('credits that are granted within a delivery are used at once', async (t) => {
  const made = rig(t);
  const client = made.client(2);
  client.onBytes = (bytes) => client.grant(bytes);
  made.hold(client, streamInstruct(['a'], { body: 'initial' }));
  assert.equal(client.body, 'initial');
  await made.publish(streamItem('a', 'abcdefg'), streamAction('a', 'close'));
  assert.equal(client.body, 'initialabcdefg');
  assert.equal(client.complete, true);
  assert.ok(client.texts.every((chunk) => chunk.length <= 2));
});

test('an initial body larger than the credits waits, is never dropped, and goes before the items', async (t) => {
  const made = rig(t, { limits: { queueItems: 1, queueBytes: 3 } });
  const client = made.hold(made.client(4), streamInstruct(['a'], { body: 'initial body' }));
  assert.equal(client.body, 'init');
  await made.publish(streamItem('a', 'x'), streamItem('a', 'dropped'));
  client.grant(100);
  assert.equal(client.body, 'initial bodyx');
  assert.equal(made.counters.itemsDropped, 1);
});

test('a full queue drops items for that client only, counts them, and logs the beginning and the end', async (t) => {
  const made = rig(t, { limits: { queueItems: 2 } });
  const fast = made.hold(made.client(), streamInstruct(['a']));
  const slow = made.hold(made.client(0), streamInstruct(['a']));
  await made.publish(streamItem('a', '1'), streamItem('a', '2'), streamItem('a', '3'));
  await made.publish(streamItem('a', '4'));
  assert.equal(fast.body, '1234');
  assert.equal(made.counters.itemsDropped, 2);
  assert.deepEqual(
    made.log.at('warn').map(({ fields }) => fields),
    [{ id: slow.request.id, items: 2, bytes: 2 }],
  );
  slow.grant(1);
  assert.deepEqual(made.log.at('info'), [], 'it has not caught up yet');
  await made.publish(streamItem('a', '5'), streamItem('a', '6'));
  slow.grant(10);
  assert.equal(slow.body, '125');
  assert.equal(made.counters.itemsDropped, 3);
  assert.equal(made.log.at('warn').length, 1);
  assert.deepEqual(
    made.log.at('info').map(({ fields }) => fields),
    [{ id: slow.request.id, dropped: 3 }],
  );
  await made.publish(streamItem('a', '7'));
  assert.equal(slow.body, '1257');
  assert.equal(made.counters.itemsDelivered, 7 + 4);
});

test('the queue is bounded by bytes too', async (t) => {
  const made = rig(t, { limits: { queueBytes: 10 } });
  const client = made.hold(made.client(2), streamInstruct(['a']));
  await made.publish(streamItem('a', '0123456789ab'));
  assert.equal(client.body, '01', 'the credits take two, ten wait');
  await made.publish(streamItem('a', 'x'));
  assert.equal(made.counters.itemsDropped, 1);
  client.grant(1);
  await made.publish(streamItem('a', 'y'));
  client.grant(100);
  assert.equal(client.body, '0123456789aby');
  assert.equal(made.counters.itemsDropped, 1);
});

test('an item larger than queue and credits is dropped, and the client continues', async (t) => {
  const made = rig(t, { limits: { queueBytes: 10 } });
  const client = made.hold(made.client(2), streamInstruct(['a'], { keepAlive: keepAlive('.', 5) }));
  await made.publish(streamItem('a', '0123456789abc'));
  assert.equal(client.body, '');
  assert.equal(made.counters.itemsDropped, 1);
  made.advance(5_200);
  assert.equal(client.body, '.', 'nothing waits: keep-alives go on');
  client.grant(1);
  assert.deepEqual(
    made.log.at('info').map(({ fields }) => fields),
    [{ id: client.request.id, dropped: 1 }],
  );
  await made.publish(streamItem('a', 'x'));
  assert.equal(client.body, '.x');
});

test('a client that leaves before it caught up is logged with its losses', async (t) => {
  const made = rig(t, { limits: { queueItems: 1 } });
  const client = made.hold(made.client(0), streamInstruct(['a']));
  await made.publish(streamItem('a', '1'), streamItem('a', '2'), streamItem('a', '3'));
  client.leave();
  assert.deepEqual(
    made.log.at('info').map(({ fields }) => fields),
    [{ id: client.request.id, dropped: 2 }],
  );
  made.assertEmpty();
});

test('a client that leaves in the middle of a burst gets no more of it', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(2), streamInstruct(['a']));
  client.onBytes = () => client.leave();
  await made.publish(streamItem('a', '1'), streamItem('a', '2'), streamItem('a', '3'));
  assert.equal(client.body, '1');
  made.assertEmpty();
});

test('a close while items wait ends the body after them', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(1), streamInstruct(['a']));
  await made.publish(streamItem('a', 'ab'), streamItem('a', 'c'), streamAction('a', 'close'), streamItem('a', 'd'));
  assert.equal(client.complete, false);
  made.assertEmpty();
  client.grant(1);
  assert.equal(client.complete, false);
  client.grant(1);
  assert.equal(client.body, 'abc');
  assert.equal(client.complete, true);
});

test('a client that leaves while its closed body still waits gets no more', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(1), streamInstruct(['a']));
  await made.publish(streamItem('a', 'ab'), streamAction('a', 'close'));
  client.leave();
  assert.equal(client.body, 'a');
  assert.equal(client.complete, false);
});

test('an idle keep-alive is sent after silence, and data postpones it', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a'], { keepAlive: keepAlive('.', 10) }));
  made.advance(9_900);
  assert.equal(client.body, '');
  made.advance(300);
  assert.equal(client.body, '.');
  made.advance(5_000);
  await made.publish(streamItem('a', 'x'));
  made.advance(9_000);
  assert.equal(client.body, '.x');
  made.advance(1_500);
  assert.equal(client.body, '.x.');
  made.advance(10_300);
  assert.equal(client.body, '.x..');
  assert.equal(made.counters.itemsDelivered, 1);
});

test('data that waited for credits postpones an idle keep-alive when it leaves', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(1), streamInstruct(['a'], { keepAlive: keepAlive('.', 10) }));
  await made.publish(streamItem('a', 'ab'));
  made.advance(5_000);
  client.grant(100);
  made.advance(9_000);
  assert.equal(client.body, 'ab');
  made.advance(1_500);
  assert.equal(client.body, 'ab.');
});

test('an interval keep-alive is sent regardless of data', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a'], { keepAlive: keepAlive('.', 10, 'interval') }));
  for (let i = 0; i < 3; i++) {
    made.advance(8_000);
    await made.publish(streamItem('a', 'x'));
    made.advance(2_200);
  }
  assert.equal(client.body, 'x.x.x.');
});

test('a keep-alive comes up to a second early at random', (t) => {
  const made = rig(t, { random: 0.9 });
  const client = made.hold(made.client(), streamInstruct(['a'], { keepAlive: keepAlive('.', 10) }));
  made.advance(9_000);
  assert.equal(client.body, '');
  made.advance(300);
  assert.equal(client.body, '.');
});

test('a client with items waiting gets no keep-alive', async (t) => {
  for (const mode of ['idle', 'interval'] as const) {
    const made = rig(t, { limits: { queueItems: 1 } });
    const client = made.hold(made.client(1), streamInstruct(['a'], { keepAlive: keepAlive('.', 5, mode) }));
    await made.publish(streamItem('a', 'ab'));
    made.advance(20_000);
    assert.equal(client.body, 'a');
    client.grant(1);
    made.advance(20_000);
    assert.equal(client.body, 'ab', 'no credits are left for one');
    client.grant(100);
    made.advance(6_000);
    assert.match(client.body, /^ab\.\.?$/);
    t.mock.reset();
  }
});

test('streams with the same keep-alive share its encodings', (t) => {
  const made = rig(t);
  const clients = [1, 2].map(() => made.hold(made.client(), streamInstruct(['a'], { keepAlive: keepAlive('.', 5) })));
  made.advance(5_200);
  assert.equal(clients[0]?.payloads[0], clients[1]?.payloads[0]);
});

test('a client that leaves at a keep-alive leaves nothing behind', (t) => {
  const made = rig(t);
  const client = made.client();
  client.onBytes = () => client.leave();
  made.hold(client, streamInstruct(['a'], { keepAlive: keepAlive('.', 1) }));
  made.advance(5_000);
  assert.equal(client.body, '.');
  made.assertEmpty();
});

test('an item with both formats serves streams by one and responses by the other', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  await made.publish(
    item('a', {
      httpStream: streamFormat('stream'),
      httpResponse: responseFormat({ body: Buffer.from('response') }),
    }),
  );
  assert.equal(client.body, 'stream');
  assert.equal(made.counters.itemsPublished, 1);
});
