import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { openBrowser } from '../support/browser.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);

/** Bytes of which no two parts are the same. */
const LARGE = Buffer.from(Array.from({ length: 100_000 }, (_, i) => `${i},`).join(''));

/** Runs a Mongrel2 configuration with the folder `site` at `/` and at `/static`. Returns its URL and working directory. */
async function startSite(
  t: TestContext,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<{ url: string; cwd: string }> {
  const conf = `
files = Dir(base='site/', index_file='index.html', default_ctype='text/plain')
main = Server(uuid="u1", chroot="./", access_log="/access.log", error_log="/error.log", pid_file="/pid",
  default_host="localhost", name="main", bind_addr="127.0.0.1", port=1,
  hosts=[Host(name="localhost", routes={'/': files, '/static/': files, '/img/(.*).png$': files})])
servers = [main]
mimetypes = {".page": "text/html"}
`;
  const cwd = temporaryFolder(t, { 'mongrel2.conf': conf });
  mkdirSync(join(cwd, 'site'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(cwd, 'site', name), content);
  const imported = await startHoldfast(t, ['import', 'mongrel2.conf', '-o', 'holdfast.toml'], { cwd }).ended;
  assert.equal(imported.code, 0, imported.stderr);
  // Mongrel2 has no port 0, which stands for a free one.
  const toml = readFileSync(join(cwd, 'holdfast.toml'), 'utf8').replace('127.0.0.1:1', '127.0.0.1:0');
  writeFileSync(join(cwd, 'holdfast.toml'), toml);
  const { mongrel2 } = await startHoldfast(t, ['run'], { cwd }).logged('started');
  return { url: `http://${(mongrel2 as string[])[0]}`, cwd };
}

test('curl gets files, parts of them, and the rest of a download', { timeout: 60_000 }, async (t) => {
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const { url, cwd } = await startSite(t, { 'large.bin': LARGE, 'a.page': '<p>', 'index.html': 'index' });
  const get = async (...args: string[]) => (await run(curl, ['-sS', ...args], { cwd, maxBuffer: 2 ** 24 })).stdout;

  assert.equal(await get(`${url}/static/large.bin`), LARGE.toString());
  assert.equal(await get('-r', '10-19', `${url}/large.bin`), LARGE.subarray(10, 20).toString());
  assert.equal(await get('-r', '-5', `${url}/large.bin`), LARGE.subarray(-5).toString());
  assert.match(await get('-r', '0-0,5-6', '-i', `${url}/large.bin`), /multipart\/byteranges; boundary=/);
  assert.match(await get('-I', `${url}/large.bin`), new RegExp(`\\r\\nContent-Length: ${LARGE.length}\\r\\n`));
  assert.match(await get('-i', `${url}/a.page`), /\r\nContent-Type: text\/html\r\n/);
  assert.equal(await get('-L', `${url}/static/`), 'index');
  assert.match(await get('-i', `${url}/img/x.gif`), /^HTTP\/1\.1 404 /);
  assert.match(await get('-i', '-d', 'x', `${url}/a.page`), /^HTTP\/1\.1 405 /);
  assert.match(await get('-i', '--path-as-is', `${url}/static/../../holdfast.toml`), /^HTTP\/1\.1 404 /);

  await get('-o', 'copy', `${url}/large.bin`);
  truncateSync(join(cwd, 'copy'), 300_000);
  await get('-C', '-', '-o', 'copy', `${url}/large.bin`);
  assert.ok(readFileSync(join(cwd, 'copy')).equals(LARGE));
});

test('curl asks again only for what has changed', { timeout: 60_000 }, async (t) => {
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const { url, cwd } = await startSite(t, { page: 'one' });
  const status = async (...args: string[]) =>
    (await run(curl, ['-sS', '-o', 'out', '-w', '%{http_code}', ...args, `${url}/page`], { cwd })).stdout;
  assert.equal(await status('--etag-save', 'etag'), '200');
  assert.equal(await status('--etag-compare', 'etag'), '304');
  assert.equal(await status('-z', 'site/page'), '304');
  appendFileSync(join(cwd, 'site/page'), ' two');
  assert.equal(await status('--etag-compare', 'etag', '--etag-save', 'etag'), '200');
  assert.equal(readFileSync(join(cwd, 'out'), 'utf8'), 'one two');
  assert.equal(await status('--etag-compare', 'etag'), '304');
});

/** One minute of silence: 8,000 samples a second, one byte each (RIFF WAVE). */
function silence(): Buffer {
  const rate = 8_000;
  const data = Buffer.alloc(60 * rate, 0x80);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

test('a browser plays a recording from any place', { timeout: 90_000 }, async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const { url } = await startSite(t, {
    'sound.wav': silence(),
    'index.html': `<audio src="sound.wav" preload="auto"></audio><script>
      const audio = document.querySelector('audio');
      audio.onloadedmetadata = () => { audio.currentTime = 50; };
      audio.onseeked = () => { document.body.dataset.at = audio.currentTime + ' of ' + audio.duration; };
    </script>`,
  });
  const page = await (await openBrowser(t, chromium)).newPage();
  const statuses: number[] = [];
  page.on('response', (response) => {
    if (response.url().endsWith('.wav')) statuses.push(response.status());
  });
  await page.goto(`${url}/`);
  await page.waitForSelector('body[data-at]', { state: 'attached' });
  assert.equal(await page.locator('body').getAttribute('data-at'), '50 of 60');
  assert.ok(statuses.length > 0 && statuses.every((status) => status === 206), statuses.join(' '));
});
