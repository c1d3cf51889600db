import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ExchangeError, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { FetchRig } from './fetch-rig.ts';

const URI = 'http://a.example/';

test('A request that does not end in time fails, whatever it waits for', async (t) => {
  const pass = manualClock(t);
  for (const at of ['the head', 'the body', 'the next place', 'its own body', 'credits']) {
    const rig = new FetchRig(t);
    const options = { timeout: 5_000, followRedirects: true };
    const bodyLength = at === 'its own body' ? 5 : 0;
    const requester = rig.fetch(URI, { options, method: 'POST', bodyLength, credits: at === 'credits' ? 0 : 100 });
    if (at === 'the next place') rig.sent.respond(302, ['Location', '/b']);
    if (at === 'the body' || at === 'credits') rig.sent.start(200);
    if (at === 'the body') rig.sent.data('x', true);
    pass(4.7);
    assert.equal(requester.end, null, at);
    assert.equal(rig.sent.left, null, at);
    pass(0.2);
    const error = await requester.failed();
    assert.equal(error.code, 'HF_FETCH_TIMEOUT');
    assert.equal(rig.sent.left, error);
    assert.equal(rig.counters.originErrors, 1);
    // Whoever is late says it to nobody.
    requester.responder?.onResponseCredit(1);
  }
});

test('The timeout covers all redirects together', async (t) => {
  const pass = manualClock(t);
  const rig = new FetchRig(t);
  const requester = rig.fetch(URI, { options: { timeout: 3_000, followRedirects: true } });
  for (let i = 0; i < 4 && requester.end === null; i++) {
    pass(0.8);
    if (requester.end === null) rig.sent.respond(302, ['Location', `/${i}`]);
  }
  assert.equal((await requester.failed()).code, 'HF_FETCH_TIMEOUT');
});

test('A request that is over has no deadline', async (t) => {
  const pass = manualClock(t);
  for (const how of ['answered', 'failed', 'left']) {
    const rig = new FetchRig(t);
    const requester = rig.fetch(URI, { options: { timeout: 1_000 } });
    const { sent } = rig;
    if (how === 'answered') sent.respond(200, [], 'ok');
    if (how === 'failed') sent.fail(new ExchangeError('HF_ORIGIN_CLOSED'));
    if (how === 'left') requester.leave(new ExchangeError('HF_CLIENT_GONE'));
    const end = requester.end;
    pass(5);
    assert.equal(requester.end, end);
    assert.equal(rig.counters.originErrors, 0);
  }
});

test('A request without a bound waits', (t) => {
  const pass = manualClock(t);
  const rig = new FetchRig(t);
  const requester = rig.fetch(URI, { options: { maxSize: 1_000 } });
  pass(1_000);
  assert.equal(requester.end, null);
});

for (const [what, bodyLength, pieces] of [
  ['as announced', 6, ['abcdef']],
  ['piece by piece', 6, ['abc', 'def']],
  ['without announcement', UNKNOWN_LENGTH, ['abc', 'def', '']],
] as const) {
  test(`A body of exactly the limit passes, ${what}`, async (t) => {
    const rig = new FetchRig(t);
    const requester = rig.fetch(URI, { options: { maxSize: 6 } });
    rig.sent.start(200, [], bodyLength);
    for (const [index, piece] of pieces.entries()) rig.sent.data(piece, index < pieces.length - 1);
    await requester.completed();
    assert.equal(requester.body, 'abcdef');
  });
}

test('A body with too large a Content-Length fails at once', async (t) => {
  const rig = new FetchRig(t);
  const requester = rig.fetch(URI, { options: { maxSize: 6 } });
  rig.sent.start(200, [], 7);
  const error = await requester.failed();
  assert.equal(error.code, 'HF_ORIGIN_BODY_TOO_LARGE');
  assert.deepEqual(requester.calls, ['onResponseError']);
  assert.equal(rig.sent.left, error);
  assert.equal(rig.counters.originErrors, 1);
});

test('A body of unknown length fails when it exceeds the limit', async (t) => {
  for (const more of [true, false]) {
    const rig = new FetchRig(t);
    const requester = rig.fetch(URI, { options: { maxSize: 6 } });
    rig.sent.start(200);
    rig.sent.data('abc', true);
    rig.sent.data('defg', more);
    const error = await requester.failed();
    assert.equal(error.code, 'HF_ORIGIN_BODY_TOO_LARGE');
    assert.equal(requester.body, 'abc');
  }
});

test('An empty body passes a limit of 0', async (t) => {
  const rig = new FetchRig(t);
  const requester = rig.fetch(URI, { options: { maxSize: 0 } });
  rig.sent.respond(204);
  await requester.completed();
  const other = rig.fetch(URI, { options: { maxSize: 0 } });
  rig.sent.start(200);
  rig.sent.data('x', true);
  assert.equal((await other.failed()).code, 'HF_ORIGIN_BODY_TOO_LARGE');
});

test('The bodies of redirects do not count', async (t) => {
  const rig = new FetchRig(t);
  const requester = rig.fetch(URI, { options: { maxSize: 6, followRedirects: true } });
  rig.sent.respond(302, ['Location', '/b'], 'a longer text');
  rig.sent.respond(200, [], 'abcdef');
  await requester.completed();
});

test('Decoded bytes count', async (t) => {
  for (const size of [1_000, 1_001]) {
    const rig = new FetchRig(t);
    const requester = rig.fetch(URI, { options: { maxSize: 1_000, decompress: true } });
    const encoded = gzipSync(Buffer.alloc(size));
    rig.sent.start(200, ['Content-Encoding', 'gzip'], encoded.length);
    rig.sent.data(encoded, false);
    const end = await requester.ended();
    assert.equal(end === 'complete' ? end : end.code, size === 1_000 ? 'complete' : 'HF_ORIGIN_BODY_TOO_LARGE');
  }
});

test('A response within all bounds passes', async (t) => {
  const rig = new FetchRig(t);
  const options = { timeout: 60_000, maxSize: 10, decompress: true, followRedirects: true };
  const fields = { method: 'POST', bodyLength: UNKNOWN_LENGTH, headers: ['Content-Length', '5'], options };
  const requester = rig.fetch(URI, fields);
  rig.sent.grant(10);
  requester.send('hello', false);
  rig.sent.respond(307, ['Location', '/b']);
  rig.sent.grant(10);
  assert.equal(rig.sent.body, 'hello');
  rig.sent.respond(200, ['Content-Encoding', 'gzip'], gzipSync('0123456789').toString('latin1'));
  await requester.completed();
  assert.equal(requester.body, '0123456789');
  assert.equal(rig.counters.originErrors, 0);
});
