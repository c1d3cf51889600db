import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { ACCEPTED_CODINGS, BodyDecoder } from '../../../src/codec/content/index.ts';
import { ExchangeError, UNKNOWN_LENGTH, WINDOW } from '../../../src/exchange/index.ts';
import { DecodedResponse } from '../../../src/fetch/decoded-response.ts';
import type { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { turn } from '../../support/manual-clock.ts';
import { settled } from '../../support/settled.ts';
import { FetchRig, type RigRequest } from './fetch-rig.ts';

const URI = 'http://a.example/';
const TEXT = 'A text that is said again, and again, and again.\n'.repeat(40);
const GZIP = ['Content-Encoding', 'gzip'];

/** Makes a request whose answer is decoded. */
function fetchDecoded(rig: FetchRig, fields: RigRequest = {}): FakeRequester {
  return rig.fetch(URI, { ...fields, options: { decompress: true, ...fields.options } });
}

for (const [name, coding, encoded] of [
  ['gzip', 'gzip', gzipSync(TEXT)],
  ['x-gzip in capitals', 'X-GZIP', gzipSync(TEXT)],
  ['deflate', 'deflate', deflateSync(TEXT)],
  ['deflate without the zlib format', 'deflate', deflateRawSync(TEXT)],
  ['br', 'br', brotliCompressSync(TEXT)],
  ['gzip and nothing else', 'identity, gzip', gzipSync(TEXT)],
] as const) {
  test(`${name} is decoded, whole and byte by byte`, async (t) => {
    for (const size of [encoded.length, 1]) {
      const rig = new FetchRig(t);
      const requester = fetchDecoded(rig);
      const headers = ['X-A', '1', 'content-length', String(encoded.length), 'Content-Encoding', coding, 'X-B', '2'];
      rig.sent.start(200, headers, encoded.length);
      for (let at = 0; at < encoded.length; at += size) {
        rig.sent.data(encoded.subarray(at, at + size), at + size < encoded.length);
      }
      const head = await requester.completed();
      assert.equal(requester.body, TEXT);
      assert.equal(head.bodyLength, UNKNOWN_LENGTH);
      assert.deepEqual(head.headers, ['X-A', '1', 'Content-Encoding', coding, 'X-B', '2']);
    }
  });
}

for (const [what, status, headers, bodyLength] of [
  ['no coding', 200, ['Content-Length', '4'], 4],
  ['identity', 200, ['Content-Encoding', 'identity', 'Content-Length', '4'], 4],
  ['an empty coding', 200, ['Content-Encoding', '', 'Content-Length', '4'], 4],
  ['a coding that is not known', 200, ['Content-Encoding', 'compress', 'Content-Length', '4'], 4],
  ['what is no coding', 200, ['Content-Encoding', 'UTF-8'], UNKNOWN_LENGTH],
  ['two codings', 200, ['Content-Encoding', 'gzip, br'], UNKNOWN_LENGTH],
  ['two codings in two fields', 200, ['Content-Encoding', 'gzip', 'content-encoding', 'gzip'], UNKNOWN_LENGTH],
  ['a part', 206, ['Content-Encoding', 'gzip', 'Content-Length', '4'], 4],
] as const) {
  test(`A response with ${what} passes unchanged`, async (t) => {
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig);
    rig.sent.start(status, [...headers], bodyLength);
    rig.sent.data('body', false);
    const head = await requester.completed();
    assert.deepEqual(head.headers, headers);
    assert.equal(head.bodyLength, bodyLength);
    assert.equal(requester.body, 'body');
  });
}

for (const [what, method, status] of [
  ['HEAD', 'HEAD', 200],
  ['a 204', 'GET', 204],
  ['a 304', 'GET', 304],
  ['no bytes', 'GET', 200],
] as const) {
  test(`The response to ${what} has nothing to decode, and keeps its Content-Length`, async (t) => {
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig, { method });
    const headers = ['Content-Encoding', 'gzip', 'Content-Length', '100'];
    rig.sent.start(status, headers, 0);
    rig.sent.data('', false);
    assert.deepEqual((await requester.completed()).headers, headers);
    assert.equal(requester.body, '');
  });
}

test('An empty chunked body is an empty decoded body', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig);
  rig.sent.start(200, GZIP);
  rig.sent.data('', false);
  await requester.completed();
  assert.equal(requester.body, '');
});

/** Counts the bodies that are decoded piece by piece. */
function decoders(t: TestContext): { readonly count: number } {
  const ended = t.mock.method(BodyDecoder.prototype, 'decodePiecewise');
  return {
    get count() {
      return ended.mock.callCount();
    },
  };
}

test('A small body that arrives within a turn is decoded in it', async (t) => {
  const opened = decoders(t);
  const encoded = gzipSync(TEXT);
  for (const size of [encoded.length, 10, 1]) {
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig);
    rig.sent.start(200, GZIP);
    for (let at = 0; at < encoded.length; at += size) rig.sent.data(encoded.subarray(at, at + size), true);
    assert.equal(requester.chunks.length, 0);
    rig.sent.data('', false);
    assert.equal(requester.end, 'complete');
    assert.equal(requester.body, TEXT);
    assert.deepEqual(requester.calls, ['onResponse', 'onResponseData']);
    await turn();
  }
  assert.equal(opened.count, 0);
});

test('Bytes that were decoded in the turn and wait for credits come once', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig, { credits: 0 });
  rig.sent.start(200, GZIP);
  rig.sent.data(gzipSync(TEXT), true);
  rig.sent.data('', false);
  await settled(() => requester.calls.length);
  requester.grant(10);
  await settled(() => requester.calls.length);
  requester.grant(WINDOW);
  await requester.completed();
  assert.equal(requester.body, TEXT);
});

test('A body that does not end within the turn does not wait for more', async (t) => {
  const opened = decoders(t);
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig);
  const encoder = createGzip({ flush: constants.Z_SYNC_FLUSH });
  encoder.write('first');
  await once(encoder, 'readable');
  rig.sent.start(200, GZIP);
  rig.sent.data(encoder.read() as Buffer, true);
  await requester.until(() => requester.body === 'first');
  encoder.end(' second');
  rig.sent.data(await buffer(encoder), false);
  await requester.completed();
  assert.equal(requester.body, 'first second');
  assert.equal(opened.count, 1);
});

for (const [what, text, atOnce] of [
  ['16384 encoded bytes', randomBytes(16_361), true],
  ['more encoded bytes', randomBytes(16_362), false],
  ['a window of decoded bytes', Buffer.alloc(WINDOW, 'abc'), true],
  ['more decoded bytes', Buffer.alloc(WINDOW + 1, 'abc'), false],
] as const) {
  test(`A body of ${what} is decoded ${atOnce ? 'at once' : 'piece by piece'}`, async (t) => {
    const opened = decoders(t);
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig, { credits: 100_000 });
    const encoded = gzipSync(text);
    if (text.length < 20_000) assert.equal(encoded.length, text.length + 23);
    rig.sent.start(200, GZIP);
    rig.sent.data(encoded, false);
    assert.equal(requester.end, atOnce ? 'complete' : null);
    await requester.completed();
    assert.ok(Buffer.concat(requester.chunks).equals(text));
    assert.equal(opened.count, atOnce ? 0 : 1);
  });
}

test('Accept-Encoding is sent to each origin of a redirect chain', (t) => {
  const rig = new FetchRig(t);
  fetchDecoded(rig, { options: { followRedirects: true }, headers: ['Accept-Encoding', 'x'] });
  assert.deepEqual(rig.sent.values('accept-encoding'), [ACCEPTED_CODINGS]);
  rig.sent.respond(302, ['Location', 'http://b.example/']);
  assert.deepEqual(rig.sent.values('accept-encoding'), [ACCEPTED_CODINGS]);
});

test('The body of a redirect is not decoded', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig, { options: { followRedirects: true } });
  rig.sent.respond(302, ['Location', '/b', ...GZIP], 'no gzip at all');
  rig.sent.respond(200, [], 'answer');
  await requester.completed();
  assert.equal(requester.body, 'answer');
});

for (const [what, encoded] of [
  ['no gzip', Buffer.from('a text that nobody has encoded')],
  ['gzip that breaks off', gzipSync(TEXT).subarray(0, 30)],
  ['gzip with another checksum', Buffer.concat([gzipSync(TEXT).subarray(0, -8), Buffer.alloc(8)])],
  ['gzip with something behind it', Buffer.concat([gzipSync(TEXT), Buffer.from('more')])],
] as const) {
  test(`A body that is ${what} fails`, async (t) => {
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig);
    rig.sent.start(200, GZIP);
    rig.sent.data(encoded, false);
    const error = await requester.failed();
    assert.equal(error.code, 'HF_ORIGIN_PROTOCOL');
    assert.match(error.detail, /^response body is not valid gzip: /);
    assert.equal(rig.counters.originErrors, 1);
  });
}

test('An invalid encoded body ends the connection', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig);
  rig.sent.start(200, GZIP);
  rig.sent.data('no gzip', true);
  const error = await requester.failed();
  assert.equal(rig.sent.left, error);
});

test('Bytes after the end of the encoding are not waited for', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig);
  rig.sent.start(200, ['Content-Encoding', 'br']);
  rig.sent.data(Buffer.concat([brotliCompressSync(TEXT), Buffer.from('more')]), true);
  await requester.completed();
  assert.equal(requester.body, TEXT);
  assert.notEqual(rig.sent.left, null);
});

test('Several gzip members are one body, and zeros after them are ignored', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig);
  rig.sent.start(200, GZIP);
  rig.sent.data(gzipSync('one '), true);
  rig.sent.data(Buffer.concat([gzipSync('two'), Buffer.alloc(100)]), false);
  await requester.completed();
  assert.equal(requester.body, 'one two');
});

test('A response that breaks off is truncated', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig);
  rig.sent.start(200, GZIP);
  rig.sent.data(gzipSync(TEXT).subarray(0, 20), true);
  const error = new ExchangeError('HF_ORIGIN_TRUNCATED');
  rig.sent.fail(error);
  assert.equal(await requester.failed(), error);
});

test('Without an encoding credits reach the origin, at most a window before the head', async (t) => {
  for (const [credits, first, granted] of [
    [0, 0, []],
    [100, 100, []],
    [WINDOW, WINDOW, []],
    [200_000, WINDOW, [200_000 - WINDOW]],
  ] as const) {
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig, { credits });
    assert.equal(rig.sent.head.credits, first);
    rig.sent.start(200);
    assert.deepEqual(rig.sent.grants, granted);
    requester.grant(50);
    assert.equal(rig.sent.credits, credits + 50);
    rig.sent.data(Buffer.alloc(rig.sent.credits), false);
    await requester.completed();
  }
});

test('Credits before the head reach the origin up to a window, and the rest with the head', (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig, { credits: 0 });
  requester.grant(WINDOW - 10);
  requester.grant(20);
  requester.grant(30);
  assert.deepEqual(rig.sent.grants, [WINDOW - 10, 10]);
  rig.sent.start(200);
  assert.deepEqual(rig.sent.grants, [WINDOW - 10, 10, 40]);
});

test('The origin has a window for encoded bytes, whatever the requester takes', (t) => {
  for (const credits of [0, 10, 1_000_000]) {
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig, { credits });
    rig.sent.start(200, GZIP);
    assert.equal(rig.sent.credits, WINDOW);
    requester.grant(10);
    assert.equal(rig.sent.credits, WINDOW);
  }
});

test('The origin gets back credit for what has been decoded', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig);
  rig.sent.start(200, GZIP);
  const encoded = gzipSync(TEXT);
  const before = rig.sent.grants.length;
  const granted = new Promise<void>((resolve) => {
    rig.sent.onCredit = resolve;
  });
  rig.sent.data(encoded.subarray(0, 50), true);
  await granted;
  assert.deepEqual(rig.sent.grants.slice(before), [50]);
  rig.sent.data(encoded.subarray(50), false);
  await requester.completed();
  assert.equal(requester.body, TEXT);
});

test('Decoded bytes wait for credits, and come byte by byte if necessary', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig, { credits: 0 });
  rig.sent.start(200, GZIP);
  rig.sent.data(gzipSync('hello'), false);
  await settled(() => requester.chunks.length);
  assert.equal(requester.body, '');
  assert.equal(requester.end, null);
  for (const text of ['h', 'he', 'hel', 'hell', 'hello']) {
    requester.grant(1);
    assert.equal(requester.body, text);
  }
  await requester.completed();
});

test('A requester may grant within each piece', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig, { credits: 1 });
  let granted = 0;
  requester.onCall = () => {
    if (requester.body.length > granted && requester.end === null) {
      granted = requester.body.length;
      requester.grant(1);
    }
  };
  rig.sent.start(200, GZIP);
  rig.sent.data(gzipSync('hello'), false);
  await requester.completed();
  assert.equal(requester.body, 'hello');
});

test('A bomb is decoded only as far as it is taken', async (t) => {
  const size = 64 * 1024 * 1024;
  const made = t.mock.method(DecodedResponse.prototype, 'onDecoded');
  for (const [coding, bomb] of [
    ['gzip', gzipSync(Buffer.alloc(size))],
    ['br', brotliCompressSync(Buffer.alloc(size))],
  ] as const) {
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig, { credits: 100_000 });
    rig.sent.start(200, ['Content-Encoding', coding], bomb.length);
    const piece = bomb.subarray(0, WINDOW);
    rig.sent.data(piece, piece.length < bomb.length);
    for (const taken of [100_000, 1_100_000]) {
      await requester.until(() => requester.chunks.reduce((sum, chunk) => sum + chunk.length, 0) === taken);
      made.mock.resetCalls();
      await settled(() => made.mock.callCount());
      assert.ok(made.mock.callCount() <= 1, 'more is made than is taken');
      requester.grant(1_000_000);
    }
    requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  }
});

test('A requester that leaves while bytes are decoded gets no more calls', async (t) => {
  for (const more of [true, false]) {
    const rig = new FetchRig(t);
    const requester = fetchDecoded(rig);
    requester.onCall = () => {
      if (requester.chunks.length === 1) requester.leave(new ExchangeError('HF_CLIENT_GONE'));
    };
    rig.sent.start(200, GZIP);
    rig.sent.data(gzipSync(Buffer.alloc(1_000_000)), more);
    await settled(() => requester.chunks.length);
    assert.equal(requester.chunks.length, 1);
    assert.equal(rig.sent.left === null, !more);
  }
});

test('A requester that leaves at the head of an encoded response gets no more calls', async (t) => {
  const rig = new FetchRig(t);
  const requester = fetchDecoded(rig);
  requester.onCall = () => requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  rig.sent.start(200, GZIP);
  assert.notEqual(rig.sent.left, null);
  await settled(() => requester.chunks.length);
  assert.deepEqual(requester.calls, ['onResponse']);
});

test('A client may respond before it returns its responder', async (t) => {
  for (const whole of [true, false]) {
    const rig = new FetchRig(t);
    const encoded = gzipSync(TEXT);
    rig.client.onSend = (sent) => {
      sent.start(200, GZIP);
      if (whole) sent.data(encoded, false);
    };
    const requester = fetchDecoded(rig, { credits: whole ? WINDOW : 0 });
    if (!whole) {
      assert.equal(rig.sent.credits, WINDOW);
      rig.sent.data(encoded, false);
      requester.grant(WINDOW);
    }
    await requester.completed();
    assert.equal(requester.body, TEXT);
  }
});

test('A plain response before its responder is known gets all credits in the end', async (t) => {
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => sent.start(200);
  const requester = fetchDecoded(rig, { credits: 200_000 });
  assert.equal(rig.sent.credits, 200_000);
  rig.sent.data('ok', false);
  await requester.completed();
});
