import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../../support/manual-clock.ts';
import { Rig } from './support.ts';

const EMPTY = Buffer.alloc(0);

test('a client whose origin takes nothing may have 4 MiB of small messages waiting', async (t) => {
  const rig = new Rig(t);
  const { client, origin } = rig.openFramed('a');
  origin.requester.pauseRequest(true);
  const list = JSON.stringify(Array.from({ length: 8_192 }, () => ''));
  client.message(list);
  client.message(list);
  await turn();
  assert.equal(client.error, null);
  client.message('[""]');
  await turn();
  assert.equal(client.failure(), 'HF_CLIENT_STALLED');
  assert.equal(rig.counters.sockJsSessionsFailed, 1);
});

test('an origin whose client takes nothing may have as much of empty messages waiting', async (t) => {
  const rig = new Rig(t);
  const { client, origin } = rig.openFramed('a');
  for (let i = 0; i < 40_000 && client.error === null; i++) {
    origin.requester.onResponseMessage(EMPTY, true, false);
    if (i % 1_000 === 0) await turn();
  }
  await turn();
  assert.equal(client.failure(), 'HF_CLIENT_STALLED');
});

test('a list of more than 8,192 messages ends the WebSocket', (t) => {
  const rig = new Rig(t);
  const { client } = rig.openFramed('a');
  client.message(JSON.stringify(Array.from({ length: 8_193 }, () => '')));
  assert.equal(client.failure(), 'HF_WEBSOCKET_PROTOCOL');
});

test('whether the client takes all that it is sent is known to the origin', (t) => {
  const { client, origin } = new Rig(t).openFramed('a');
  assert.equal(origin.requester.keepsUp, false);
  client.keepsUp = true;
  assert.equal(origin.requester.keepsUp, true);
});
