import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { GripResponse } from '../../../src/proxy/grip-response.ts';
import { settled } from '../../support/settled.ts';
import { assertError, GripRig, RESPONSE, STREAM } from './support/grip-rig.ts';

const ENCODERS = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, br: brotliCompressSync } as const;

for (const [coding, encode] of Object.entries(ENCODERS)) {
  test(`A body encoded with ${coding} is decoded before it is held`, async () => {
    const rig = new GripRig({ headers: [...RESPONSE, 'Content-Encoding', coding, 'X-Own', '1'] });
    await rig.body(encode('timeout')).decided();
    assert.equal(rig.held?.instruct.response.body.toString(), 'timeout');
    assert.deepEqual(rig.held?.instruct.response.headers, ['X-Own', '1']);
  });
}

test('Instructions in an encoded body are understood', async () => {
  const headers = ['Content-Type', 'application/grip-instruct; charset=utf-8', 'Content-Encoding', 'deflate'];
  const instruct = { hold: { channels: [{ name: 'a' }] }, response: { body: 'timeout' } };
  const rig = await new GripRig({ headers }).body(deflateRawSync(JSON.stringify(instruct))).decided();
  assert.equal(rig.held?.instruct.response.body.toString(), 'timeout');
});

test('The identity coding counts as no coding, in any case', () => {
  for (const coding of ['identity', 'Identity', ' , identity,']) {
    const rig = new GripRig({ headers: [...RESPONSE, 'Content-Encoding', coding] }).body('timeout');
    assert.equal(rig.held?.instruct.response.body.toString(), 'timeout');
  }
});

test('Unknown or multiple codings are refused', () => {
  for (const coding of ['zstd', 'gzip, br']) {
    assert.throws(
      () => new GripRig({ headers: [...RESPONSE, 'Content-Encoding', coding] }),
      (error) => error instanceof ExchangeError && error.code === 'HF_GRIP_INVALID',
    );
  }
});

test('An encoded body that is not valid is an error', async () => {
  const rig = await new GripRig({ headers: [...RESPONSE, 'Content-Encoding', 'gzip'] }).body('plain').decided();
  assertError(rig, 'HF_GRIP_INVALID', /^the GRIP response is not valid gzip: /);
});

test('A small encoded body that grows over the bound is too large', async () => {
  const rig = await new GripRig({ headers: [...RESPONSE, 'Content-Encoding', 'gzip'] })
    .body(gzipSync(Buffer.alloc(10_000_000)))
    .decided();
  assertError(rig, 'HF_GRIP_TOO_LARGE', /over 100000 bytes/);
});

test('A large encoded beginning of a stream is decoded as the client takes it', async () => {
  const size = 3_000_000;
  const rig = new GripRig({ headers: [...STREAM, 'Content-Encoding', 'gzip'] }, { credits: 100 });
  rig.response.data(gzipSync(Buffer.alloc(size, 'x')), false);
  await rig.client.until(() => rig.client.body.length === 100);
  await settled(() => rig.originCredit);
  assert.equal(rig.originCredit, 0, 'the origin has to wait');
  for (let taken = 100; taken < size; taken += 65_536) {
    rig.client.grant(65_536);
    await rig.client.until(() => rig.client.body.length === Math.min(taken + 65_536, size));
  }
  await rig.decided();
  assert.equal(rig.held?.responseStarted, true);
  assert.match(rig.client.body, /^x*$/);
});

test('A compression bomb does not fill memory while the client takes nothing', async (t) => {
  const decoded = t.mock.method(GripResponse.prototype, 'onDecoded');
  const rig = new GripRig({ headers: [...STREAM, 'Content-Encoding', 'gzip'] }, { credits: 0 });
  rig.response.data(gzipSync(Buffer.alloc(32_000_000)), false);
  await rig.client.until(() => rig.client.head !== null);
  await settled(() => decoded.mock.callCount());
  const bytes = decoded.mock.calls.reduce((sum, call) => sum + (call.arguments[0] as Buffer).length, 0);
  assert.ok(bytes < 400_000, `${bytes} bytes`);
  rig.response.cancel();
});

test('After a cancel no more calls follow, not even from a decoder at work', async () => {
  const rig = new GripRig({ headers: [...STREAM, 'Content-Encoding', 'gzip'] });
  rig.response.data(gzipSync(Buffer.alloc(1_000_000)), false);
  rig.response.cancel();
  rig.response.credit(1_000_000);
  await settled(() => rig.client.calls.length);
  assert.deepEqual(rig.client.calls, []);
  assert.deepEqual([rig.held, rig.relayed, rig.error, rig.originCredit], [null, null, null, 0]);
});
