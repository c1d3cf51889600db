import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApp } from '../../support/running-app.ts';

test('the built-in origin greets, and knows no other page', async (t) => {
  const app = await startApp(t, ['* test', '*,path_beg=/test test']);
  for (const path of ['/', '/?a=b', '/test', '/test/']) {
    const { status, body } = await app.get(path);
    assert.deepEqual([status, body.toString()], [200, 'Hello from the Pushpin test handler!\n'], path);
  }
  for (const path of ['/a', '/responses', '/test/a', '/ws']) {
    const { status, body } = await app.get(path);
    assert.deepEqual([status, body.toString()], [404, 'no such test resource\n'], path);
  }
});

test('the built-in origin holds requests on the channels that they name', async (t) => {
  const app = await startApp(t, ['*,path_beg=/test test']);
  const first = app.get('/test/response');
  const second = app.get('/test/response?channel=a,b&channel=c');
  await app.held(2);
  const item = (channel: string, body: string) => ({ channel, formats: { 'http-response': { body } } });
  await app.publish(item('test', 'one'), item('a,b', 'two'));
  assert.equal((await first).body.toString(), 'one');
  assert.equal((await second).body.toString(), 'two');
});

test('the built-in origin streams', async (t) => {
  const app = await startApp(t, ['* test']);
  const response = await app.stream({ path: '/stream' });
  await app.held();
  await app.publishStream('test', 'hello');
  await response.until('[stream opened]\nhello');
});

test('the built-in origin takes bodies of up to 100,000 bytes', async (t) => {
  const app = await startApp(t, ['* test']);
  const client = await app.connect();
  const post = (length: string, body: string) =>
    client.request(`POST / HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n${body}`);
  assert.equal((await post('Content-Length: 100000', 'x'.repeat(100_000))).status, 200);
  assert.equal((await post('Transfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n')).status, 200);
  const large = await (await app.connect()).request(
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${'186a1'}\r\n${'x'.repeat(100_001)}\r\n0\r\n\r\n`,
  );
  assert.deepEqual([large.status, large.body.toString()], [400, 'request too large\n']);
  const announced = await (await app.connect()).request('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n');
  assert.equal(announced.status, 400);
});
