import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHARE } from '../../../../src/clock/index.ts';
import { respond, Site } from '../support/over-http-site.ts';

test('a timer that throws ends only its WebSocket', (t) => {
  const site = new Site(t);
  const broken = site.open('Keep-Alive-Interval', '20');
  const other = site.open('Keep-Alive-Interval', '20');
  const before = site.posts.length;
  broken.client.signature = () => {
    throw new Error('broken');
  };
  site.advance(20_100);
  assert.equal(broken.client.failure(), 'HF_INTERNAL');
  assert.equal(site.counters.faults, 1);
  assert.equal(other.client.failure(), '');
  assert.equal(site.posts.length - before, 1);
  respond(site.posts.at(-1), 'TEXT 2\r\nhi\r\n');
  assert.deepEqual(other.client.events, ['text hi']);
  assert.equal(site.held.bytes, 0);
});

test('events that throw in a later turn end only their WebSocket', async (t) => {
  const site = new Site(t);
  const other = site.open();
  const broken = site.open();
  const { client, webSocket } = broken;
  webSocket.onRequestMessage(Buffer.from('a'), true, false);
  let passed = 0;
  client.onResponseMessage = () => {
    if (++passed > SHARE) throw new Error('broken');
  };
  respond(site.posts.at(-1), 'TEXT 1\r\nb\r\n'.repeat(2 * SHARE));
  assert.ok(passed <= SHARE);
  assert.equal(client.failure(), '');
  await client.until(() => client.error !== null);
  assert.equal(client.failure(), 'HF_INTERNAL');
  assert.equal(site.counters.faults, 1);
  assert.equal(other.client.failure(), '');
  assert.equal(site.held.bytes, 0);
});
