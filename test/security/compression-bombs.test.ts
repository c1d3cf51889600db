import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import {
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createDeflate,
  createGunzip,
  createGzip,
  createInflate,
  gzipSync,
} from 'node:zlib';
import { turn } from '../support/manual-clock.ts';
import { type RawOrigin, startRawOrigin } from '../support/raw-origin.ts';
import { type RunningApp, startApp } from '../support/running-app.ts';

const MEGABYTE = 1_048_576;
/** Megabytes in a bomb. */
const SIZE = 100;

/** That many megabytes of nothing, packed into some kilobytes, without having been in memory as a whole. */
async function bomb(coding: string, megabytes: number): Promise<Buffer> {
  const stream =
    coding === 'br'
      ? createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })
      : (coding === 'gzip' ? createGzip : createDeflate)({ level: 1 });
  const packed: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => packed.push(chunk));
  const zeros = Buffer.alloc(MEGABYTE);
  for (let i = 0; i < megabytes; i++) {
    if (!stream.write(zeros)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'end');
  return Buffer.concat(packed);
}

/** Unpacks a bomb and throws the bytes away. */
async function unpack(coding: string, packed: Buffer): Promise<void> {
  const create = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress }[coding] ?? assert.fail();
  const stream = create();
  stream.end(packed);
  await once(stream.resume(), 'end');
}

interface Rig {
  readonly app: RunningApp;
  readonly origin: RawOrigin;
}

/** An origin that answers everything with this body, for GRIP if `hold` is not empty. */
async function rig(t: TestContext, coding: string, body: Buffer, hold: string): Promise<Rig> {
  const origin = await startRawOrigin(t);
  const grip = hold === '' ? '' : `Grip-Hold: ${hold}\r\nGrip-Channel: c\r\n`;
  const head = `HTTP/1.1 200 OK\r\n${grip}Content-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`;
  origin.respondAll(() => head + body.toString('latin1'));
  return { origin, app: await startApp(t, [origin.route]) };
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Megabytes by which the process has grown at its largest since the call of `memory`. */
function memory(): () => number {
  const before = process.resourceUsage().maxRSS;
  return () => (process.resourceUsage().maxRSS - before) / 1024;
}

for (const coding of ['gzip', 'deflate', 'br']) {
  test(`a ${coding} bomb as a response that is to be held is refused before it grows`, async (t) => {
    const it = await rig(t, coding, await bomb(coding, SIZE), 'response');
    const growth = memory();
    const response = await it.app.get('/');
    assert.equal(response.status, 502);
    const { code } = (await it.app.log.until('request failed')).fields;
    assert.equal(code, 'HF_GRIP_TOO_LARGE');
    assert.ok(growth() < SIZE / 2, `grown by ${growth()} MB`);
  });

  test(`a ${coding} bomb as the beginning of a stream grows no faster than its client reads`, async (t) => {
    const packed = await bomb(coding, SIZE);
    const it = await rig(t, coding, packed, 'stream');
    const growth = memory();
    const client = await it.app.connect();
    client.socket.pause();
    client.write(GET);
    const peer = await it.origin.accept();
    await peer.until(() => peer.socket.bytesRead > 0);
    // As long as unpacking takes if nothing holds it back.
    await unpack(coding, packed);
    assert.ok(growth() < SIZE / 2, `grown by ${growth()} MB`);
    client.reset();
    while (it.app.counters.requestsAborted === 0) await turn();
    assert.ok(growth() < SIZE / 2, `grown by ${growth()} MB`);
  });
}

test('a client that reads gets the whole compressed beginning of a stream, and is held then', async (t) => {
  const it = await rig(t, 'gzip', await bomb('gzip', 20), 'stream');
  const client = await it.app.connect();
  client.write(GET);
  await client.takeHead();
  for (let left = 20 * MEGABYTE; left > 0; ) left -= (await client.takeChunk()).length;
  await it.app.log.until('hold');
  await it.app.publishStream('c', 'item');
  assert.equal(await client.takeChunk(), 'item');
});

test('a compressed response without instructions passes unchanged', async (t) => {
  const body = gzipSync('hello');
  const it = await rig(t, 'gzip', body, '');
  const response = await it.app.get('/');
  assert.equal(response.body, body.toString('latin1'));
  assert.equal(response.headers.get('content-encoding'), 'gzip');
});

const whole = gzipSync('hello'.repeat(1_000));
const BAD: readonly { readonly what: string; readonly coding: string; readonly body: Buffer }[] = [
  { what: 'that is not packed at all', coding: 'gzip', body: Buffer.from('hello') },
  { what: 'that breaks off', coding: 'gzip', body: whole.subarray(0, whole.length - 10) },
  { what: 'whose checksum is wrong', coding: 'gzip', body: Buffer.from(whole).fill(0, whole.length - 8) },
  { what: 'that is packed twice', coding: 'gzip, gzip', body: gzipSync(whole) },
  { what: 'in a coding that nobody knows', coding: 'zzip', body: whole },
];

for (const { what, coding, body } of BAD) {
  test(`a response to be held ${what} is a 502 with its reason in the log`, async (t) => {
    for (const hold of ['response', 'stream']) {
      const it = await rig(t, coding, body, hold);
      assert.equal((await it.app.get('/')).status, 502);
      const [record] = it.app.log.with('request failed');
      assert.equal(record?.fields.code, 'HF_GRIP_INVALID');
      assert.equal(it.app.counters.holdsStarted, 0);
    }
  });
}
