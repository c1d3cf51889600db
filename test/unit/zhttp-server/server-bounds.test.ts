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
