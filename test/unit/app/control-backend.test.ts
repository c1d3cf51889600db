import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { parseListenAddress } from '../../../src/config/index.ts';
import { channelPageSchema, tappedItemSchema } from '../../../src/control/channel-schema.ts';
import { routesSchema } from '../../../src/control/route-schema.ts';
import { statusSchema } from '../../../src/control/status-schema.ts';
import { startControlled } from '../../support/control/control-socket.ts';
import { startOrigin } from '../../support/origin.ts';
import { startApp } from '../../support/running-app.ts';

/** Holds each request on the channel in its path. */
async function holding(t: Parameters<typeof startOrigin>[0]): Promise<string> {
  return startOrigin(t, (request, response) => {
    const channel = decodeURIComponent((request.url ?? '').slice(1));
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': channel }).end('open\n');
  });
}

/** An origin that has got one request and has not responded yet. */
async function unanswering(t: TestContext): Promise<{ origin: string; waiting: Promise<ServerResponse> }> {
  let resolve = (_response: ServerResponse): void => {};
  const waiting = new Promise<ServerResponse>((settle) => {
    resolve = settle;
  });
  return { origin: await startOrigin(t, (_request, response) => resolve(response)), waiting };
}

test('the control socket is for its owner alone, and tells the status', async (t) => {
  const { control, app } = await startControlled(t, ['* 127.0.0.1:1']);
  assert.equal(statSync(control.path).mode & 0o777, 0o600);
  const { status, json } = await control.send('GET', '/status');
  assert.equal(status, 200);
  statusSchema.parse(json);
  assert.deepEqual(json.roles, ['proxy']);
  assert.equal(json.state, 'ready');
  assert.ok(json.listeners.some(({ role }: { role: string }) => role === 'control'));
  assert.equal(app.addresses.control.length, 2);
});

test('channels are listed with their subscribers, and found by name', async (t) => {
  const app = await startControlled(t, [`* ${await holding(t)}`]);
  for (const name of ['b', 'a', 'a', 'b/c', 'z']) {
    const client = await app.stream({ path: `/${encodeURIComponent(name)}` });
    await client.until('open\n');
  }
  await app.publish({ channel: 'a', id: '7', formats: { 'http-stream': { content: 'x\n' } } });
  const all = (await app.control.send('GET', '/channels')).json;
  channelPageSchema.parse(all);
  assert.deepEqual(all, {
    channels: [
      { name: 'a', subscribers: 2, lastId: '7' },
      { name: 'b', subscribers: 1, lastId: null },
      { name: 'b/c', subscribers: 1, lastId: null },
      { name: 'z', subscribers: 1, lastId: null },
    ],
    total: 4,
    next: null,
  });
  const page = (await app.control.send('GET', '/channels?prefix=b&limit=1')).json;
  assert.deepEqual(page, { channels: [{ name: 'b', subscribers: 1, lastId: null }], total: 2, next: 'b' });
  const rest = (await app.control.send('GET', `/channels?prefix=b&limit=1&after=${page.next}`)).json;
  assert.deepEqual([rest.channels[0].name, rest.next], ['b/c', null]);
  assert.equal((await app.control.send('GET', '/channels/b%2Fc')).json.subscribers, 1);
  assert.equal((await app.control.send('GET', '/channels/nobody')).status, 404);
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=',
    'limit=1&limit=2',
    'other=1',
    'prefix=a&prefix=b',
  ]) {
    assert.equal((await app.control.send('GET', `/channels?${query}`)).status, 400, query);
  }
});

test('a tap shows what is published to a channel, cut to 4,096 bytes, whether anybody is held or not', async (t) => {
  const app = await startControlled(t, [`* ${await holding(t)}`]);
  const client = await app.stream({ path: '/a' });
  await client.until('open\n');
  const tap = await app.control.open('GET', '/channels/a/messages');
  assert.equal(tap.header('content-type'), 'text/event-stream');
  await app.publish(
    { channel: 'b', formats: { 'http-stream': { content: 'elsewhere' } } },
    { channel: 'a', id: '1', formats: { 'http-stream': { content: 'hällo' }, 'ws-message': { content: 'w' } } },
    { channel: 'a', 'prev-id': '1', id: '2', formats: { 'http-stream': { content: `${'x'.repeat(4_095)}ä` } } },
    { channel: 'a', formats: { 'http-response': { 'body-bin': 'AP8=' } } },
    { channel: 'a', formats: { 'ws-message': { action: 'close' } } },
  );
  await tap.until('"action":"close","bytes":0,"cut":false}},"bytes":0,"receivers":0}\n\n');
  const items = [...tap.body.toString().matchAll(/^event: item\ndata: (.*)$/gm)].map(([, data]) =>
    JSON.parse(data ?? ''),
  );
  for (const item of items) tappedItemSchema.parse(item);
  assert.ok(items.every(({ channel }) => channel === 'a'));
  assert.deepEqual(
    items.map(({ time: _, channel: __, ...item }) => item),
    [
      {
        id: '1',
        prevId: null,
        formats: {
          'http-stream': { text: 'hällo', action: 'send', bytes: 6, cut: false },
          'ws-message': { text: 'w', action: 'text', bytes: 1, cut: false },
        },
        bytes: 7,
        receivers: 1,
      },
      {
        id: '2',
        prevId: '1',
        formats: { 'http-stream': { text: 'x'.repeat(4_095), action: 'send', bytes: 4_097, cut: true } },
        bytes: 4_097,
        receivers: 1,
      },
      {
        id: null,
        prevId: null,
        formats: { 'http-response': { base64: 'AP8=', action: 'send', bytes: 2, cut: false } },
        bytes: 2,
        receivers: 0,
      },
      {
        id: null,
        prevId: null,
        formats: { 'ws-message': { text: '', action: 'close', bytes: 0, cut: false } },
        bytes: 0,
        receivers: 0,
      },
    ],
  );
});

test('routes are listed with what was counted, and no secret of theirs is shown', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.writeHead(204).end());
  const app = await startControlled(t, [
    `*,id=main,sig_key=hush,header=Authorization:hush,header=X-A:b,debug ${origin} 127.0.0.1:1`,
    'b.example,path_beg=/p,ssl=no,"prefix=a b" localhost:1,over_http',
  ]);
  assert.equal((await app.send()).status, 204);
  const { json } = await app.control.send('GET', '/routes');
  routesSchema.parse(json);
  const [first, second] = json.routes;
  assert.deepEqual(
    [first.id, first.source, first.requests, first.responses['2xx'], first.targets],
    [
      'main',
      'file',
      1,
      1,
      [
        { target: origin, healthy: true },
        { target: '127.0.0.1:1', healthy: true },
      ],
    ],
  );
  assert.ok(first.latency.p50 > 0);
  assert.match(
    first.line,
    /^\*,id=main,sig_key=\(hidden\),debug,header=Authorization:\(hidden\),header=X-A:\(hidden\) /,
  );
  assert.equal(second.line, 'b.example,ssl=no,path_beg=/p,"prefix=a b" localhost:1,over_http');
  assert.ok(!JSON.stringify(json).includes('hush'));
});

test('routes and configuration hide the same: keys, and headers of any name', async (t) => {
  const line = '*,sig_key=hush,header=Authorization:hush,header=X-Plain:hush,header=Cookie:';
  const app = await startControlled(t, [`${line} localhost:1`, 'b.example,sig_key=base64:aHVzaA== localhost:1']);
  const [routes, configuration] = [
    (await app.control.send('GET', '/routes')).json,
    (await app.control.send('GET', '/configuration')).json,
  ];
  for (const shown of [JSON.stringify(routes), configuration.toml]) assert.doesNotMatch(shown, /hush|aHVza/);
  assert.match(
    routes.routes[0].line,
    /sig_key=\(hidden\),header=Authorization:\(hidden\),header=X-Plain:\(hidden\),header=Cookie: /,
  );
  for (const name of ['sig_key', 'Authorization', 'X-Plain'])
    assert.match(configuration.toml, new RegExp(`^# ${name} is set, and not shown$`, 'm'));
  assert.match(configuration.toml, /^Cookie = ""$/m);
});

test('the configuration is shown without secrets', async (t) => {
  const app = await startControlled(t, ['*,sig_key=hush localhost:1'], { control: { basic: ['ann:hush'] } });
  const { json } = await app.control.send('GET', '/configuration');
  assert.match(json.toml, /^# basic is set, and not shown$/m);
  assert.ok(!json.toml.includes('hush'));
});

test('a connection is closed by its id, with or without the number of an exchange', async (t) => {
  const app = await startControlled(t, [`* ${await holding(t)}`]);
  const client = await app.stream({ path: '/a' });
  await client.until('open\n');
  await app.held();
  const id = app.log.records.find(({ message }) => message === 'hold')?.fields.id as string;
  assert.equal((await app.control.send('DELETE', '/connections/999')).status, 404);
  assert.equal((await app.control.send('DELETE', `/connections/${id}`)).status, 204);
  await client.ended();
  await app.nobodyHeld();
  assert.equal((await app.control.send('DELETE', `/connections/${id}`)).status, 404);
});

test('operations of parts that do not run do not exist', async (t) => {
  const { control } = await startControlled(t, ['* localhost:1']);
  for (const path of ['/handlers', '/outbound']) assert.equal((await control.open('GET', path)).status, 404, path);
  assert.equal((await control.send('GET', '/errors')).status, 200);
});

test('whoever comes over TCP has no more rights for a socket beside it', async (t) => {
  const app = await startControlled(t, ['* localhost:1']);
  const client = await app.connectControl();
  const { status, body } = await client.request('GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.deepEqual([status, JSON.parse(body.toString()).error.code], [401, 'HF_CONTROL_CREDENTIALS']);
});

test('while it drains the control port tells so, takes no items, and ends its streams last', async (t) => {
  const { origin, waiting } = await unanswering(t);
  const app = await startControlled(t, [`* ${origin}`]);
  const client = app.send();
  const response = await waiting;
  const events = await app.control.open('GET', '/events');
  await events.until('}\n\n');
  assert.deepEqual((await app.control.send('GET', '/readyz')).json, { status: 'ready' });
  const stopped = app.app.stop(60);
  const { status, json } = await app.control.send('GET', '/readyz');
  assert.deepEqual([status, json.status], [503, 'draining']);
  assert.equal((await app.control.send('GET', '/healthz')).status, 200);
  assert.equal((await app.post([{ channel: 'a', formats: { 'http-stream': { content: 'x' } } }])).status, 503);
  response.end('late');
  assert.equal((await client).text, 'late');
  assert.equal(await events.ended(), true);
  await stopped;
});

test('a port that anybody beyond this machine reaches without credentials is warned about', async (t) => {
  const message = 'anybody who reaches the control port can publish: set bearer_key or basic under [control]';
  const warned = async (address: string, basic: readonly string[]): Promise<boolean> => {
    const app = await startApp(t, ['* test'], { control: { listen: [parseListenAddress(address)], basic } });
    return app.log.records.some((record) => record.level === 'warn' && record.message === message);
  };
  assert.equal(await warned('0.0.0.0:0', []), true);
  assert.equal(await warned('0', []), true);
  assert.equal(await warned('0.0.0.0:0', ['ann:pw']), false);
  for (const address of ['127.0.0.1:0', '127.1.2.3:0', 'localhost:0']) assert.equal(await warned(address, []), false);
});
