import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hold, Instruct, PublishItem } from '../../../src/codec/grip/index.ts';
import { REPLAYS_AT_ONCE } from '../../../src/hub/replay-pacer.ts';
import { MAX_HELD_BYTES } from '../../../src/hub/replayed-hold.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import {
  type HubRig,
  replayBy,
  responseHint,
  responseInstruct,
  responseItem,
  rig,
  SilentOrigin,
  streamInstruct,
  streamItem,
  turn,
} from './support.ts';

/** Holds a client whose origin holds it again and again. */
function replayable(made: HubRig, channels: string[]): { client: HeldClient; origin: SilentOrigin } {
  const client = made.client();
  const origin = new SilentOrigin();
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

test('a published status that cannot be final becomes 502, counted and logged', async (t) => {
  const made = rig(t);
  for (const code of [0, 99, 101, 199]) {
    const client = made.hold(made.client(), responseInstruct(['a']));
    await made.publish(responseItem('a', 'news', { code, reason: 'Odd', headers: ['X-Item', '1'] }));
    assert.deepEqual(client.head, { status: 502, reason: '', headers: ['X-Item', '1'], bodyLength: 4 });
    assert.equal(client.body, 'news');
  }
  const client = made.hold(made.client(), responseInstruct(['a']));
  await made.publish(responseItem('a', 'news', { code: 999, reason: 'Odd' }));
  assert.deepEqual([client.head?.status, client.head?.reason], [999, 'Odd']);
  assert.equal(made.counters.responsesInvalid, 4);
  const logged = made.log.with('a status below 200 cannot be final: the client gets 502');
  assert.deepEqual(
    logged.map(({ fields }) => [fields.channel, fields.status]),
    [0, 99, 101, 199].map((status) => ['a', status]),
  );
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
  assert.equal(origin.former(0).credits, 65_536);
  assert.equal(client.head, null);
  made.advance(4_000);
  made.hold(client, responseInstruct(['a'], { body: 'again' }), {
    replay: origin.replay,
    former: origin.former(0),
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

test('an item that comes during a replay is the response, and aborts the replay', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a', 'b']);
  made.hub.recover();
  client.grant(10);
  await made.publish(responseItem('b', 'first'), responseItem('b', 'second'), responseItem('a', 'third'));
  assert.equal(client.body, 'first');
  assert.equal(client.complete, true);
  assert.equal(origin.replays[0]?.aborted, true);
  assert.deepEqual([made.counters.itemsDelivered, made.counters.replaysAborted], [1, 1]);
  made.assertEmpty();
});

test('a hold times out during a replay to a silent origin', (t) => {
  const made = rig(t);
  const client = made.client(3);
  const origin = new SilentOrigin();
  made.hold(client, responseInstruct(['a'], { timeout: 10, body: 'nothing new' }), { replay: origin.replay });
  made.advance(4_000);
  made.hub.recover();
  client.grant(4);
  made.advance(5_900);
  assert.equal(client.head, null);
  made.advance(300);
  assert.equal(client.body, 'nothing', 'what the client has granted meanwhile counts');
  client.grant(4);
  assert.equal(client.complete, true);
  assert.equal(origin.replays[0]?.aborted, true);
  assert.deepEqual([made.counters.holdsTimedOut, made.counters.replaysAborted], [1, 1]);
  made.assertEmpty();
});

/** Items of channel `a` with the ids `2`, `3` and so on, each after the one before. */
function chained(...ids: number[]): PublishItem[] {
  return ids.map((id) => ({ ...responseItem('a', `item ${id}`), id: `${id}`, prevId: `${id - 1}` }));
}

function instructWith(prevId: string | null): Instruct {
  const instruct = responseInstruct(['a']);
  return { ...instruct, hold: { ...(instruct.hold as Hold), channels: [{ name: 'a', prevId, filters: [] }] } };
}

/** A client that has item 1 and missed item 2, for which its request is at the origin. */
async function outdated(made: HubRig): Promise<{ client: HeldClient; origin: SilentOrigin }> {
  made.hold(made.client(), streamInstruct(['a']));
  await made.publish(...chained(2));
  const [client, origin] = [made.client(), new SilentOrigin()];
  made.hold(client, instructWith('1'), { replay: origin.replay });
  assert.equal(origin.replays.length, 1);
  return { client, origin };
}

test('an item that would leave a gap waits for the new hold', async (t) => {
  const made = rig(t);
  const { client, origin } = await outdated(made);
  await made.publish(...chained(3, 4));
  assert.equal(client.head, null);
  made.hold(client, instructWith('2'), { replay: origin.replay, former: origin.former(0) });
  assert.equal(client.body, 'item 3');
  assert.equal(origin.replays.length, 1);
});

test('an item that the new hold names is not sent again', async (t) => {
  const made = rig(t);
  const { client, origin } = await outdated(made);
  await made.publish(...chained(3));
  made.hold(client, instructWith('3'), { replay: origin.replay, former: origin.former(0) });
  assert.equal(client.head, null);
  assert.equal(origin.replays.length, 1);
  await made.publish(...chained(4));
  assert.equal(client.body, 'item 4');
});

test('an item that would leave a gap in the new hold too leads to one more replay', async (t) => {
  const made = rig(t);
  const { client, origin } = await outdated(made);
  await made.publish(...chained(3));
  // Another client's conflict lets the hub forget the last id of the channel.
  made.hold(made.client(), instructWith('2'), { replay: new SilentOrigin().replay });
  made.hold(client, instructWith('1'), { replay: origin.replay, former: origin.former(0) });
  assert.equal(client.head, null);
  assert.equal(origin.replays.length, 2);
  made.hold(client, instructWith('3'), { replay: origin.replay, former: origin.former(1) });
  assert.equal(origin.replays.length, 2);
});

test('an item that would leave a gap leads to a replay', async (t) => {
  const made = rig(t);
  const [client, origin] = [made.client(), new SilentOrigin()];
  made.hold(client, instructWith('1'), { replay: origin.replay });
  await made.publish(...chained(3));
  assert.deepEqual([client.head, origin.replays.length], [null, 1]);
  made.hold(client, instructWith('2'), { replay: origin.replay, former: origin.former(0) });
  assert.equal(client.body, 'item 3');
});

test('each of many clients that missed an item is replayed before it gets a later one', async (t) => {
  const made = rig(t);
  const first = await outdated(made);
  // The conflict of the first client lets the hub forget the last id, so the second one is held.
  const [second, origin] = [made.client(), new SilentOrigin()];
  made.hold(second, instructWith('1'), { replay: origin.replay });
  assert.equal(origin.replays.length, 0);
  await made.publish(...chained(3));
  assert.deepEqual([first.client.head, second.head, origin.replays.length], [null, null, 1]);
});

test('an item that the origin knew when it held the client is not sent', async (t) => {
  const made = rig(t);
  const [client, origin] = [made.client(), new SilentOrigin()];
  made.hold(client, instructWith('2'), { replay: origin.replay });
  await made.publish(...chained(2));
  assert.deepEqual([client.head, origin.replays.length], [null, 0]);
  await made.publish(...chained(3));
  assert.equal(client.body, 'item 3');
});

test('an item that would leave a gap reaches a client whose request cannot be repeated', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), instructWith('1'));
  await made.publish(...chained(3));
  assert.equal(client.body, 'item 3');
});

test('an item with an id and no prev-id reaches a client without a replay', async (t) => {
  const made = rig(t);
  const [client, origin] = [made.client(), new SilentOrigin()];
  made.hold(client, instructWith('1'), { replay: origin.replay });
  await made.publish({ ...responseItem('a', 'x'), id: '9' });
  assert.equal(client.body, 'x');
});

test('an item that leaves no gap does not wait for a replay', async (t) => {
  const plain = responseItem('a', 'no ids');
  const unordered = { ...responseItem('a', 'no order'), id: '9', prevId: '8', noSeq: true };
  const next = { ...responseItem('a', 'next'), id: '2', prevId: '1' };
  for (const item of [plain, unordered, next]) {
    await t.test(String(item.httpResponse?.body), async (t) => {
      const made = rig(t, { limits: { idCacheTtl: 0 } });
      const { client, origin } = await outdated(made);
      await made.publish(item);
      assert.equal(client.body, String(item.httpResponse?.body));
      assert.equal(origin.replays[0]?.aborted, true);
    });
  }
});

test('an item that would leave a gap waits for a queued and for a failed replay', async (t) => {
  const made = rig(t);
  for (let i = 0; i < REPLAYS_AT_ONCE; i++)
    made.hold(made.client(), responseInstruct(['b']), { replay: new SilentOrigin().replay });
  made.hub.recover();
  const [client, origin] = [made.client(), new SilentOrigin()];
  await made.publish(...chained(2));
  made.hold(client, instructWith('1'), { replay: origin.replay });
  made.hub.recover();
  await made.publish(...chained(3));
  assert.deepEqual([client.head, origin.replays.length], [null, 0]);
  await made.publish(responseItem('b', ''));
  assert.equal(origin.replays.length, 1);
  origin.former(0).resume(client.credits);
  await made.publish(...chained(4));
  assert.equal(client.head, null);
  made.advance(1_300);
  assert.equal(origin.replays.length, 2);
});

test('a hint or recovery during a replay leads to one more', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  await made.publish(responseHint('a'), responseHint('a'), responseHint('a'));
  made.hub.recover();
  assert.equal(origin.replays.length, 1);
  made.hold(client, responseInstruct(['a']), { replay: origin.replay, former: origin.former(0) });
  assert.equal(origin.replays.length, 2);
  made.hold(client, responseInstruct(['a']), { replay: origin.replay, former: origin.former(1) });
  assert.equal(origin.replays.length, 2);
  assert.deepEqual(made.hub.stats, { holds: 1, channels: 1 });
});

test('a replay that is not held again leaves nothing behind', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  made.hub.recover();
  origin.former(0).release();
  await made.publish(responseItem('a', 'x'));
  origin.former(0).done();
  origin.former(0).done();
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

/** As many clients as may have their requests at the origin have, and one more waits for its turn. */
function crowd(made: HubRig): { origin: SilentOrigin; late: SilentOrigin } {
  const { origin } = replayable(made, ['a']);
  for (let i = 1; i < REPLAYS_AT_ONCE; i++) replayable(made, ['a']);
  const { origin: late } = replayable(made, ['a']);
  made.hub.recover();
  assert.deepEqual([origin.replays.length, late.replays.length], [1, 0]);
  return { origin, late };
}

test('a replay keeps its place until the response of the origin ends', async (t) => {
  const made = rig(t);
  const { origin, late } = crowd(made);
  origin.former(0).release();
  await turn();
  assert.equal(late.replays.length, 0);
  origin.former(0).done();
  await turn();
  assert.equal(late.replays.length, 1);
});

test('a replay with a long response frees its place after a while', async (t) => {
  const made = rig(t);
  const { origin, late } = crowd(made);
  origin.former(0).release();
  made.advance(9_900);
  assert.equal(late.replays.length, 0);
  made.advance(300);
  await turn();
  assert.equal(late.replays.length, 1);
  origin.former(0).done();
  made.advance(60_000);
  await turn();
});

test('an aborted replay frees its place', async (t) => {
  const made = rig(t);
  const { client } = replayable(made, ['b']);
  made.hub.recover();
  for (let i = 1; i < REPLAYS_AT_ONCE; i++) replayable(made, ['a']);
  const { origin } = replayable(made, ['a']);
  await made.publish(responseHint('a'));
  assert.equal(origin.replays.length, 0);
  await made.publish(responseItem('b', 'x'));
  assert.equal(client.body, 'x');
  assert.equal(origin.replays.length, 1);
});

test('a replay may lead to a stream', async (t) => {
  const made = rig(t);
  const { client, origin } = replayable(made, ['a']);
  made.hub.recover();
  made.hold(client, streamInstruct(['a']), { former: origin.former(0) });
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

test('a replay that fails is tried again after 1, 2, 4, 8, 16, and then every 32 seconds', (t) => {
  const made = rig(t);
  const origin = new SilentOrigin();
  made.hold(made.client(), responseInstruct(['a'], { timeout: 300 }), { replay: origin.replay });
  made.hub.recover();
  for (const [tries, seconds] of [1, 2, 4, 8, 16, 32, 32, 32].entries()) {
    assert.equal(origin.replays.length, tries + 1);
    assert.equal(origin.former(tries).resume(65_536), seconds * 1_000);
    made.advance((seconds - 1) * 1_000);
    assert.equal(origin.replays.length, tries + 1, `not before ${seconds} s`);
    made.advance(2_000);
  }
  assert.equal(origin.replays.length, 9);
});

test('the jitter of a retry is up to a second', (t) => {
  const made = rig(t, { random: 0.5 });
  const origin = new SilentOrigin();
  made.hold(made.client(), responseInstruct(['a']), { replay: origin.replay });
  made.hub.recover();
  assert.equal(origin.former(0).resume(65_536), 1_500);
});

test('a retry never comes after the timeout of the hold', (t) => {
  const made = rig(t);
  const client = made.client();
  const origin = new SilentOrigin();
  made.hold(client, responseInstruct(['a'], { timeout: 5, body: 'nothing new' }), { replay: origin.replay });
  made.hub.recover();
  made.advance(4_500);
  origin.former(0).resume(client.credits);
  made.advance(1_000);
  assert.equal(client.body, 'nothing new');
  assert.equal(origin.replays.length, 1);
});
