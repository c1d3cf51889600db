import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { onUnhandledFault } from '../../../src/clock/index.ts';
import type { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { FetchRig } from './fetch-rig.ts';

const URI = 'http://a.example/';
const GZIP = ['Content-Encoding', 'gzip'];

/** Makes `requester` throw at its next call of that name, once. */
function throwAt(requester: FakeRequester, call: string): void {
  requester.onCall = () => {
    if (requester.calls.at(-1) !== call) return;
    requester.onCall = () => {};
    throw new Error('thrown by the test');
  };
}

async function assertFault(rig: FetchRig, requester: FakeRequester): Promise<void> {
  const error = await requester.failed();
  assert.equal(error.code, 'HF_INTERNAL');
  assert.match(error.detail, /thrown by the test/);
  assert.equal(rig.counters.faults, 1);
}

test('an exception in a call of zlib ends that exchange alone', async (t) => {
  const rig = new FetchRig(t);
  const failing = rig.fetch(URI, { options: { decompress: true } });
  rig.sent.start(200, GZIP);
  rig.sent.data(gzipSync(Buffer.alloc(100_000)), true);
  const failed = rig.sent;
  throwAt(failing, 'onResponseData');
  const other = rig.fetch(URI, { options: { decompress: true } });
  rig.sent.start(200, GZIP);
  rig.sent.data(gzipSync('hello'), true);
  await assertFault(rig, failing);
  assert.equal(failed.left?.code, 'HF_INTERNAL');
  rig.sent.data('', false);
  await other.completed();
  assert.equal(other.body, 'hello');
});

test('an exception when a time limit has passed is reported, and the exchange is over', async (t) => {
  const reported = new Promise((resolve) => onUnhandledFault(resolve));
  t.after(() => onUnhandledFault((thrown) => assert.ifError(thrown)));
  // The wheel keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(alive));
  const rig = new FetchRig(t);
  const requester = rig.fetch(URI, { options: { timeout: 1 } });
  throwAt(requester, 'onResponseError');
  assert.match(String(await reported), /thrown by the test/);
  assert.equal(rig.counters.faults, 1);
});
