import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_ZHTTP_LIMITS } from '../../../src/codec/zhttp/index.ts';
import { MAX_REQUEST_BYTES } from '../../../src/zhttp-server/server-engine.ts';
import { turn } from '../../support/manual-clock.ts';
import { serverRig } from '../../support/zhttp/server-rig.ts';

test('first packets wait while open sessions keep too many bytes', async (t) => {
  const rig = serverRig(t, { limits: { ...DEFAULT_ZHTTP_LIMITS, maxPacketBytes: 20_000_000 } });
  // The made-up addresses of a flood: their user-data is kept for every packet to come.
  const userData = `16000000:${'x'.repeat(16_000_000)},`;
  for (let i = 0; i < 4; i++) rig.first({ id: `s${i}`, from: `nobody${i}`, routerResp: true, userData });
  assert.equal(rig.link.paused, false);
  assert.ok(4 * userData.length < MAX_REQUEST_BYTES);
  rig.first({ id: 'last', from: 'nobody', userData });
  assert.equal(rig.link.paused, true);
  rig.fetcher.last.respond().data('all');
  await turn();
  assert.equal(rig.link.paused, false);
});

test('keep-alives do not wait for a requester that takes nothing', (t) => {
  const rig = serverRig(t);
  for (const multi of [false, true]) {
    for (let i = 0; i < 4; i++) rig.stream({ id: `${multi}${i}`, multi, routerResp: true });
  }
  rig.link.take();
  rig.link.full.add('me');
  rig.advance(40);
  assert.deepEqual(rig.link.take(), []);
  rig.link.full.clear();
  rig.advance(1);
  assert.equal(rig.engine.held.bytes, 0);
  assert.equal(rig.link.take().filter((line) => line.includes('keep-alive')).length, 8);
});
