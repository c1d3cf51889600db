import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseServerListener } from '../../../src/config/server-listener.ts';
import { startApp } from '../../support/running-app.ts';

for (const [port, suffix] of [
  [443, ''],
  [8443, ':8443'],
] as const) {
  test(`a listener redirects to the same URL with https and port ${port}`, async (t) => {
    const listen = [parseServerListener(`127.0.0.1:0,redirect=${port}`)];
    const app = await startApp(t, ['* test'], { server: { listen } });
    const client = await app.connect();
    for (const [target, host, location] of [
      ['/a%20b?c=d', 'A.example:80', `https://a.example${suffix}/a%20b?c=d`],
      ['/', '[::1]:80', `https://[::1]${suffix}/`],
    ]) {
      const { status, headers } = await client.request(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.deepEqual([status, headers.get('location')], [308, location]);
    }
  });
}

test('a listener that redirects serves ACME challenges, and refuses requests without a host', async (t) => {
  const listen = [parseServerListener('127.0.0.1:0,redirect=443')];
  const app = await startApp(t, ['*,path_beg=/.well-known/acme-challenge test'], { server: { listen } });
  const client = await app.connect();
  const challenge = 'GET /.well-known/acme-challenge/ HTTP/1.1\r\nHost: a\r\n\r\n';
  assert.equal((await client.request(challenge)).status, 200);
  assert.equal((await (await app.connect()).request('GET / HTTP/1.0\r\n\r\n')).status, 400);
});
