import assert from 'node:assert/strict';
import { test } from 'node:test';
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
