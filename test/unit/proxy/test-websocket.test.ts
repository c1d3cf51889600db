import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApp } from '../../support/running-app.ts';
import { openWs } from '../../support/websocket/ws-peers.ts';

const item = (channel: string, content: string) => ({ channel, formats: { 'ws-message': { content } } });

test('the built-in origin sends the messages of a WebSocket back, and subscribes it to `test`', async (t) => {
  const app = await startApp(t, ['*,path_beg=/test test']);
  const client = await openWs(t, `ws://${app.address}/test/ws`);
  client.send('hello');
  assert.equal(await client.next(), 'text hello');
  client.send(Buffer.from([1, 2]));
  assert.equal(await client.next(), 'binary 0102');
  client.socket.ping('p');
  assert.equal(await client.next(), 'pong p');
  await app.publish(item('test', 'published'));
  assert.equal(await client.next(), 'text published');
  client.socket.close(1000, 'bye');
  assert.equal(await client.next(), 'close 1000 bye');
});

test('a WebSocket of the built-in origin is subscribed to the channels that it names, with the prefix of the route', async (t) => {
  const app = await startApp(t, ['*,prefix=p- test']);
  const client = await openWs(t, `ws://${app.address}/ws?channel=a%22b&channel=c`);
  client.send('ready');
  assert.equal(await client.next(), 'text ready');
  await app.publish(item('p-test', 'no'), item('p-a"b', 'one'), item('p-c', 'two'));
  assert.deepEqual([await client.next(), await client.next()], ['text one', 'text two']);
});

test('what looks like a control message is sent back to the client, and not obeyed', async (t) => {
  const app = await startApp(t, ['* test']);
  const client = await openWs(t, `ws://${app.address}/ws`);
  const control = 'c:{"type":"subscribe","channel":"secret"}';
  client.send(control);
  assert.equal(await client.next(), `text ${control}`);
  await app.publish(item('secret', 'no'), item('test', 'yes'));
  assert.equal(await client.next(), 'text yes');
});

test('without GRIP the built-in origin sends messages back alone', async (t) => {
  const app = await startApp(t, ['*,no_grip test']);
  const client = await openWs(t, `ws://${app.address}/ws`);
  client.send('m:hello');
  assert.equal(await client.next(), 'text m:hello');
});

test('messages of any size return whole, and many that the client reads late', async (t) => {
  const app = await startApp(t, ['* test']);
  const client = await openWs(t, `ws://${app.address}/ws`);
  client.send('x'.repeat(1_000_000));
  assert.equal((await client.next()).length, 'text '.length + 1_000_000);
  client.socket.pause();
  for (let i = 0; i < 5_000; i++) client.send(i % 2 === 0 ? '' : `${i}`.repeat(200));
  client.send('last');
  client.socket.resume();
  for (let i = 0; i < 5_000; i++)
    assert.equal(await client.next(), i % 2 === 0 ? 'text ' : `text ${`${i}`.repeat(200)}`);
  assert.equal(await client.next(), 'text last');
});

test('the built-in origin has WebSockets at `/ws` alone', async (t) => {
  const app = await startApp(t, ['* test']);
  for (const path of ['/', '/stream', '/wss']) {
    const response = await (await app.connect()).request(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    assert.deepEqual([response.status, response.body.toString()], [404, 'no such test resource\n'], path);
  }
});
