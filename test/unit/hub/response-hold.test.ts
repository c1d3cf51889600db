import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FormerHold, Replay } from '../../../src/hub/index.ts';
import { MAX_HELD_BYTES } from '../../../src/hub/response-hold.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import {
  type HubRig,
  replayBy,
  responseHint,
  responseInstruct,
  responseItem,
  rig,
  streamInstruct,
  streamItem,
  turn,
} from './support.ts';

/** What a proxy does with a replay: takes the exchange back, and waits for the origin. */
class Origin {
  readonly replays: FormerHold[] = [];
  readonly #client: HeldClient;

  constructor(client: HeldClient) {
    this.#client = client;
  }

  readonly replay: Replay = replayBy((former) => {
    this.replays.push(former);
    this.#client.handOver({
      onRequestData: () => {},
      onRequestError: () => former.release(),
      onResponseCredit: () => {},
    });
  });
}

/** Holds a client whose origin holds it again and again. */
function replayable(made: HubRig, channels: string[]): { client: HeldClient; origin: Origin } {
  const client = made.client();
  const origin = new Origin(client);
  made.hold(client, responseInstruct(channels), { replay: origin.replay });
  return { client, origin };
}

test('a held request gets nothing until an item comes', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), responseInstruct(['a'], { headers: ['X-Held', '1'], body: 'timeout' }));
  assert.equal(client.handOvers, 1);
  assert.equal(client.head, null);
  await made.publish(responseItem('b', 'other channel'), streamItem('a', 'other format'));
  assert.equal(client.head, null);
  await made.publish(responseItem('a', 'news', { code: 201, headers: ['X-Item', '2'] }));
  assert.deepEqual(client.head, {
    status: 201,
    reason: '',
    headers: ['X-Held', '1', 'X-Item', '2'],
    bodyLength: 4,
  });
  assert.equal(client.body, 'news');
  assert.equal(client.complete, true);
  made.assertEmpty();
  assert.equal(made.counters.itemsPublished, 3);
  assert.equal(made.counters.itemsDelivered, 1);
  assert.equal(made.counters.holdsStarted, 1);
});

test('one item is the response to every request that is held on its channel', async (t) => {
  const made = rig(t);
  const clients = Array.from({ length: 10 }, () => made.hold(made.client(), responseInstruct(['a', 'b'])));
  await made.publish(responseItem('b', 'x'), responseItem('b', 'too late'), responseItem('a', 'too late'));
  for (const client of clients) {
    assert.equal(client.body, 'x');
    assert.equal(client.complete, true);
  }
  assert.equal(made.counters.itemsDelivered, 10);
  made.assertEmpty();
});

test('a hold times out with the response of its instruct', (t) => {
  const made = rig(t);
  const client = made.hold(
    made.client(),
    responseInstruct(['a'], { timeout: 5, status: 204, headers: ['A', '1'], body: '' }),
  );
  made.advance(4_900);
  assert.equal(client.head, null);
  made.advance(300);
  assert.deepEqual(client.head, { status: 204, reason: '', headers: ['A', '1'], bodyLength: 0 });
  assert.equal(client.complete, true);
  assert.equal(made.counters.holdsTimedOut, 1);
  made.assertEmpty();
});

test('a hold with a response does not time out', async (t) => {
  const made = rig(t);
  made.hold(made.client(), responseInstruct(['a'], { timeout: 5 }));
  await made.publish(responseItem('a', 'x'));
  made.advance(10_000);
  assert.equal(made.counters.holdsTimedOut, 0);
});

test('a client that leaves leaves nothing behind', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), responseInstruct(['a', 'b'], { timeout: 5 }));
  client.leave();
  made.assertEmpty();
  await made.publish(responseItem('a', 'x'));
  made.advance(10_000);
  assert.equal(made.counters.itemsDelivered, 0);
  assert.equal(made.counters.holdsTimedOut, 0);
});

test('a response larger than the credits is sent as credits are granted', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(4), responseInstruct(['a']));
  await made.publish(responseItem('a', '0123456789'));
  assert.equal(client.body, '0123');
  client.grant(5);
  assert.equal(client.body, '012345678');
  assert.equal(client.complete, false);
  client.grant(1);
  assert.equal(client.body, '0123456789');
  assert.equal(client.complete, true);
});

test('a timeout response larger than the credits is sent as credits are granted', (t) => {
  const made = rig(t);
  const client = made.hold(made.client(0), responseInstruct(['a'], { timeout: 5, body: 'nothing new' }));
  made.advance(5_200);
  assert.equal(client.head?.bodyLength, 11);
  assert.equal(client.body, '');
  client.grant(65_536);
  assert.equal(client.body, 'nothing new');
  assert.equal(client.complete, true);
});

test('a client that leaves at the head of its response gets no body', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), responseInstruct(['a']));
  client.onHead = () => client.leave();
  const slow = made.hold(made.client(), responseInstruct(['a'], { body: 'x', timeout: 5 }));
  slow.onHead = () => slow.leave();
  await made.publish(responseItem('a', 'x'));
  assert.equal(client.body, '');
  made.assertEmpty();
});

test('a body-patch changes the held body', async (t) => {
  const made = rig(t, {
    patchBody: (document, patch) => (document === '[1]\n' && patch.length === 1 ? '[1,2]' : null),
  });
  const patch = [{ op: 'add', path: '/-', value: 2 }];
  const client = made.hold(made.client(), responseInstruct(['a'], { body: '[1]\n' }));
  const other = made.hold(made.client(), responseInstruct(['a'], { body: 'no list' }));
  await made.publish(responseItem('a', '', { bodyPatch: patch }));
  // The first patch has filled the slice.
  assert.deepEqual([client.complete, other.complete], [true, false]);
  await turn();
  assert.equal(client.body, '[1,2]\n');
  assert.equal(client.complete, true);
  assert.equal(other.head?.status, 200);
  assert.equal(other.body, '');
  assert.equal(other.complete, true);
  assert.deepEqual(
    made.log.at('info').map(({ fields }) => fields),
    [{ id: other.request.id, channel: 'a' }],
  );
  assert.match(made.log.at('info')[0]?.message ?? '', /the held body is not a JSON object or array/);
});

test('the error of a body-patch that fails on a JSON body does not say that it is not JSON', async (t) => {
  const made = rig(t);
  made.hold(made.client(), responseInstruct(['a'], { body: ' \n{"a":1}' }));
  await made.publish(responseItem('a', '', { bodyPatch: [{ op: 'remove', path: '/b' }] }));
  assert.match(made.log.at('info')[0]?.message ?? '', /^body-patch cannot be applied to the held body;/);
});

test('a body that still arrives is discarded', (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), responseInstruct(['a'], { timeout: 5 }));
  client.responder?.onRequestData(Buffer.from('abc'), true);
  assert.equal(client.requestCredit, 3);
  client.responder?.onRequestData(Buffer.from('d'), false);
  assert.equal(client.requestCredit, 3);
  assert.equal(client.head, null);
});

test('a hint replays the held request, and the response may hold it again', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  made.advance(50_000);
  await made.publish(responseHint('a'));
  assert.equal(origin.replays.length, 1);
  assert.equal(origin.replays[0]?.credits, 65_536);
  assert.equal(client.head, null);
  made.advance(60_000);
  assert.equal(made.counters.holdsTimedOut, 0, 'a hold whose request is at its origin does not time out');
  made.hold(client, responseInstruct(['a'], { body: 'again' }), {
    replay: origin.replay,
    former: origin.replays[0] as FormerHold,
  });
  assert.deepEqual(made.hub.stats, { holds: 1, channels: 1 });
  assert.equal(client.head, null);
  made.advance(54_900);
  assert.equal(client.head, null, 'the timeout restarts');
  made.advance(300);
  assert.equal(client.body, 'again');
  made.assertEmpty();
});

test('a recovery replays all held requests that can be repeated', async (t) => {
  const made = rig(t);
  const first = replayable(made, ['a']);
  const second = replayable(made, ['b']);
  const fixed = made.hold(made.client(), responseInstruct(['a']));
  const stream = made.hold(made.client(), streamInstruct(['a']));
  made.hub.recover();
  assert.equal(first.origin.replays.length, 1);
  assert.equal(second.origin.replays.length, 1);
  assert.equal(fixed.head, null);
  assert.equal(stream.complete, false);
  await made.publish(responseItem('a', 'x'));
  assert.equal(fixed.body, 'x');
});

test('a hint does not change a request that cannot be repeated', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), responseInstruct(['a']));
  await made.publish(responseHint('a'));
  assert.equal(client.head, null);
  await made.publish(responseItem('a', 'x'));
  assert.equal(client.body, 'x');
});

test('an item that comes during a replay is the response of the hold that follows', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a', 'b']);
  made.hub.recover();
  await made.publish(responseItem('b', 'first'), responseItem('b', 'second'), responseItem('a', 'third'));
  assert.equal(client.head, null);
  made.hold(client, responseInstruct(['a', 'b']), { former: origin.replays[0] as FormerHold });
  assert.equal(client.body, 'first');
  assert.equal(client.complete, true);
  assert.equal(made.counters.itemsDelivered, 1);
  made.assertEmpty();
});

test('a kept item counts only for channels that the new hold has', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a', 'b', 'c']);
  made.hub.recover();
  await made.publish(responseItem('a', 'left'), responseItem('b', 'kept'), responseItem('c', 'later'));
  made.hold(client, responseInstruct(['d', 'c', 'b']), { former: origin.replays[0] as FormerHold });
  assert.equal(client.body, 'kept');
});

test('an item for a channel that the new hold does not have does not end it', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  made.hub.recover();
  await made.publish(responseItem('a', 'left'));
  made.hold(client, responseInstruct(['b']), { former: origin.replays[0] as FormerHold });
  assert.equal(client.head, null);
  await made.publish(responseItem('b', 'x'));
  assert.equal(client.body, 'x');
});

test('a hint or recovery during a replay leads to one more', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  await made.publish(responseHint('a'), responseHint('a'), responseHint('a'));
  made.hub.recover();
  assert.equal(origin.replays.length, 1);
  made.hold(client, responseInstruct(['a']), { replay: origin.replay, former: origin.replays[0] as FormerHold });
  assert.equal(origin.replays.length, 2);
  made.hold(client, responseInstruct(['a']), { replay: origin.replay, former: origin.replays[1] as FormerHold });
  assert.equal(origin.replays.length, 2);
  assert.deepEqual(made.hub.stats, { holds: 1, channels: 1 });
});

test('a kept item comes before another replay', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  await made.publish(responseHint('a'), responseHint('a'), responseItem('a', 'x'));
  made.hold(client, responseInstruct(['a']), { replay: origin.replay, former: origin.replays[0] as FormerHold });
  assert.equal(origin.replays.length, 1);
  assert.equal(client.body, 'x');
});

test('a replay that is not held again leaves nothing behind', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  made.hub.recover();
  await made.publish(responseItem('a', 'x'));
  assert.deepEqual(made.hub.stats, { holds: 1, channels: 1 });
  origin.replays[0]?.release();
  origin.replays[0]?.release();
  made.assertEmpty();
  assert.equal(client.head, null, 'the answer is the origin’s');
});

test('a client that leaves during a replay leaves nothing behind', (t) => {
  const made = rig(t);
  const { client } = replayable(made, ['a']);
  made.hub.recover();
  client.leave();
  made.assertEmpty();
});

test('a replay may lead to a stream', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  made.hub.recover();
  made.hold(client, streamInstruct(['a']), { former: origin.replays[0] as FormerHold });
  assert.deepEqual(made.hub.stats, { holds: 1, channels: 1 });
  await made.publish(streamItem('a', 'x'));
  assert.equal(client.body, 'x');
});

test('a replay that is held again within the call is replayed once for one hint', async (t) => {
  const made = rig(t);
  const client = made.client();
  let replays = 0;
  const replay = replayBy((former) => {
    replays++;
    made.hold(client, responseInstruct(['a']), { replay, former });
  });
  made.hold(client, responseInstruct(['a']), { replay });
  await made.publish(responseHint('a'));
  assert.equal(replays, 1);
  made.hub.recover();
  assert.equal(replays, 2);
  assert.deepEqual(made.hub.stats, { holds: 1, channels: 1 });
  await made.publish(responseItem('a', 'x'));
  assert.equal(client.body, 'x');
  made.assertEmpty();
});

test('a response is sent at once while too much is held, and holds that end make room', async (t) => {
  const made = rig(t);
  const body = 'x'.repeat(MAX_HELD_BYTES / 4);
  const large = { ...replayBy(() => {}), bytes: MAX_HELD_BYTES / 4 };
  for (let i = 0; i < 2; i++) made.hold(made.client(), responseInstruct([`full${i}`], { body }), { replay: large });
  const refused = made.hold(made.client(), responseInstruct(['a'], { headers: ['A', '1'] }));
  assert.equal(refused.complete, true);
  assert.deepEqual([made.counters.holdsRefused, made.counters.holdsOpen], [1, 2]);
  await made.publish(responseItem('full0', ''));
  const held = made.hold(made.client(), responseInstruct(['a'], { headers: ['A', '1'] }));
  assert.equal(held.head, null);
});
