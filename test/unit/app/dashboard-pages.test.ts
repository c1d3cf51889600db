import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { dashboardPages } from '../../../src/app/dashboard-pages.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import { CounterRegistry } from '../../../src/exchange/index.ts';
import { beginningOf, sendRequest } from '../../../src/plain-http/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { startServer } from '../../support/running-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCRIPT = Buffer.from(`const text = '${'long '.repeat(40_000)}';\n`);
const PAGE = Buffer.from(`<!doctype html>\n<p>${'hello '.repeat(200)}\n`);

const FILES = {
  'index.html': PAGE,
  'index.html.br': brotliCompressSync(PAGE),
  'index.html.gz': gzipSync(PAGE),
  'assets/index-a.b1.js': SCRIPT,
  'assets/index-a.b1.js.br': brotliCompressSync(SCRIPT),
  'assets/index-a.b1.js.gz': gzipSync(SCRIPT),
  'assets/only-gzip.css': PAGE,
  'assets/only-gzip.css.gz': gzipSync(PAGE),
  'assets/plain.svg': '<svg/>',
};

const UNDO: Readonly<Record<string, (body: Buffer) => Buffer>> = { br: brotliDecompressSync, gzip: gunzipSync };

/** The pages of a folder, and how to ask for them. */
async function startPages(t: TestContext) {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const root = temporaryFolder(t);
  mkdirSync(join(root, 'assets'));
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(root, name), content);
  const service = dashboardPages(new CounterRegistry(), new FakeLog(), wheel, root);
  const { address } = await startServer(t, { service });
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<IncomingMessage> =>
    sendRequest(new URL(`http://${address}/dashboard/${path}`), { method, headers });
  return { ask };
}

const whole = (response: IncomingMessage) => beginningOf(response, 1_000_000);

test('files are sent in the coding that the client takes, and say what they are', async (t) => {
  const { ask } = await startPages(t);
  for (const [path, accepted, coding, type, content] of [
    ['', 'gzip, deflate, br, zstd', 'br', 'text/html', PAGE],
    ['index.html', 'gzip, deflate', 'gzip', 'text/html', PAGE],
    ['assets/index-a.b1.js', 'gzip, br', 'br', 'text/javascript', SCRIPT],
    ['assets/index-a.b1.js', 'gzip;q=1, br;q=0.5', 'gzip', 'text/javascript', SCRIPT],
    ['assets/index-a.b1.js', 'br;q=0, *;q=0.1', 'gzip', 'text/javascript', SCRIPT],
    ['assets/index-a.b1.js?v=1', 'br', 'br', 'text/javascript', SCRIPT],
    ['assets/only-gzip.css', 'br, gzip;q=0.5', 'gzip', 'text/css', PAGE],
    ['assets/only-gzip.css', 'br', undefined, 'text/css', PAGE],
    ['', 'identity, br;q=0.5', undefined, 'text/html', PAGE],
    ['', 'br;q=0, gzip;q=0', undefined, 'text/html', PAGE],
    ['', 'zstd', undefined, 'text/html', PAGE],
  ] as const) {
    const response = await ask(path, { 'Accept-Encoding': accepted });
    const about = `${path} ${accepted}`;
    assert.equal(response.statusCode, 200, about);
    assert.equal(response.headers['content-encoding'], coding, about);
    assert.equal(response.headers['content-type'], type, about);
    assert.equal(response.headers.vary, 'Accept-Encoding', about);
    assert.match(String(response.headers['content-security-policy']), /default-src 'none'/);
    const body = await whole(response);
    assert.equal(response.headers['content-length'], String(body.length), about);
    assert.ok((coding === undefined ? body : (UNDO[coding] as (body: Buffer) => Buffer)(body)).equals(content), about);
  }
});

test('without Accept-Encoding files are sent as they are, and one without others beside it does not vary', async (t) => {
  const { ask } = await startPages(t);
  const plain = await ask('');
  assert.deepEqual([plain.headers['content-encoding'], plain.headers.vary], [undefined, 'Accept-Encoding']);
  assert.ok((await whole(plain)).equals(PAGE));
  const image = await ask('assets/plain.svg', { 'Accept-Encoding': 'br' });
  assert.deepEqual([image.headers['content-encoding'], image.headers.vary], [undefined, undefined]);
  assert.equal(String(await whole(image)), '<svg/>');
  const none = await ask('assets/none.js', { 'Accept-Encoding': 'br' });
  assert.deepEqual([none.statusCode, none.headers['content-encoding']], [404, undefined]);
  none.destroy();
});

test('each coding has an entity tag of its own, which conditions and ranges are about', async (t) => {
  const { ask } = await startPages(t);
  const path = 'assets/index-a.b1.js';
  const tags = new Map<string, string>();
  for (const coding of ['br', 'gzip', 'identity']) {
    const response = await ask(path, { 'Accept-Encoding': coding });
    tags.set(coding, String(response.headers.etag));
    await whole(response);
  }
  assert.equal(new Set(tags.values()).size, 3);
  const br = tags.get('br') as string;
  const same = await ask(path, { 'Accept-Encoding': 'br', 'If-None-Match': br });
  assert.deepEqual(
    [same.statusCode, same.headers.etag, same.headers.vary, same.headers['content-encoding']],
    [304, br, 'Accept-Encoding', undefined],
  );
  assert.match(String(same.headers['cache-control']), /immutable/);
  await whole(same);
  const other = await ask(path, { 'Accept-Encoding': 'gzip', 'If-None-Match': br });
  assert.deepEqual([other.statusCode, other.headers['content-encoding']], [200, 'gzip']);
  await whole(other);
  const part = await ask(path, { 'Accept-Encoding': 'br', Range: 'bytes=0-3', 'If-Range': br });
  assert.deepEqual([part.statusCode, part.headers['content-encoding']], [206, 'br']);
  assert.ok((await whole(part)).equals(FILES['assets/index-a.b1.js.br'].subarray(0, 4)));
});

test('HEAD says what GET would', async (t) => {
  const { ask } = await startPages(t);
  for (const coding of ['br', 'gzip', 'identity']) {
    const [head, get] = [
      await ask('', { 'Accept-Encoding': coding }, 'HEAD'),
      await ask('', { 'Accept-Encoding': coding }),
    ];
    const { date: _one, ...ofHead } = head.headers;
    const { date: _other, ...ofGet } = get.headers;
    assert.deepEqual(ofHead, ofGet);
    assert.equal((await whole(head)).length, 0);
    await whole(get);
  }
});
