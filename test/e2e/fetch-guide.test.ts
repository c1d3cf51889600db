import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const GUIDE = readFileSync(new URL('../../docs/how-to/fetch.md', import.meta.url), 'utf8');
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** The code block of the guide that begins with `start`. */
function block(start: string): string {
  const found = [...GUIDE.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].find(([, code = '']) => code.startsWith(start));
  return found?.[1] ?? assert.fail(`the guide has no block that begins with ${start}`);
}

test('the webhook of the guide is delivered, and its monitor sees success and failure', async (t) => {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    bodies.push(`${request.url} ${await text(request)}`);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = temporaryFolder(t);
  const placed = (code: string) => code.replaceAll('/tmp/fetch', `${folder}/fetch`).replaceAll('127.0.0.1:8000', host);
  const webhook = placed(block('// webhook.mjs'));
  const cwd = temporaryFolder(t, {
    'holdfast.toml': placed(block('# holdfast.toml')),
    'monitor.mjs': placed(block('// monitor.mjs')),
    'webhook.mjs': webhook,
    'failing.mjs': webhook.replaceAll(host, '192.168.0.1').replaceAll('order 17', 'order 18'),
  });
  symlinkSync(MODULES, `${cwd}/node_modules`);
  const fetcher = startHoldfast(t, ['run'], { cwd });
  await fetcher.logged('started');
  const monitor = new Program(t, process.execPath, ['monitor.mjs'], { cwd });
  // What is published before the monitor has subscribed is gone, so webhooks are sent until it has.
  let seen = false;
  const first = monitor.output(/order 17: status 200\n/).then(() => {
    seen = true;
  });
  while (!seen) {
    assert.equal((await new Program(t, process.execPath, ['webhook.mjs'], { cwd }).ended).code, 0);
  }
  await first;
  assert.match(monitor.stdout, /^order 17: (on its way|status 200)\n/);
  assert.equal(bodies[0], '/hook {"order":17,"state":"paid"}');
  await new Program(t, process.execPath, ['failing.mjs'], { cwd }).ended;
  await monitor.output(/order 18: failed: policy-violation\n/);
  const { from, condition } = await fetcher.logged('request failed');
  assert.deepEqual([from, condition], ['hooks', 'policy-violation']);
  const { stdout } = await holdfast(t, ['fetch', '--endpoint', `ipc://${folder}/fetch-req`, `http://${host}/a`], {
    cwd,
  });
  assert.equal(stdout, '');
  assert.equal(bodies.at(-1), '/a ');
});

test('the guide shows the output of check --url', async (t) => {
  const [, url = ''] = /check --url (\S+)/.exec(block('holdfast check')) ?? [];
  const { code, stdout } = await holdfast(t, ['check', '--url', url]);
  assert.deepEqual([code, stdout], [1, block('http, host')]);
});
