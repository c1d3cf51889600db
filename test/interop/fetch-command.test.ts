import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { startCondureClient, startZurl } from '../support/fetch/fetcher.ts';
import { holdfast } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';

/** An origin that tells what it was asked. */
async function origin(t: TestContext): Promise<string> {
  const server = createServer(async (request, response) => {
    const { length } = await buffer(request);
    response.end(`${request.method} ${request.url} ${length}\n`);
  });
  server.listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const [name, start] of [
  ['zurl', startZurl],
  ['condure', startCondureClient],
] as const) {
  test(`holdfast fetch speaks to ${name} in both modes`, async (t) => {
    const program = requirePeer(t, name);
    if (program === null) return;
    const url = await origin(t);
    const { endpoints } = await start(t, [], program);
    const base = endpoints.in.slice(0, -'-in'.length);
    const fetch = (args: readonly string[], input: Buffer | string = '') => holdfast(t, ['fetch', ...args], { input });
    const answered = (stdout: string) => ({ code: 0, stdout, stderr: '' });
    assert.deepEqual(await fetch(['--stream', base, `${url}/a`]), answered('GET /a 0\n'));
    assert.deepEqual(await fetch(['--endpoint', endpoints.req, `${url}/b`]), answered('GET /b 0\n'));
    assert.deepEqual(await fetch(['--endpoint', endpoints.req, '-d', 'hello', `${url}/c`]), answered('POST /c 5\n'));
    // More than either grants at once.
    const large = Buffer.alloc(1_000_000);
    assert.deepEqual(await fetch(['--stream', base, '-d', '@-', `${url}/d`], large), answered('POST /d 1000000\n'));
    const failed = { code: 1, stdout: '', stderr: 'error: remote-connection-failed\n' };
    assert.deepEqual(await fetch(['--stream', base, 'http://127.0.0.1:1/']), failed);
  });
}
