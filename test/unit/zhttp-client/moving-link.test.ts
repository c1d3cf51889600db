import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { encodeRequestPacket, RequestPacket } from '../../../src/codec/zhttp/index.ts';
import { FULL, READY, SessionCounters, UNKNOWN } from '../../../src/zhttp/index.ts';
import { MovingLink } from '../../../src/zhttp-client/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { socketPair } from '../../support/socket-pair.ts';
import { FakeOwnLink } from '../../support/zhttp/fake-own-link.ts';
import { RecordingSink } from '../../support/zhttp/recording-sink.ts';
import { ZmqRig } from '../../support/zmq/zmq-rig.ts';

/** A link with what it reports and the handlers that the test plays. */
interface Side {
  readonly link: MovingLink;
  readonly own: FakeOwnLink;
  readonly sink: RecordingSink;
  readonly counters: SessionCounters;
}

function side(rig: ZmqRig, t: TestContext, ids: string): Side {
  const sink = new RecordingSink();
  const counters = new SessionCounters();
  const { context, log } = rig;
  let own: FakeOwnLink | undefined;
  const link = new MovingLink({ address: 'c1', context, counters, log }, ids, sink, (to) => {
    own = new FakeOwnLink(to);
    return own;
  });
  t.after(() => link.close());
  return { link, own: own as FakeOwnLink, sink, counters };
}

/** Links of two processes; the new one serves the old one. */
async function sides(t: TestContext): Promise<{ old: Side; next: Side }> {
  const rig = new ZmqRig(t);
  const [old, next] = [side(rig, t, 'old'), side(rig, t, 'next')];
  const [near, far] = await socketPair(t);
  next.link.serve('old', near);
  await old.link.connect(far);
  return { old, next };
}

function packet(id: string, body = ''): Buffer {
  const fields = { from: 'c1', ids: [{ id, seq: 0 }], body: Buffer.from(body) };
  return encodeRequestPacket(Object.assign(new RequestPacket(), fields));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

test('while handlers move nothing is sent; then it goes by the new process, in its order', async (t) => {
  const { old, next } = await sides(t);
  old.link.hold();
  assert.equal(old.own.takesInput, false);
  old.own.waitingRequests.push(['old-0-0', packet('old-0-0')]);
  old.own.unreached.push(['h1', [packet('old-1-1', 'first')]]);
  old.link.offer('old-2-2', packet('old-2-2'));
  old.link.route('h1', packet('old-1-1', 'second'));
  assert.equal(old.link.reach('h1'), FULL);
  old.own.disconnect('h1');
  old.link.follow();
  old.link.release(false);
  old.link.route('h1', packet('old-1-1', 'third'));
  await until(() => next.own.offered.length === 2 && next.own.routed.length === 3);
  assert.deepEqual(
    next.own.offered.map(({ ids }) => ids[0]?.id),
    ['old-0-0', 'old-2-2'],
  );
  assert.deepEqual(
    next.own.routed.map((each) => each.packet.body.toString()),
    ['first', 'second', 'third'],
  );
  assert.deepEqual([old.own.offered, old.own.routed, old.own.takesInput], [[], [], false]);
  // Those that were told to wait go on.
  assert.equal(await old.sink.ready.next(), 'h1');
  assert.equal(old.link.reach('h1'), READY);
});

test('a handler that is still connected to the old process gets its packets there', async (t) => {
  const { old, next } = await sides(t);
  old.link.hold();
  old.own.disconnect('h1');
  old.link.follow();
  old.link.release(true);
  assert.equal(old.own.takesInput, true);
  old.link.route('h2', packet('old-0-0', 'here'));
  old.link.route('h1', packet('old-1-1', 'there'));
  await until(() => next.own.routed.length === 1);
  assert.equal(next.own.routed[0]?.packet.body.toString(), 'there');
  assert.deepEqual(old.own.take(), ['h2 old-0-0#0 data "here"']);
});

test('what handlers send goes to whoever has the sessions, to both if both have some', async (t) => {
  const { old, next } = await sides(t);
  old.link.follow();
  const send = (ids: readonly string[]) =>
    next.own.respondAll(
      ids.map((id) => [id, 0]),
      { type: 'keep-alive' },
    );
  send(['next-0-0']);
  send(['old-0-0']);
  send(['old-0-0', 'next-0-0']);
  await until(() => old.sink.packets.all.length === 2);
  assert.equal(next.sink.packets.all.length, 2);
  next.own.refuse('old-1-1');
  next.own.refuse('next-1-1');
  next.own.lose('old-2-2');
  next.own.lose('next-2-2');
  next.own.confirmWithdrawal('old-3-3');
  next.own.confirmWithdrawal('next-3-3');
  next.own.ready('h9');
  assert.equal(await old.sink.refused.next(), 'old-1-1');
  assert.equal(await old.sink.lost.next(), 'old-2-2');
  assert.equal(await old.sink.withdrawn.next(), 'old-3-3');
  assert.deepEqual(
    [next.sink.refused.all, next.sink.lost.all, next.sink.withdrawn.all, next.sink.ready.all],
    [['next-1-1'], ['next-2-2'], ['next-3-3'], ['h9']],
  );
  assert.equal(next.counters.packetsUnclaimed, 0);
});

test('a handler that goes on with a session of a process that has ended gets a cancel', async (t) => {
  const { next } = await sides(t);
  next.link.leave('old');
  next.own.respondAll([['old-0-0', 0]], { type: 'data', from: 'h1' });
  next.own.respondAll([['next-0-0', 0]], { type: 'data', from: 'h1' });
  assert.deepEqual(next.own.take(), ['h1 old-0-0#null cancel']);
  assert.equal(next.sink.packets.all.length, 1);
});

test('when the new process fails, the old one sends what waits itself', async (t) => {
  const { old } = await sides(t);
  old.link.hold();
  old.link.offer('old-0-0', packet('old-0-0'));
  old.link.offer('old-1-1', packet('old-1-1'));
  old.link.route('h1', packet('old-2-2', 'x'));
  assert.equal(old.link.withdraw('old-1-1'), true);
  old.link.unfollow();
  assert.deepEqual(
    old.own.offered.map(({ ids }) => ids[0]?.id),
    ['old-0-0'],
  );
  assert.deepEqual(old.own.take(), ['h1 old-2-2#0 data "x"']);
  assert.equal(old.own.takesInput, true);
  old.own.disconnect('h1');
  assert.equal(old.link.reach('h1'), UNKNOWN);
});

test('what waits while handlers move is bounded in bytes, and small packets cost 256', async (t) => {
  const { old } = await sides(t);
  old.link.hold();
  const most = 16_777_216 / 256;
  const one = packet('old-0-0');
  for (let i = 0; i < most; i++) old.link.route('h1', one);
  assert.deepEqual(old.sink.lost.all, []);
  old.link.route('h1', packet('old-7-7'));
  assert.deepEqual(old.sink.lost.all, ['old-7-7']);
  assert.equal(old.counters.packetsUndelivered, 1);
  old.link.release(true);
  assert.equal(old.own.routed.length, most);
});

test('when handlers have arrived, what waits for them is sent', async (t) => {
  const { next } = await sides(t);
  next.link.arrived();
  assert.equal(next.own.retries, 1);
});
