import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { TimerWheel } from '../../src/clock/index.ts';
import type { Service } from '../../src/exchange/index.ts';
import { FilesCounters, StaticFiles } from '../../src/files/index.ts';
import { FakeLog } from '../support/fake-log.ts';
import { type RunningServer, startServer } from '../support/running-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Attempt {
  readonly title: string;
  readonly place: string;
  readonly target: string;
  readonly verdict: 'refused' | 'served' | 'outside';
  /** Body of what is served. */
  readonly body: string;
}

const DOCUMENTS = fileURLToPath(new URL('../cases/files/', import.meta.url));

function readAttempts(): Attempt[] {
  const files = readdirSync(DOCUMENTS).filter((file) => file !== 'README.md');
  return files.sort().flatMap((file) => {
    let title = '';
    let verdict: string | null = null;
    return readFileSync(DOCUMENTS + file, 'utf8')
      .split('\n')
      .flatMap((line, index) => {
        if (line.startsWith('### ')) title = line.slice(4);
        else if (line.startsWith('```')) verdict = /^```targets (refused|served|outside)$/.exec(line)?.[1] ?? null;
        else if (verdict !== null) {
          const [target = '', body = ''] = line.split(' -> ');
          return [{ title, place: `${file}:${index + 1}`, target, verdict: verdict as Attempt['verdict'], body }];
        }
        return [];
      });
  });
}

/** The tree of the README. Returns the folder that is served. */
async function makeTree(t: TestContext): Promise<string> {
  const top = temporaryFolder(t, { 'secret.txt': 'secret' });
  const site = join(top, 'site');
  for (const folder of ['site-backup', 'site/dir', 'site/index-out']) mkdirSync(join(top, folder), { recursive: true });
  const files = {
    '../site-backup/secret.txt': 'secret',
    'index.html': 'index',
    'a.txt': 'a',
    'dir/b.txt': 'b',
    'dir/index.html': 'dir index',
    '..c.txt': 'c',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(site, name), content);
  const links = {
    file: 'a.txt',
    folder: 'dir',
    chain: 'file',
    absolute: join(site, 'a.txt'),
    out: '../secret.txt',
    'out-absolute': join(top, 'secret.txt'),
    'out-chain': 'out',
    parent: '..',
    sibling: '../site-backup',
    root: '/',
    loop: 'loop',
    dangling: '../nothing',
    'index-out/index.html': '../../secret.txt',
    null: '/dev/null',
    zero: '/dev/zero',
    descriptors: '/proc/self/fd',
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(site, name));
  execFileSync('mkfifo', [join(site, 'fifo')]);
  const socket = createServer();
  t.after(() => socket.close());
  await new Promise<void>((resolve) => socket.listen(join(site, 'socket'), resolve));
  return site;
}

function serviceOf(t: TestContext, root: string, followLinks = false): Service {
  const wheel = new TimerWheel();
  const files = new StaticFiles({ counters: new FilesCounters(), log: new FakeLog(), wheel });
  t.after(() => {
    files.close();
    wheel.stop();
  });
  const about = { indexFile: 'index.html', defaultType: 'text/plain', types: {}, cacheTtl: 0, server: '' };
  return files.folder({ ...about, root, followLinks }).service('/');
}

/** Sends one request on a connection of its own. Returns the status and all that came. */
async function send(server: RunningServer, target: string): Promise<{ status: number; text: string }> {
  const client = await server.connect();
  client.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  const text = await client.takeAll();
  return { status: Number(text.slice(9, 12)), text };
}

function bodyOf(text: string): string {
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

const attempts = readAttempts();

function targetOf({ target }: Attempt): string {
  return target.replace('LONG-NAME', 'x'.repeat(300)).replace('LONG-PATH', 'x/'.repeat(2_500));
}

test('the documents have attempts of all kinds', () => {
  for (const verdict of ['refused', 'served', 'outside'])
    assert.ok(attempts.some((attempt) => attempt.verdict === verdict));
  assert.ok(attempts.length > 100);
});

for (const followLinks of [false, true]) {
  describe(followLinks ? 'with links followed' : 'with links that stay inside', () => {
    test('no attempt gets more than it should', async (t) => {
      const server = await startServer(t, { service: serviceOf(t, await makeTree(t), followLinks) });
      for (const attempt of attempts) {
        const { place, verdict, body } = attempt;
        // With links followed, whatever is behind them is part of the site.
        if (
          followLinks &&
          /^\/(root|null|zero|descriptors|parent|sibling)/.test(attempt.target) &&
          verdict === 'refused'
        )
          continue;
        const { status, text } = await send(server, targetOf(attempt));
        const said = `${place} ${attempt.target}: ${text.slice(0, 200)}`;
        if (verdict === 'served') assert.deepEqual([status, bodyOf(text)], [200, body], said);
        else if (verdict === 'outside' && followLinks) assert.deepEqual([status, bodyOf(text)], [200, 'secret'], said);
        else {
          assert.ok(status >= 400 && status < 500, said);
          assert.ok(!text.includes('secret'), said);
        }
      }
    });
  });
}

/** Sets `path` to each of two links in turn, as fast as it can, in a thread. */
const SWAPPER = `
  const { renameSync, symlinkSync } = require('node:fs');
  const { workerData: { path, targets, stop } } = require('node:worker_threads');
  while (Atomics.load(stop, 0) === 0) {
    for (const target of targets) {
      symlinkSync(target, path + '.new');
      renameSync(path + '.new', path);
    }
  }
`;

test('a path that changes while it is opened never gives away what is outside', async (t) => {
  const site = await makeTree(t);
  const server = await startServer(t, { service: serviceOf(t, site) });
  mkdirSync(join(site, 'real'));
  writeFileSync(join(site, 'real', 'secret.txt'), 'inside');
  const path = join(site, 'swapped');
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SWAPPER, { eval: true, workerData: { path, targets: ['real', '../site-backup'], stop } });
  const exited = once(worker, 'exit');
  try {
    const client = await server.connect();
    const seen = { 200: 0, 404: 0 };
    for (let i = 0; i < 3_000; i++) {
      const response = await client.request('GET /swapped/secret.txt HTTP/1.1\r\nHost: localhost\r\n\r\n');
      assert.ok(response.status === 200 || response.status === 404, response.statusLine);
      seen[response.status]++;
      if (response.status === 200) assert.equal(response.body, 'inside');
    }
    assert.ok(seen[200] > 0 && seen[404] > 0, JSON.stringify(seen));
  } finally {
    Atomics.store(stop, 0, 1);
    await exited;
  }
});

test('a kept file is not served any more once its path leads outside', async (t) => {
  const site = await makeTree(t);
  const server = await startServer(t, { service: serviceOf(t, site) });
  assert.equal((await send(server, '/dir/b.txt')).status, 200);
  writeFileSync(join(site, '../site-backup/b.txt'), 'secret');
  rmSync(join(site, 'dir'), { recursive: true });
  symlinkSync('../site-backup', join(site, 'dir'));
  const { status, text } = await send(server, '/dir/b.txt');
  assert.equal(status, 404);
  assert.ok(!text.includes('secret'));
});
