import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { httpOrigin } from '../../support/http-origin.ts';
import { startApp } from '../../support/running-app.ts';
import { openWs, startWsOrigin } from '../../support/websocket/ws-peers.ts';

const message = (channel: string, content: string) => ({ channel, formats: { 'ws-message': { content } } });

async function opened(t: TestContext, route: string) {
  const origin = await startWsOrigin(t, {}, ['Sec-WebSocket-Extensions: grip; message-prefix=""']);
  const app = await startApp(t, [`${route} ${origin.address}`]);
  const client = await openWs(t, `ws://${app.address}/`);
  const { peer } = await origin.accept();
  /** Sends a control message, and returns once it was carried out. */
  const control = async (body: object) => {
    peer.send(`c:${JSON.stringify(body)}`);
    peer.send('done');
    assert.equal(await client.next(), 'text done');
  };
  return { app, client, peer, control };
}

test('a WebSocket subscribes to a pattern and to the literal name, and leaves each by itself', async (t) => {
  const { app, client, control } = await opened(t, '*,prefix=shop.');
  const name = { channel: 'orders.*' };
  await control({ type: 'subscribe', ...name, pattern: true });
  await app.publish(message('orders.eu', 'no'), message('shop.orders.eu', 'one'));
  assert.equal(await client.next(), 'text one');
  await control({ type: 'unsubscribe', ...name });
  await control({ type: 'subscribe', ...name, pattern: false });
  await app.publish(message('shop.orders.*', 'two'), message('shop.orders.eu', 'three'));
  assert.deepEqual([await client.next(), await client.next()], ['text two', 'text three']);
  await control({ type: 'unsubscribe', ...name, pattern: true });
  await app.publish(message('shop.orders.eu', 'no'), message('shop.orders.*', 'four'));
  assert.equal(await client.next(), 'text four');
});

for (const [route, channel, problem] of [
  ['*', 'a..*', 'it has an empty token'],
  ['*', '>.a', "it has a '>' that is not the last token"],
  ['*,prefix=p-', 'a.*', "the prefix 'p-' of the route does not end in '.'"],
] as const) {
  test(`a WebSocket with the pattern ${channel} on the route ${route} is closed, and the log says why`, async (t) => {
    const { app, client, peer } = await opened(t, route);
    peer.send(`c:${JSON.stringify({ type: 'subscribe', channel, pattern: true })}`);
    assert.equal(await client.next(), 'close 1011 invalid pattern');
    const [fields] = app.log.of('subscription refused, WebSocket closed');
    assert.equal(fields?.code, 'HF_GRIP_INVALID');
    assert.ok(String(fields?.detail).includes(problem));
  });
}

test('a control message whose channel is the key of a pattern subscribes to nothing', async (t) => {
  const { app, client, control } = await opened(t, '*');
  await control({ type: 'subscribe', channel: '\0a.*' });
  await control({ type: 'subscribe', channel: 'b' });
  await app.publish(message('a.x', 'no'), message('\0a.*', 'no'), message('b', 'yes'));
  assert.equal(await client.next(), 'text yes');
});

test('a next link that leads to an invalid pattern fails', async (t) => {
  const origin = await httpOrigin(t, ({ target }) => ({
    headers: {
      'Grip-Hold': 'stream',
      'Grip-Channel': target === '/' ? 'a.*; pattern' : 'a.*.; pattern',
      'Grip-Link': '</more>; rel=next; timeout=60',
    },
    body: 'begin',
  }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const response = app.stream({ path: '/' });
  await app.held();
  await app.publish({ channel: 'a.x', formats: { 'http-stream': { action: 'hint' } } });
  await app.log.heard('next link failed', 1);
  const [failed] = app.log.of('next link failed');
  assert.match(String(failed?.detail), /the pattern 'a\.\*\.' is invalid: it has an empty token/);
  await response;
});
