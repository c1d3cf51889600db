import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { httpOrigin, type OriginRequest, type OriginResponse } from '../support/http-origin.ts';
import { type RunningApp, startApp } from '../support/running-app.ts';
import { openWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

interface Site {
  readonly app: RunningApp;
  /** What the service of the filters was asked, oldest first. */
  readonly asked: OriginRequest[];
}

/** An origin that holds its clients with these fields, and is the service of its filters as well. */
async function site(
  t: TestContext,
  fields: Readonly<Record<string, string>>,
  serve: (request: OriginRequest) => OriginResponse,
): Promise<Site> {
  const asked: OriginRequest[] = [];
  const origin = await httpOrigin(t, (request) => {
    if (!request.target.startsWith('/filter')) return { headers: fields, body: 'begin' };
    asked.push(request);
    return serve(request);
  });
  return { app: await startApp(t, [`*,sig_iss=i,sig_key=k,prefix=p- ${origin.target}`]), asked };
}

/** A service that does as the body of the request or the metadata of the item says. */
function asTold(request: OriginRequest): OriginResponse {
  const { tell = '' } = JSON.parse(request.header('pub-meta') ?? '{}');
  if (tell === 'drop') return { headers: { Action: 'drop' } };
  if (tell === 'large') return { body: 'x'.repeat(100_001) };
  if (tell.startsWith('body ')) return { body: tell.slice(5) };
  return { status: Number(tell) };
}

function stream(content: string, tell: string, more: object = {}): object {
  return { channel: 'p-a', meta: { tell }, formats: { 'http-stream': { content } }, ...more };
}

/** Text as header fields carry it. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}

const STREAM = { 'Grip-Hold': 'stream', 'Grip-Set-Meta': utf8('url="/filter?x=1", user="Zoë"') };

async function connected(t: TestContext, app: RunningApp) {
  const client = await app.client.connect(t);
  client.write('GET /path HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.received('begin\r\n');
  return client;
}

test('http-check asks the service about each item, which comes through if it is not dropped, in its order', async (t) => {
  const headers = {
    ...STREAM,
    'Grip-Channel': 'a; prev-id=1; filter=http-check',
    'Grip-Link': '</next>; rel=next',
  };
  const { app, asked } = await site(t, headers, asTold);
  const client = await connected(t, app);
  const tells = ['200', 'drop', '204', '500', 'large', '404', '200'];
  const items = tells.map((tell, i) => stream(`${i};`, tell, { id: `${i + 2}`, 'prev-id': `${i + 1}` }));
  await app.publish(...items);
  assert.equal(await client.received('6;\r\n'), '2\r\n0;\r\n2\r\n2;\r\n2\r\n6;\r\n');
  assert.equal(app.counters.filterErrors, 3);
  assert.equal(asked.length, 7);
  const [first] = asked as [OriginRequest];
  assert.equal(`${first.method} ${first.target}`, 'POST /filter?x=1');
  assert.equal(first.body.length, 0);
  assert.equal(first.header('sub-meta'), String.raw`{"url":"/filter?x=1","user":"Zo\u00eb"}`);
  assert.equal(first.header('pub-meta'), '{"tell":"200"}');
  assert.deepEqual(
    asked.map((request) => request.header('grip-last')),
    ['1', '2', '3', '4', '5', '6', '7'].map((id) => `a; last-id=${id}`),
  );
  assert.ok(first.header('grip-sig'));
});

test('http-modify replaces the content, after the filters before it', async (t) => {
  const headers = { ...STREAM, 'Grip-Channel': 'a; filter=var-subst; filter=http-modify' };
  const { app, asked } = await site(t, headers, asTold);
  const client = await connected(t, app);
  await app.publish(
    stream('one %(user)s;', 'body changed;'),
    stream('two %(user)s;', '204'),
    stream('three;', 'drop'),
    stream('%(none)s;', '204'),
    stream('end;', '204'),
  );
  assert.equal(await client.received('end;\r\n'), utf8('8\r\nchanged;\r\n9\r\ntwo Zoë;\r\n4\r\nend;\r\n'));
  assert.deepEqual(
    asked.map(({ body }) => String(body)),
    ['one Zoë;', 'two Zoë;', 'three;', 'end;'],
  );
});

test('a held response is the first item that the service lets through', async (t) => {
  const headers = { ...STREAM, 'Grip-Hold': 'response', 'Grip-Channel': 'a; filter=http-check; filter=http-modify' };
  const { app } = await site(t, headers, (request) =>
    request.body.length === 0 ? asTold(request) : { body: `<${request.body}>` },
  );
  const answered = app.send();
  await app.held();
  const response = (body: string, tell: string) => ({
    channel: 'p-a',
    meta: { tell },
    formats: { 'http-response': { body } },
  });
  await app.publish(response('one', 'drop'), response('two', '503'), response('three', '204'), response('four', '200'));
  assert.equal(String((await answered).body), '<three>');
  await app.nobodyHeld();
});

test('a close that a filter keeps from a stream does not end it', async (t) => {
  const headers = { ...STREAM, 'Grip-Channel': 'a; filter=require-sub; filter=http-check' };
  const { app } = await site(t, headers, asTold);
  const client = await connected(t, app);
  const close = (meta: object) => ({ channel: 'p-a', meta, formats: { 'http-stream': { action: 'close' } } });
  await app.publish(
    close({ require_sub: 'p-b' }),
    close({ tell: 'drop' }),
    stream('on;', '200'),
    close({ tell: '200' }),
  );
  assert.equal(await client.received('0\r\n\r\n'), '3\r\non;\r\n0\r\n\r\n');
});

test('metadata that no header can carry, and an invalid url, are errors of the filter', async (t) => {
  const headers = { ...STREAM, 'Grip-Channel': 'a; filter=http-check, b; filter=http-check' };
  const { app, asked } = await site(t, headers, asTold);
  const client = await connected(t, app);
  await app.publish(stream('large;', 'x'.repeat(17_000)), stream('end;', '200'));
  assert.equal(await client.received('end;\r\n'), '4\r\nend;\r\n');
  assert.equal(asked.length, 1);
  for (const meta of ['user=x', 'url="http://["']) {
    const other = await site(
      t,
      { ...headers, 'Grip-Set-Meta': meta, 'Grip-Channel': 'a; filter=http-check, b' },
      asTold,
    );
    const held = await connected(t, other.app);
    await other.app.publish(stream('no;', '200'), { ...stream('end;', '200'), channel: 'p-b' });
    assert.equal(await held.received('end;\r\n'), '4\r\nend;\r\n');
    assert.equal(other.app.counters.filterErrors, 1);
  }
});

test('a WebSocket is asked for too, by an absolute url that is not that of its route', async (t) => {
  const service = await httpOrigin(t, (request) =>
    request.body.length === 0 ? asTold(request) : { body: request.body.toString().toUpperCase() },
  );
  const server = await startWsOrigin(t, {}, ['Sec-WebSocket-Extensions: grip']);
  const app = await startApp(t, [`* ${server.address}`]);
  const client = await openWs(t, `ws://${app.address}/`);
  const origin = (await server.accept()).peer;
  const control = (message: object): void => origin.send(`c:${JSON.stringify(message)}`);
  control({ type: 'set-meta', name: 'url', value: `ws://${service.target}/filter` });
  control({ type: 'subscribe', channel: 'a', filters: ['http-check', 'http-modify'] });
  await app.held();
  const item = (tell: string, format: object) => ({ channel: 'a', meta: { tell }, formats: { 'ws-message': format } });
  await app.publish(
    item('200', { content: 'one' }),
    item('drop', { content: 'two' }),
    item('drop', { action: 'close', code: 4000 }),
    item('204', { type: 'binary', content: 'three' }),
    item('200', { action: 'close', code: 4001 }),
  );
  for (const event of ['text ONE', `binary ${Buffer.from('THREE').toString('hex')}`, 'close 4001']) {
    assert.equal(await client.next(), event);
  }
});

test('a service that cannot be reached, or encodes its response, fails its filter', async (t) => {
  const encoded = await httpOrigin(t, () => ({ headers: { 'Content-Encoding': 'gzip' }, body: 'x' }));
  for (const url of ['http://127.0.0.1:1/', `http://${encoded.target}/`, 'ftp://127.0.0.1/']) {
    const headers = { ...STREAM, 'Grip-Set-Meta': `url="${url}"`, 'Grip-Channel': 'a; filter=http-modify, b' };
    const { app } = await site(t, headers, asTold);
    const client = await connected(t, app);
    await app.publish(stream('no;', '200'), { ...stream('end;', '200'), channel: 'p-b' });
    assert.equal(await client.received('end;\r\n'), '4\r\nend;\r\n');
    assert.equal(app.counters.filterErrors, 1);
  }
});
