import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import {
  item,
  replayBy,
  responseFormat,
  responseInstruct,
  responseItem,
  rig,
  SilentOrigin,
  streamAction,
  streamFormat,
  streamInstruct,
  streamItem,
  turn,
} from './support.ts';

test('nothing is delivered before the turn of its publish ends', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  made.hub.publish([streamItem('a', '1')]);
  made.hub.publish([streamItem('a', '2'), streamItem('a', '3')]);
  assert.deepEqual(client.texts, []);
  await turn();
  assert.deepEqual(client.texts, ['123'], 'one write for all');
  assert.equal(client.payloads[0]?.items, 3);
  assert.equal(made.counters.itemsPublished, 3);
  assert.equal(made.counters.itemsDelivered, 3);
});

test('all clients of a channel get the same payload', async (t) => {
  const made = rig(t);
  const clients = Array.from({ length: 5 }, () => made.hold(made.client(), streamInstruct(['a'])));
  await made.publish(streamItem('a', '1'), streamItem('a', '2'));
  assert.equal(new Set(clients.map(({ payloads }) => payloads[0])).size, 1);
  assert.equal(made.counters.itemsDelivered, 10);
});

test('items reach a client of several channels in the order of publishing', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a', 'b']));
  made.hub.publish([streamItem('a', '1'), streamItem('b', '2'), streamItem('a', '3')]);
  made.hub.publish([streamItem('a', '4'), streamItem('b', '5')]);
  await turn();
  assert.deepEqual(client.texts, ['1', '2', '34', '5']);
});

test('items for held responses do not split the runs of streams', async (t) => {
  const made = rig(t);
  const stream = made.hold(made.client(), streamInstruct(['a']));
  const response = made.hold(made.client(), responseInstruct(['a']));
  const both = (text: string) =>
    item('a', {
      httpStream: streamFormat(text),
      httpResponse: responseFormat({ body: Buffer.from(text) }),
    });
  await made.publish(both('1'), both('2'), both('3'));
  assert.deepEqual(stream.texts, ['123']);
  assert.equal(response.body, '1');
});

test('a burst larger than 16,384 bytes leaves in several writes', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  await made.publish(...Array.from({ length: 5 }, (_, i) => streamItem('a', String(i).repeat(5_000))));
  assert.deepEqual(
    client.texts.map(({ length }) => length),
    [15_000, 10_000],
  );
});

test('a close separates the items before it from those after it', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  made.hub.publish([streamItem('a', '1'), streamAction('a', 'close'), streamItem('a', '2')]);
  await turn();
  assert.deepEqual(client.texts, ['1']);
  assert.equal(client.complete, true);
});

test('a client that is held between a publish and the end of its turn gets the item', async (t) => {
  const made = rig(t);
  made.hub.publish([streamItem('a', 'x'), responseItem('a', 'y')]);
  const stream = made.hold(made.client(), streamInstruct(['a']));
  const response = made.hold(made.client(), responseInstruct(['a']));
  await turn();
  assert.equal(stream.body, 'x');
  assert.equal(response.body, 'y');
});

test('a client that leaves between a publish and the end of its turn gets nothing', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  made.hub.publish([streamItem('a', 'x')]);
  client.leave();
  await turn();
  assert.equal(client.body, '');
});

test('clients that join or leave during a delivery cause no loss for others', async (t) => {
  const made = rig(t);
  const clients = Array.from({ length: 6 }, () => made.hold(made.client(), streamInstruct(['a'])));
  const [first, , third] = clients as [HeldClient, HeldClient, HeldClient];
  const joined: HeldClient[] = [];
  first.onBytes = () => {
    first.leave();
    clients[5]?.leave();
    joined.push(made.hold(made.client(), streamInstruct(['a'])));
  };
  third.onBytes = () => third.leave();
  await made.publish(streamItem('a', 'x'));
  assert.deepEqual(
    clients.map(({ body }) => body),
    ['x', 'x', 'x', 'x', 'x', ''],
  );
  await made.publish(streamItem('a', 'y'));
  assert.deepEqual(
    [...clients, ...joined].map(({ body }) => body),
    ['x', 'xy', 'x', 'xy', 'xy', '', 'y'],
  );
});

test('a client that is held again within its response waits for the next item', async (t) => {
  const made = rig(t);
  const first = made.hold(made.client(), responseInstruct(['a']));
  const second = made.client();
  first.onEnd = () => {
    made.hold(second, responseInstruct(['a']));
  };
  await made.publish(responseItem('a', '1'));
  assert.equal(first.body, '1');
  assert.equal(second.head, null);
  await made.publish(responseItem('a', '2'));
  assert.equal(second.body, '2');
});

test('an item that is published within a delivery is delivered in the next turn', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  client.onBytes = () => {
    client.onBytes = () => {};
    made.hub.publish([streamItem('a', '2')]);
  };
  await made.publish(streamItem('a', '1'));
  await turn();
  assert.deepEqual(client.texts, ['1', '2']);
});

test('a channel that is named twice counts once', async (t) => {
  const made = rig(t, { limits: { connectionSubscriptionMax: 2 } });
  const client = made.hold(made.client(), streamInstruct(['a', 'a', 'b', 'a']));
  assert.equal(made.hub.stats.channels, 2);
  assert.equal(made.counters.subscriptionsDropped, 0);
  await made.publish(streamItem('a', 'x'));
  assert.deepEqual(client.texts, ['x']);
});

test('channels beyond the limit are ignored, counted and logged with the request', async (t) => {
  const made = rig(t, { limits: { connectionSubscriptionMax: 2 } });
  const client = made.hold(made.client(), streamInstruct(['a', 'b', 'c', 'd']));
  assert.equal(made.hub.stats.channels, 2);
  assert.equal(made.counters.subscriptionsDropped, 2);
  assert.deepEqual(
    made.log.at('info').map(({ fields }) => fields),
    [{ id: client.request.id, dropped: 2, max: 2 }],
  );
  await made.publish(streamItem('c', 'x'), streamItem('b', 'y'));
  assert.equal(client.body, 'y');
});

test('a prefix is put in front of the channels of a hold', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']), { channelPrefix: 'tenant-' });
  await made.publish(streamItem('a', 'x'), streamItem('tenant-a', 'y'));
  assert.equal(client.body, 'y');
});

test('a hold without channels waits for its timeout, a stream gets its keep-alives', (t) => {
  const made = rig(t);
  const response = made.hold(made.client(), responseInstruct([], { timeout: 5, body: 'x' }));
  const stream = made.hold(made.client(), streamInstruct([]));
  assert.deepEqual(made.hub.stats, { holds: 2, channels: 0 });
  made.advance(5_200);
  assert.equal(response.body, 'x');
  assert.equal(stream.complete, false);
});

test('an instruct without a hold is refused', (t) => {
  const made = rig(t);
  const client = made.client();
  assert.throws(() => made.hold(client, { ...responseInstruct([]), hold: null }), TypeError);
  assert.equal(client.handOvers, 0);
});

test('a drain delivers published items, then ends streams and sends held requests their timeout response', async (t) => {
  const made = rig(t);
  const stream = made.hold(made.client(), streamInstruct(['a']));
  const slow = made.hold(made.client(1), streamInstruct(['a']));
  const response = made.hold(made.client(), responseInstruct(['a'], { body: 'nothing new' }));
  const answered = made.hold(made.client(), responseInstruct(['b'], { body: 'nothing new' }));
  made.hub.publish([streamItem('a', 'last'), responseItem('b', 'last')]);
  made.hub.drain();
  assert.equal(stream.body, 'last');
  assert.equal(stream.complete, true);
  assert.equal(response.body, 'nothing new');
  assert.equal(response.complete, true);
  assert.equal(answered.body, 'last');
  assert.equal(slow.complete, false);
  slow.grant(10);
  assert.equal(slow.body, 'last');
  assert.equal(slow.complete, true);
  assert.equal(made.counters.holdsTimedOut, 0);
  made.assertEmpty();
  await turn();
});

test('after a drain a new hold gets its response at once', (t) => {
  const made = rig(t);
  made.hub.drain();
  const stream = made.hold(made.client(), streamInstruct(['a'], { body: 'hello' }));
  assert.equal(stream.body, 'hello');
  assert.equal(stream.complete, true);
  const response = made.hold(made.client(), responseInstruct(['a'], { body: 'nothing new' }));
  assert.equal(response.body, 'nothing new');
  assert.equal(response.complete, true);
  const left = made.client();
  left.onHead = () => left.leave();
  made.hold(left, streamInstruct(['a'], { body: 'hello' }));
  assert.equal(left.complete, false);
  made.assertEmpty();
});

test('a request that is being replayed when the hub drains gets its response when it returns', (t) => {
  const made = rig(t);
  const client = made.client();
  const instruct = responseInstruct(['a'], { body: 'nothing new' });
  const origin = new SilentOrigin();
  made.hold(client, instruct, { replay: origin.replay });
  made.hub.recover();
  made.hub.drain();
  assert.equal(client.complete, false);
  made.hold(client, instruct, { former: origin.former(0) });
  assert.equal(client.body, 'nothing new');
  assert.equal(client.complete, true);
  made.assertEmpty();
});

for (const end of ['fails', 'takes too long'] as const) {
  test(`a request whose replay ${end} when the hub drains gets its timeout response`, (t) => {
    const made = rig(t);
    const client = made.client();
    const origin = new SilentOrigin();
    made.hold(client, responseInstruct(['a'], { timeout: 10, body: 'nothing new' }), { replay: origin.replay });
    made.hub.recover();
    made.hub.drain();
    if (end === 'fails') origin.former(0).resume(client.credits);
    else made.advance(10_300);
    assert.equal(client.body, 'nothing new');
    made.assertEmpty();
  });
}

test('a client that leaves while another is drained or replayed is left alone', (t) => {
  const made = rig(t);
  const instruct = responseInstruct(['a'], { body: 'nothing new' });
  const second = made.client();
  const first = made.hold(made.client(), instruct, { replay: replayBy(() => second.leave()) });
  made.hold(second, instruct, { replay: replayBy(() => assert.fail('it has left')) });
  made.hub.recover();
  assert.equal(first.head, null);
  const fourth = made.client();
  const third = made.client();
  third.onHead = () => fourth.leave();
  made.hold(third, instruct);
  made.hold(fourth, instruct);
  made.hub.drain();
  assert.equal(third.body, 'nothing new');
  assert.equal(fourth.head, null);
});

test('publishes and holds are logged for debugging', async (t) => {
  const made = rig(t);
  made.hold(made.client(), streamInstruct(['a']));
  await made.publish(streamItem('a', 'x'), streamItem('b', 'x'));
  assert.deepEqual(
    made.log.at('debug').map(({ fields, message }) => [message, fields]),
    [
      ['hold', { id: 'c1-1', mode: 'stream', channels: ['a'] }],
      ['published', { channel: 'a', format: 'http-stream', receivers: 1 }],
      ['published', { channel: 'b', format: 'http-stream', receivers: 0 }],
    ],
  );
});

test('no record is built when debugging is off', async (t) => {
  const made = rig(t);
  made.log.debugEnabled = false;
  made.hold(made.client(), streamInstruct(['a']));
  await made.publish(streamItem('a', 'x'));
  assert.deepEqual(made.log.records, []);
});

test('an observer hears of the client of a replay that is held again after it hears that the hold before has ended', (t) => {
  const made = rig(t);
  const heard: string[] = [];
  made.hub.observe({
    onHeld: ({ id }) => heard.push(`held ${id}`),
    onLeft: ({ id }) => heard.push(`left ${id}`),
    onMembers() {},
    onItem() {},
  });
  const origin = new SilentOrigin();
  const client = made.client();
  const { id } = client.request;
  made.hold(client, responseInstruct(['a']), { replay: origin.replay });
  made.hub.recover();
  made.hold(client, responseInstruct(['a']), { replay: origin.replay, former: origin.former(0) });
  assert.deepEqual(heard, [`held ${id}`, `left ${id}`, `held ${id}`]);
  client.leave();
  assert.equal(heard.at(-1), `left ${id}`);
});
