import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_COLLECTED } from '../../../src/zhttp-server/server-engine.ts';
import { turn } from '../../support/manual-clock.ts';
import { serverRig } from '../../support/zhttp/server-rig.ts';

const WINDOW = 65_536;

/** A rig whose responses may be large, and a way to let one collect so many windows. */
function collectingRig(t: Parameters<typeof serverRig>[0]) {
  const rig = serverRig(t, { maxBodyBytes: MAX_COLLECTED });
  const collect = (id: string, windows: number) => {
    rig.first({ id });
    const fetch = rig.fetcher.last.respond();
    for (let i = 0; i < windows && fetch.window > 0; i++) fetch.data(Buffer.alloc(WINDOW), true);
    return fetch;
  };
  return { rig, collect };
}

test('collected responses are granted one window, and then as much as has come', (t) => {
  const { rig, collect } = collectingRig(t);
  const fetch = collect('a', 3);
  assert.equal(fetch.window, WINDOW);
  assert.equal(rig.engine.collected.bytes, 3 * WINDOW);
  fetch.data('end');
  assert.equal(rig.engine.collected.bytes, 0);
});

test('beyond the bound one response at a time completes, and the others follow in order', async (t) => {
  const { rig, collect } = collectingRig(t);
  const held = Array.from({ length: 16 }, (_, i) => collect(`held${i}`, 128));
  assert.equal(rig.engine.collected.bytes, MAX_COLLECTED);
  const favoured = collect('favoured', 2);
  const second = collect('second', 2);
  const third = collect('third', 2);
  assert.deepEqual([favoured.window, second.window, third.window], [WINDOW, 0, 0]);
  favoured.data('end');
  await turn();
  // 8 MB of the others are still too much for two.
  assert.deepEqual([second.window, third.window], [WINDOW, 0]);
  second.data('end');
  await turn();
  assert.equal(third.window, WINDOW);
  for (const fetch of held) fetch.data('end');
  third.data('end');
  assert.equal(rig.engine.collected.bytes, 0);
  assert.equal(rig.counters.sessionsFailed, 0);
});

test('a response that stalls while others wait for room is given up, and makes room', async (t) => {
  const { rig, collect } = collectingRig(t);
  const held = Array.from({ length: 16 }, (_, i) => collect(`held${i}`, 128));
  const favoured = collect('favoured', 1);
  const waiting = collect('waiting', 1);
  const small = rig.stream({ id: 'small' });
  assert.deepEqual([favoured.window, waiting.window], [WINDOW, 0]);
  rig.advance(12);
  await turn();
  assert.deepEqual(
    [...held, favoured].map((fetch) => fetch.take().at(-1)),
    Array.from({ length: 17 }, () => 'error HF_FETCH_TIMEOUT'),
  );
  assert.deepEqual([waiting.window, waiting.ended, small.ended], [WINDOW, false, false]);
  assert.match(String(rig.log.with('request failed')[0]?.fields.detail), /while others wait for room/);
  // Without others it may stall.
  rig.advance(60);
  assert.equal(waiting.ended, false);
});

test('a requester that leaves while it waits for room leaves nothing behind', async (t) => {
  const { rig, collect } = collectingRig(t);
  const held = Array.from({ length: 16 }, (_, i) => collect(`held${i}`, 128));
  const favoured = collect('favoured', 1);
  const gone = collect('gone', 1);
  const next = collect('next', 1);
  rig.follow({ id: 'gone', type: 'cancel' });
  assert.equal(gone.ended, true);
  favoured.data('end');
  await turn();
  assert.equal(next.window, WINDOW);
  assert.equal(held[0]?.ended, false);
});
