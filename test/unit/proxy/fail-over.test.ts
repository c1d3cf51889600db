import assert from 'node:assert/strict';
import dns from 'node:dns';
import { test } from 'node:test';
import { startOrigin } from '../client/scripted-origin.ts';
import { httpOrigin } from './support/origin.ts';
import { settled, startApp } from './support/running-app.ts';

/** Nobody listens on the first ports; unlike a free one they are not given to anybody else meanwhile. */
const CLOSED = '127.0.0.1:1';

test('Targets are tried in their order until one takes the connection', async (t) => {
  const origin = await httpOrigin(t, ({ body }) => ({ body }));
  const unused = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* ${CLOSED},host=one ${origin.target},host=two ${unused.target}`]);
  const answer = await app.send({ method: 'POST', body: 'hello' });
  assert.deepEqual([answer.status, answer.text], [200, 'hello']);
  assert.deepEqual((await origin.request()).all('host'), ['two']);
  assert.equal(unused.connections, 0);
  const record = await app.log.heard('trying the next target');
  assert.equal(record.code, 'HF_ORIGIN_UNREACHABLE');
  assert.equal(app.counters.requestsFailed, 0);
});

test('Every request begins with the first target again', async (t) => {
  const origin = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* ${CLOSED} ${origin.target}`]);
  await app.send();
  await app.send();
  assert.equal(app.log.of('trying the next target').length, 2);
});

test('An error that an origin answers with is no reason to try the next', async (t) => {
  const failing = await httpOrigin(t, () => ({ status: 503, body: 'busy' }));
  const unused = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* ${failing.target} ${unused.target}`]);
  const answer = await app.send();
  assert.deepEqual([answer.status, answer.text], [503, 'busy']);
  assert.equal(unused.connections, 0);
});

test('A body reaches the next target over a connection that waited there, too', async (t) => {
  const origin = await httpOrigin(t, ({ body }) => ({ body }));
  const app = await startApp(t, [`* ${CLOSED} ${origin.target}`]);
  const body = 'x'.repeat(90_000);
  for (let i = 0; i < 3; i++) assert.equal((await app.send({ method: 'POST', body })).text, body);
  assert.equal(origin.connections, 1);
});

test('A body of which one target was to get a part is not passed on without that part', async (t) => {
  const first = await startOrigin(t);
  const unused = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`*,debug one.example:${first.origin.port} ${unused.target}`]);
  const lookups: ((error: Error | null, addresses?: dns.LookupAddress[]) => void)[] = [];
  t.mock.method(dns, 'lookup', (_name: string, _options: object, callback: (typeof lookups)[0]) => {
    if (lookups.push(callback) === 1) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  });
  const warmUp = app.send();
  const peer = await first.accept();
  await peer.received();
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  await warmUp;

  // The waiting connection goes stale, and while another is opened the client sends what it was asked for.
  const client = await app.client.connect(t);
  client.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
  await peer.received();
  peer.end();
  await peer.closed;
  client.write('hello');
  await settled(() => lookups.length);
  lookups[1]?.(new Error('the name is gone'));
  assert.match(await client.received(), /^HTTP\/1\.1 502 /);
  assert.equal(unused.connections, 0);
});
