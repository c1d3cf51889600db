import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HubLimits } from '../../../src/hub/index.ts';
import {
  type HubRig,
  ManualLink,
  responseInstruct,
  responseItem,
  rig,
  SilentOrigin,
  streamInstruct,
  streamItem,
  turn,
} from './support.ts';

function updating(t: TestContext, limits: Partial<HubLimits> = {}): HubRig {
  return rig(t, { limits: { updateOnFirstSubscription: true, ...limits } });
}

/** Lets the second after a first subscription pass, and what follows from it happen. */
async function aSecond(made: HubRig): Promise<void> {
  made.advance(1_200);
  await turn();
}

test('a held request that is the first of its channel is replayed a second later, and no other is', async (t) => {
  const made = updating(t);
  const first = new SilentOrigin();
  const client = made.hold(made.client(), responseInstruct(['a']), { replay: first.replay });
  made.advance(900);
  await turn();
  assert.equal(first.replays.length, 0);
  await aSecond(made);
  assert.equal(first.replays.length, 1);
  const second = new SilentOrigin();
  made.hold(made.client(), responseInstruct(['a']), { replay: second.replay });
  await aSecond(made);
  assert.equal(second.replays.length, 0);
  await made.publish(responseItem('a', 'item'));
  assert.equal(client.body, 'item', 'an item during the replay is not lost');
});

test('those that join within that second are updated too', async (t) => {
  const made = updating(t);
  const origin = new SilentOrigin();
  made.hold(made.client(), responseInstruct(['a']), { replay: origin.replay });
  made.advance(500);
  made.hold(made.client(), responseInstruct(['a']), { replay: origin.replay });
  await aSecond(made);
  assert.equal(origin.replays.length, 2);
});

test('a stream follows its next link, and goes on without one', async (t) => {
  const made = updating(t);
  const link = new ManualLink();
  const linked = made.hold(made.client(), streamInstruct(['a']), { link });
  const plain = made.hold(made.client(), streamInstruct(['b']));
  await aSecond(made);
  assert.equal(link.clients.length, 1);
  await made.publish(streamItem('b', 'x'));
  assert.equal(plain.body, 'x');
  link.last.onLinkData(Buffer.from('missed'));
  assert.equal(linked.body, 'missed');
});

test('a channel whose clients have left within that second is forgotten', async (t) => {
  const made = updating(t, { subscriptionLinger: 0 });
  const origin = new SilentOrigin();
  made.hold(made.client(), responseInstruct(['a']), { replay: origin.replay }).leave();
  made.advance(900);
  made.hold(made.client(), responseInstruct(['a']), { replay: origin.replay });
  made.advance(500);
  await turn();
  assert.equal(origin.replays.length, 0, 'its second begins with the first client that it has');
  await aSecond(made);
  assert.equal(origin.replays.length, 1);
});

test('a client that polls again within subscription_linger is not the first one', async (t) => {
  const made = updating(t, { subscriptionLinger: 10 });
  const origin = new SilentOrigin();
  made.hold(made.client(), responseInstruct(['a'])).leave();
  made.advance(9_000);
  const client = made.hold(made.client(), responseInstruct(['a']), { replay: origin.replay });
  await aSecond(made);
  assert.equal(origin.replays.length, 0);
  client.leave();
  made.advance(11_000);
  made.hold(made.client(), responseInstruct(['a']), { replay: origin.replay });
  await aSecond(made);
  assert.equal(origin.replays.length, 1);
});

test('thousands of first subscriptions are updated in slices', async (t) => {
  const made = updating(t);
  const origins = Array.from({ length: 3_000 }, (_, i) => {
    const origin = new SilentOrigin();
    const replay = { ...origin.replay, target: String(i) };
    made.hold(made.client(), responseInstruct([String(i)]), { replay });
    return origin;
  });
  const updated = (): number => origins.filter(({ replays }) => replays.length > 0).length;
  made.advance(1_200);
  for (let i = 0; i < 10; i++) await turn();
  assert.equal(updated(), 1_024);
  for (let i = 0; i < 5; i++) {
    made.advance(200);
    for (let j = 0; j < 10; j++) await turn();
  }
  assert.equal(updated(), 3_000);
});

test('without update_on_first_subscription no request is sent again', async (t) => {
  const made = updating(t, { updateOnFirstSubscription: false });
  const origin = new SilentOrigin();
  made.hold(made.client(), responseInstruct(['a']), { replay: origin.replay });
  await aSecond(made);
  assert.equal(origin.replays.length, 0);
});

test('a channel of held requests keeps its name for publishers until subscription_linger is over', (t) => {
  const made = updating(t, { subscriptionLinger: 10 });
  const names = new Set<string>();
  made.hub.watchChannels({ channelAdded: (name) => names.add(name), channelRemoved: (name) => names.delete(name) });
  made.hold(made.client(), responseInstruct(['polled'])).leave();
  made.hold(made.client(), streamInstruct(['streamed'])).leave();
  assert.deepEqual([...names], ['polled']);
  made.advance(11_000);
  assert.deepEqual([...names], []);
});
