import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { onUnhandledFault } from '../../../src/clock/index.ts';
import { MAX_COLLECTED } from '../../../src/zhttp-server/server-engine.ts';
import { turn } from '../../support/manual-clock.ts';
import type { FakeFetch } from '../../support/zhttp/fake-fetcher.ts';
import { type ServerRig, serverRig } from '../../support/zhttp/server-rig.ts';

const defect = new Error('a defect');

function thrower(): never {
  throw defect;
}

let unhandled: unknown[] = [];

beforeEach(() => {
  unhandled = [];
  onUnhandledFault((thrown) => unhandled.push(thrown));
});

afterEach(() => assert.deepEqual(unhandled, [], 'each fault was dealt with by the session it was for'));

/** The session `a` has failed and was told so, and `b` goes on. */
function assertOneFailed(rig: ServerRig, other: FakeFetch): void {
  const failed = rig.log.with('request failed');
  assert.deepEqual(
    failed.map(({ level, fields }) => [level, fields.id, fields.code]),
    [['error', 'a', 'HF_INTERNAL']],
  );
  assert.match(String(failed[0]?.fields.detail), /a defect\n\s+at /);
  assert.deepEqual([rig.counters.faults, rig.counters.sessionsFailed, rig.counters.sessionsOpen], [1, 1, 1]);
  rig.link.take();
  rig.follow({ id: 'b', type: 'keep-alive' });
  other.respond().data('all');
  assert.match(rig.link.take().join(), /me b#\d data 200 OK "all"$/);
}

test('an exception of a target at the beginning ends that request alone with an error', (t) => {
  const rig = serverRig(t);
  const other = rig.stream({ id: 'b' });
  rig.link.take();
  rig.fetcher.onFetch = thrower;
  rig.stream();
  assert.deepEqual(rig.link.take(), ['me a#0 keep-alive', 'me a#1 error undefined-condition']);
  rig.fetcher.onFetch = () => {};
  assertOneFailed(rig, other);
});

test('an exception for a further packet ends its session alone, even in a packet for many', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  const other = rig.stream({ id: 'b' });
  fetch.onResponseCredit = thrower;
  rig.followAll(
    [
      ['a', 1],
      ['b', 1],
    ],
    { type: 'credit', credits: 500 },
  );
  assert.deepEqual(other.take(), ['credit 500']);
  rig.link.take();
  rig.follow({ id: 'b', seq: 2, type: 'keep-alive' });
  assertOneFailed(rig, other);
});

test('an exception when small grants are passed on ends their session alone', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  const other = rig.stream({ id: 'b' });
  fetch.onResponseCredit = thrower;
  rig.follow({ type: 'credit', credits: 1 });
  rig.follow({ id: 'b', type: 'credit', credits: 1 });
  rig.advance(0.2);
  assert.deepEqual(other.take(), ['credit 1']);
  assertOneFailed(rig, other);
});

test('an exception at the end of the turn ends its session alone', async (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  const other = rig.stream({ id: 'b' });
  const { publish } = rig.link;
  fetch.respond();
  rig.link.publish = () => {
    rig.link.publish = publish;
    throw defect;
  };
  await turn();
  assert.equal(fetch.ended, true);
  assertOneFailed(rig, other);
});

test('an exception when a session is checked ends it alone', (t) => {
  const rig = serverRig(t, { activityTimeout: 5_000 });
  const fetch = rig.stream();
  rig.advance(4);
  const other = rig.stream({ id: 'b' });
  rig.link.take();
  fetch.onRequestError = () => {
    fetch.onRequestError = () => {};
    throw defect;
  };
  rig.advance(2);
  // It has failed before: the exception comes on top.
  assert.equal(rig.log.with('request failed')[0]?.fields.code, 'HF_FETCH_TIMEOUT');
  assert.deepEqual([rig.counters.faults, rig.counters.sessionsOpen, other.ended], [1, 1, false]);
});

test('an exception for a keep-alive ends its session alone', (t) => {
  const rig = serverRig(t);
  rig.stream();
  const other = rig.stream({ id: 'b' });
  rig.follow({ id: 'b', type: 'keep-alive' });
  const { publish } = rig.link;
  rig.link.take();
  rig.link.publish = (packet) => {
    if (!packet.toString().includes('2:id,1:a,')) {
      publish.call(rig.link, packet);
      return;
    }
    rig.link.publish = publish;
    throw defect;
  };
  rig.advance(31);
  assertOneFailed(rig, other);
});

test('an exception when a collected response gets room ends it alone', async (t) => {
  const rig = serverRig(t, { maxBodyBytes: 2 * MAX_COLLECTED });
  const collect = (id: string, windows: number) => {
    rig.first({ id });
    const fetch = rig.fetcher.last.respond();
    for (let i = 0; i < windows && fetch.window > 0; i++) fetch.data(Buffer.alloc(65_536), true);
    return fetch;
  };
  const held = collect('held', 2_048);
  const favoured = collect('favoured', 1);
  const fetch = collect('a', 1);
  const other = collect('b', 1);
  const error = fetch.onResponseCredit;
  fetch.onResponseCredit = thrower;
  held.data('end');
  favoured.data('end');
  await turn();
  fetch.onResponseCredit = error;
  assert.deepEqual([rig.counters.faults, other.window], [1, 65_536]);
  assert.deepEqual(
    rig.log.with('request failed').map(({ fields }) => [fields.id, fields.code]),
    [['a', 'HF_INTERNAL']],
  );
});

test('an exception when sessions are ended lets the others end too', async (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  const other = rig.stream({ id: 'b' });
  fetch.onRequestError = thrower;
  const stopped = rig.engine.stop();
  assert.equal(other.ended, true);
  await stopped;
  assert.deepEqual([rig.counters.faults, rig.counters.sessionsOpen], [1, 0]);
});
