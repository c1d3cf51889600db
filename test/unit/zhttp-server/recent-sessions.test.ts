import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_RECENT_BYTES, RECENT_TIME, RecentSessions } from '../../../src/zhttp-server/recent-sessions.ts';
import { serverRig } from '../../support/zhttp/server-rig.ts';

test('an ended session is remembered for some seconds', () => {
  const recent = new RecentSessions();
  recent.ended('me a', 0);
  assert.equal(recent.has('me a', RECENT_TIME - 1), true);
  recent.ended('me b', RECENT_TIME);
  assert.deepEqual([recent.has('me a', RECENT_TIME), recent.has('me c', RECENT_TIME)], [true, false]);
  assert.deepEqual([recent.has('me a', 2 * RECENT_TIME), recent.has('me b', 2 * RECENT_TIME)], [false, true]);
  assert.equal(recent.has('me b', 4 * RECENT_TIME), false);
});

test('when many sessions end at a time the oldest are forgotten first', () => {
  const recent = new RecentSessions();
  const most = MAX_RECENT_BYTES / 256;
  for (let i = 0; i < most + 2; i++) recent.ended(`me ${i}`, 0);
  assert.deepEqual([recent.has('me 0', 0), recent.has(`me ${most}`, 0)], [false, true]);
});

test('requesters over ROUTER count for the same bound, and the oldest are forgotten first', () => {
  const recent = new RecentSessions();
  const most = MAX_RECENT_BYTES / 256;
  for (let i = 0; i < most + 2; i++) {
    recent.beginByRouter(`made-up ${i}`);
    recent.endByRouter(`made-up ${i}`, 0);
  }
  let known = 0;
  for (let i = 0; i < most + 2; i++) if (recent.byRouter(`made-up ${i}`)) known++;
  assert.ok(known <= most, `${known} addresses are kept`);
  assert.deepEqual([recent.byRouter('made-up 0'), recent.byRouter(`made-up ${most}`)], [false, true]);
});

test('a requester over ROUTER is forgotten some seconds after its last session', () => {
  const recent = new RecentSessions();
  recent.beginByRouter('me');
  recent.endByRouter('me', 0);
  recent.beginByRouter('you');
  recent.endByRouter('you', RECENT_TIME);
  assert.equal(recent.byRouter('me'), true);
  recent.beginByRouter('them');
  recent.endByRouter('them', 2 * RECENT_TIME);
  assert.deepEqual([recent.byRouter('me'), recent.byRouter('you')], [false, true]);
});

test('late packets for a session that has just ended get no reply; later ones do', (t) => {
  const rig = serverRig(t);
  rig.stream().respond().data('all');
  rig.link.take();
  rig.follow({ type: 'credit', credits: 5 });
  rig.followAll([['a', 3]], { type: 'keep-alive', multi: true });
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.packetsUnclaimed, 2);
  rig.advance(11);
  rig.follow({ type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), ['me a cancel']);
});

test('messages about an unknown session take the path to the requester', (t) => {
  const rig = serverRig(t);
  rig.stream({ routerResp: true });
  rig.stream({ id: 'b', from: 'you' });
  rig.link.take();
  rig.follow({ id: 'ghost', type: 'keep-alive' });
  rig.follow({ id: 'ghost', from: 'you', type: 'keep-alive' });
  rig.followRaw('T31:4:from,2:me,2:id,5:ghost,3:seq,1:x,}');
  assert.deepEqual(rig.link.take().slice(0, 2), ['router me ghost cancel', 'you ghost cancel']);
  rig.fetcher.fetches[0]?.respond().data('all');
  rig.link.take();
  rig.follow({ id: 'ghost', type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), ['router me ghost cancel'], 'also when its last session has just ended');
});

test('a requester that missed the end of a session gets it when it sends something', (t) => {
  const rig = serverRig(t);
  rig.stream();
  rig.advance(61);
  rig.link.take();
  rig.follow({ type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), ['me a cancel']);
});

test('a requester that takes a session over gets packets on the same path', (t) => {
  const rig = serverRig(t);
  rig.stream({ routerResp: true });
  rig.follow({ type: 'handoff-start' });
  rig.follow({ from: 'heir', seq: 2, type: 'keep-alive' });
  rig.link.take();
  rig.follow({ id: 'ghost', from: 'heir', type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), ['router heir ghost cancel']);
});
