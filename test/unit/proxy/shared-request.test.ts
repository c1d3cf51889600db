import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { NO_RESPONDER, type Responder } from '../../../src/exchange/index.ts';
import type { StreamedResponse } from '../../support/client.ts';
import { startOrigin } from '../../support/origin.ts';
import { eventually, type RunningApp, startApp } from '../../support/running-app.ts';
import { TargetsRig } from './support/targets-rig.ts';

/** A request at its origin, which the test responds to. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function sharing(t: TestContext, routes: readonly string[] = ['*']) {
  const asked: Asked[] = [];
  const origin = await startOrigin(t, (request, response) => {
    asked.push({ request, response });
  });
  const app = await startApp(
    t,
    routes.map((route) => `${route} ${origin}`),
    { proxy: { shareAll: true } },
  );
  /** The first `count` requests, when no more have come. */
  const requests = async (count: number): Promise<Asked> => {
    await eventually(() => asked.length >= count);
    assert.equal(asked.length, count);
    return asked[count - 1] as Asked;
  };
  return { app, asked, requests };
}

/** Sends requests, and resolves when `shared` in all share the response of another one. */
async function send(
  app: RunningApp,
  count: number,
  shared: number,
  headers: Record<string, string> = {},
): Promise<Promise<StreamedResponse>[]> {
  const responses = Array.from({ length: count }, () => app.send({ path: '/a?q=1', headers }));
  await eventually(() => app.counters.requestsShared === shared);
  return responses;
}

async function texts(responses: readonly Promise<StreamedResponse>[]): Promise<string[]> {
  return (await Promise.all(responses)).map(({ status, body }) => `${status} ${body}`);
}

test('equal requests that are under way at once are one for the origin, and each client gets the response', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const first = await send(app, 1, 0);
  await requests(1);
  const others = await send(app, 200, 200);
  asked[0]?.response.writeHead(201, { 'Content-Type': 'text/plain', 'X-One': '1' }).end('body');
  assert.deepEqual(new Set(await texts([...first, ...others])), new Set(['201 body']));
  assert.equal((await others[7])?.header('x-one'), '1');
  const later = await send(app, 1, 200);
  (await requests(2)).response.end('later');
  assert.deepEqual(await texts(later), ['200 later']);
});

for (const [name, one, other] of [
  ['credentials', { Authorization: 'Bearer 1' }, { Authorization: 'Bearer 2' }],
  ['cookies', { Cookie: 'user=1' }, {}],
  ['ranges', { Range: 'bytes=0-1' }, { Range: 'bytes=2-3' }],
  ['conditions', { 'If-None-Match': '"1"' }, {}],
] as const) {
  test(`requests with different ${name} do not share`, async (t) => {
    const { app, asked, requests } = await sharing(t);
    const first = await send(app, 1, 0, one);
    await requests(1);
    const second = await send(app, 1, 0, other);
    await requests(2);
    for (const [i, { response }] of asked.entries()) response.end(`${i}`);
    assert.deepEqual(await texts([...first, ...second]), ['200 0', '200 1']);
  });
}

test('requests of other methods, URIs and routes do not share', async (t) => {
  const { app, asked, requests } = await sharing(t, ['*', 'b.example']);
  const others = [
    app.send({ path: '/a' }),
    app.send({ path: '/a', method: 'POST', body: 'x' }),
    app.send({ path: '/a', method: 'DELETE' }),
    app.send({ path: '/a', method: 'DELETE' }),
    app.send({ path: '/a', method: 'HEAD' }),
    app.send({ path: '/a?q=2' }),
    app.send({ path: '/a', headers: { Host: 'b.example' } }),
  ];
  await requests(others.length);
  for (const { response } of asked) response.end();
  await Promise.all(others);
  assert.equal(app.counters.requestsShared, 0);
});

test('a response with a content coding is for those that accept the same, even where Vary does not say so', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const first = await send(app, 1, 0, { 'Accept-Encoding': 'gzip' });
  await requests(1);
  const same = await send(app, 1, 1, { 'Accept-Encoding': 'gzip' });
  const other = await send(app, 1, 2);
  asked[0]?.response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('coded');
  assert.deepEqual(await texts([...first, ...same]), Array(2).fill('200 coded'));
  (await requests(2)).response.end('plain');
  assert.deepEqual(await texts(other), ['200 plain']);
});

test('a field that Vary names has to be equal: others ask for themselves', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const first = await send(app, 1, 0, { 'Accept-Language': 'de' });
  await requests(1);
  const same = await send(app, 3, 3, { 'Accept-Language': 'de' });
  const other = await send(app, 2, 5, { 'Accept-Language': 'fr' });
  asked[0]?.response.writeHead(200, { Vary: 'Accept, Accept-Language' }).end('de');
  assert.deepEqual(await texts([...first, ...same]), Array(4).fill('200 de'));
  await requests(3);
  for (const { request, response } of asked.slice(1)) response.end(request.headers['accept-language']);
  assert.deepEqual(await texts(other), ['200 fr', '200 fr']);
});

for (const [name, value] of [
  ['Vary', '*'],
  ['Vary', 'Accept, X-Forwarded-For'],
  ['Vary', 'x-forwarded-proto'],
  ['Vary', 'X-Forwarded-Protocol'],
  ['Vary', 'Forwarded'],
  ['Vary', 'Via'],
  ['Set-Cookie', 'user=1'],
  ['Cache-Control', 'max-age=1, private'],
] as const) {
  test(`a response with ${name}: ${value} is for one client`, async (t) => {
    const { app, asked, requests } = await sharing(t);
    const first = await send(app, 1, 0);
    await requests(1);
    const others = await send(app, 100, 100);
    asked[0]?.response.writeHead(200, { [name]: value }).end('first');
    await requests(101);
    for (const [i, { response }] of asked.slice(1).entries()) response.writeHead(200, { [name]: value }).end(`${i}`);
    assert.deepEqual(await texts(first), ['200 first']);
    assert.equal(new Set(await texts(others)).size, 100);
  });
}

for (const announced of [true, false]) {
  test(`a response over 100,000 bytes is for one client, ${announced ? '' : 'not '}announced`, async (t) => {
    const { app, asked, requests } = await sharing(t);
    const first = await send(app, 1, 0);
    await requests(1);
    const others = await send(app, 2, 2);
    const large = Buffer.alloc(1_000_000, 'x');
    const fields = announced ? { 'Content-Length': String(large.length) } : {};
    asked[0]?.response.writeHead(200, fields).end(large);
    await requests(3);
    for (const { response } of asked.slice(1)) response.writeHead(200, fields).end(large);
    for (const response of [...first, ...others]) assert.ok((await response).body.equals(large));
  });
}

test('a response that goes on and on reaches the first client as it comes; the others ask after a second', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const client = await app.connect();
  client.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
  await requests(1);
  const other = await app.connect();
  other.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually(() => app.counters.requestsShared === 1);
  asked[0]?.response.writeHead(200).write('one\n');
  await client.take('one\n');
  const { response } = await requests(2);
  response.writeHead(200).write('two\n');
  await other.take('two\n');
});

test('the client whose request it is may leave, and the last one ends it', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const clients = [await app.connect(), await app.connect(), await app.connect()];
  for (const [i, client] of clients.entries()) {
    client.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
    if (i === 0) await requests(1);
  }
  await eventually(() => app.counters.requestsShared === 2);
  const closed = new Promise((resolve) => asked[0]?.response.on('close', resolve));
  clients[0]?.reset();
  await eventually(() => app.counters.requestsAborted === 1);
  clients[1]?.reset();
  await eventually(() => app.counters.requestsAborted === 2);
  asked[0]?.response.writeHead(200).write('first part,');
  await clients[2]?.take('first part,\r\n');
  clients[2]?.reset();
  await closed;
});

for (const [name, value] of [
  ['Vary', 'Accept-Language'],
  ['Set-Cookie', 'user=1'],
  ['Cache-Control', 'private'],
] as const) {
  test(`a response with ${name}: ${value} is for the client that it was made for, even if that one has left`, async (t) => {
    const { app, asked, requests } = await sharing(t);
    const gone = await app.connect();
    gone.write('GET /a HTTP/1.1\r\nHost: a\r\nAccept-Language: de\r\n\r\n');
    await requests(1);
    const other = await app.connect();
    other.write('GET /a HTTP/1.1\r\nHost: a\r\nAccept-Language: fr\r\n\r\n');
    await eventually(() => app.counters.requestsShared === 1);
    const { response } = asked[0] as Asked;
    const closed = new Promise((resolve) => response.on('close', resolve));
    gone.reset();
    await eventually(() => app.counters.requestsAborted === 1);
    response.writeHead(200, { [name]: value }).write('for the first');
    const own = await requests(2);
    assert.equal(own.request.headers['accept-language'], 'fr');
    own.response.end('for the other');
    assert.doesNotMatch(String(await other.take('for the other')), /for the first/);
    await closed;
  });
}

test('after the first client has left, the next one for whom the response may be gets it as it comes', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const clients = [await app.connect(), await app.connect(), await app.connect()];
  for (const [i, client] of clients.entries()) {
    client.write(`GET /a HTTP/1.1\r\nHost: a\r\nAccept-Language: ${i === 1 ? 'fr' : 'de'}\r\n\r\n`);
    if (i === 0) await requests(1);
    else await eventually(() => app.counters.requestsShared === i);
  }
  clients[0]?.reset();
  await eventually(() => app.counters.requestsAborted === 1);
  asked[0]?.response.writeHead(200, { Vary: 'Accept-Language' }).write('deutsch');
  await clients[2]?.take('deutsch');
  (await requests(2)).response.end('oui');
  await clients[1]?.take('oui');
});

test('an origin that fails does so for all that share', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const first = await send(app, 1, 0);
  await requests(1);
  const others = await send(app, 3, 3);
  asked[0]?.response.socket?.destroy();
  const outcomes = (await Promise.all([...first, ...others])).map(({ status }) => status);
  assert.deepEqual(outcomes, [502, 502, 502, 502]);
});

test('a hold is one for each client', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const first = await send(app, 1, 0);
  await requests(1);
  const others = await send(app, 9, 9);
  asked[0]?.response.writeHead(200, { 'Grip-Hold': 'response', 'Grip-Channel': 'a' }).end('timeout');
  await app.held(10);
  await app.publish({ channel: 'a', formats: { 'http-response': { body: 'item' } } });
  assert.deepEqual(new Set(await texts([...first, ...others])), new Set(['200 item']));
  assert.equal(asked.length, 1);
});

test('the response in an instruct is for one client, whatever its fields are', async (t) => {
  const { app, asked, requests } = await sharing(t);
  const first = await send(app, 1, 0);
  await requests(1);
  const others = await send(app, 2, 2);
  const respond = ({ response }: Asked, user: number): void => {
    const instruct = { response: { headers: { 'Set-Cookie': `user=${user}` }, body: 'a' } };
    response.writeHead(200, { 'Content-Type': 'application/grip-instruct' }).end(JSON.stringify(instruct));
  };
  respond(asked[0] as Asked, 0);
  await requests(3);
  for (const [i, one] of asked.slice(1).entries()) respond(one, i + 1);
  const cookies = (await Promise.all([...first, ...others])).map((response) => response.header('set-cookie'));
  assert.equal(cookies[0], 'user=0');
  assert.deepEqual(cookies.slice(1).sort(), ['user=1', 'user=2']);
});

test('a client that reads nothing does not hold back the others, and gets what it has granted later', async (t) => {
  const credits: number[] = [];
  const origin: Responder = { ...NO_RESPONDER, onResponseCredit: (bytes) => credits.push(bytes) };
  const rig = new TargetsRig(t, ['* a:1'], (_, _request, requester) => {
    rig.requester = requester;
    return origin;
  });
  rig.settings.current = { ...rig.settings.current, shareAll: true };
  const slow = rig.send({ credits: 10 });
  const quick = rig.send();
  rig.requester?.onResponse({ status: 200, reason: '', headers: [], bodyLength: 90_000 });
  rig.requester?.onResponseData(Buffer.alloc(10), true);
  assert.equal(10 + credits.reduce((sum, bytes) => sum + bytes, 0), 10 + 65_536);
  rig.requester?.onResponseData(Buffer.alloc(65_000), true);
  rig.requester?.onResponseData(Buffer.alloc(24_990), false);
  assert.equal(slow.body.length, 10);
  assert.equal(quick.body.length, 65_536);
  quick.grant(100_000);
  assert.ok(quick.complete);
  slow.grant(100_000);
  assert.ok(slow.complete);
  assert.equal(slow.body.length, 90_000);
});

test('a client that leaves within the call that responds to it does not disturb the others', (t) => {
  const rig = new TargetsRig(t, ['* a:1'], (_, _request, requester) => {
    rig.requester = requester;
    return NO_RESPONDER;
  });
  rig.settings.current = { ...rig.settings.current, shareAll: true };
  const clients = [rig.send(), rig.send(), rig.send()];
  const [first, second, third] = clients;
  if (first !== undefined) first.onCall = () => second?.gone === false && second.leave();
  rig.requester?.onResponse({ status: 200, reason: '', headers: [], bodyLength: 1 });
  rig.requester?.onResponseData(Buffer.from('x'), false);
  assert.deepEqual([first?.body, third?.body], ['x', 'x']);
  assert.equal(second?.head, null);
});
