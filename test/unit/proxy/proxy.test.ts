import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SignJWT } from 'jose';
import { UpstreamTrust } from '../../../src/proxy/index.ts';
import { httpOrigin, type Origin } from '../../support/http-origin.ts';
import { type Changes, eventually, type RunningApp, startApp } from '../../support/running-app.ts';

const HOLD = { 'Grip-Hold': 'response', 'Grip-Channel': 'a' };

/** An app whose routes, `CONDITION NAME` each, lead to origins that answer with that name. */
async function routed(t: TestContext, routes: readonly string[], overrides: Changes = {}): Promise<RunningApp> {
  const lines = routes.map(async (line) => {
    const [condition, name] = line.split(' ');
    const origin = await httpOrigin(t, () => ({ body: name ?? '' }));
    return `${condition} ${origin.target}`;
  });
  return startApp(t, await Promise.all(lines), overrides);
}

async function assertNoRoute(app: RunningApp, headers: Record<string, string>, told: string): Promise<void> {
  const answer = await app.send({ headers });
  assert.deepEqual([answer.status, answer.text], [502, told]);
  assert.equal(answer.header('content-type'), 'text/plain');
}

test('Requests match routes by host, ignoring case and port, and by path', async (t) => {
  const app = await routed(t, ['a.example A', 'a.example,path_beg=/api A-API', '* other']);
  for (const [host, path, name] of [
    ['a.example', '/', 'A'],
    ['A.Example:8080', '/?/api', 'A'],
    ['a.example', '/api?x', 'A-API'],
    ['a.example', '/%61p%69', 'A-API'],
    ['b.example', '/api', 'other'],
    ['[::1]:80', '/', 'other'],
  ] as const) {
    assert.equal((await app.send({ path, headers: { Host: host } })).text, name, `${host}${path}`);
  }
});

test('A request without a route gets a response that names the host without a route, whatever its port and case', async (t) => {
  const app = await routed(t, ['a.example,path_beg=/api A', 'c.example C']);
  await assertNoRoute(app, { Host: 'A.example:81' }, 'No route for host: a.example\n');
  await assertNoRoute(app, { Host: 'b.example' }, 'No route for host: b.example\n');
  await assertNoRoute(app, { Host: '[::1]:81' }, 'No route for host: [::1]\n');
  assert.equal(app.counters.requestsFailed, 3);
  assert.equal(app.counters.originRequests, 0);
  const record = await app.log.heard('request failed');
  assert.deepEqual([record.code, record.host], ['HF_NO_ROUTE', 'A.example:81']);
});

test('With debug on for the whole proxy, that response also names method and target', async (t) => {
  const app = await routed(t, ['a.example A'], { proxy: { debug: true } });
  await assertNoRoute(app, { Host: 'b.example' }, 'No route for host: b.example\nno route matches GET /\n');
});

test('A request without a route gets no credit for its body', async (t) => {
  const app = await routed(t, ['a.example A']);
  const peer = await app.client.connect(t);
  peer.write('POST / HTTP/1.1\r\nHost: b.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  assert.match(await peer.received(), /^HTTP\/1\.1 502 Bad Gateway\r\n/);
});

test('Pushpin-Route selects a route by its id if it is accepted', async (t) => {
  const routes = [
    ',id=hidden hidden',
    'a.example,id=named named',
    'x.example,id=twice 1',
    'y.example,id=twice 2',
    '* any',
  ];
  const named = (id: string) => ({ headers: { 'Pushpin-Route': id } });
  const accepting = await routed(t, routes, { proxy: { acceptPushpinRoute: true } });
  assert.equal((await accepting.send(named('hidden'))).text, 'hidden');
  assert.equal((await accepting.send(named('named'))).text, 'named');
  assert.equal((await accepting.send()).text, 'any');
  for (const id of ['twice', 'unknown', '']) {
    const { 'Pushpin-Route': value } = named(id).headers;
    await assertNoRoute(accepting, { 'Pushpin-Route': value, Host: 'a.example' }, 'No route for host: a.example\n');
  }
  const refusing = await routed(t, routes);
  assert.equal((await refusing.send(named('hidden'))).text, 'any');
});

test('A request counts as TLS by a trusted X-Forwarded-Proto, or else X-Forwarded-Protocol', async (t) => {
  const routes = ['*,ssl=yes secure', '*,ssl=no plain'];
  const believing = await routed(t, routes, { proxy: { acceptXForwardedProtocol: true } });
  const text = async (app: RunningApp, headers: Record<string, string>) => (await app.send({ headers })).text;
  assert.equal(await text(believing, {}), 'plain');
  assert.equal(await text(believing, { 'X-Forwarded-Proto': 'https' }), 'secure');
  assert.equal(await text(believing, { 'X-Forwarded-Protocol': 'wss' }), 'secure');
  assert.equal(await text(believing, { 'X-Forwarded-Proto': 'http', 'X-Forwarded-Protocol': 'https' }), 'plain');
  assert.equal(await text(await routed(t, routes), { 'X-Forwarded-Proto': 'https' }), 'plain');
});

const SECRET = 'the secret of the proxy in front';

/** An app that trusts a proxy in front, and an origin that wants every request held. */
async function trusting(t: TestContext): Promise<{ app: RunningApp; origin: Origin }> {
  const origin = await httpOrigin(t, ({ body }) => ({ headers: HOLD, body: `told ${body}` }));
  const app = await startApp(t, [`* ${origin.target}`], { proxy: { upstreamKey: SECRET, sigKey: 'own' } });
  return { app, origin };
}

function signature(secret: string, expiry: string): Promise<string> {
  const token = new SignJWT({ iss: 'front' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(expiry);
  return token.sign(Buffer.from(secret));
}

test('GRIP of a trusted proxy in front passes in both directions, and no client is held here', async (t) => {
  const { app, origin } = await trusting(t);
  const own = await signature(SECRET, '1h');
  const headers = { 'Grip-Sig': own, 'Grip-Feature': 'x', 'Grip-Last': 'a; last-id=1' };
  // The second time over a connection that waited, which takes the body at once.
  for (let i = 1; i <= 2; i++) {
    const answer = await app.send({ method: 'POST', headers, body: 'hello' });
    assert.equal(answer.text, 'told hello');
    assert.deepEqual([answer.header('grip-hold'), answer.header('grip-channel')], ['response', 'a']);
    const received = await origin.request(i);
    assert.deepEqual(received.all('grip-sig'), [own]);
    assert.deepEqual(received.all('grip-feature'), ['x']);
    assert.deepEqual(received.all('grip-last'), ['a; last-id=1']);
  }
  assert.equal(origin.connections, 1);
  assert.equal(app.counters.holdsStarted, 0);
});

test('A client that only claims to be one is held like any other', async (t) => {
  const { app, origin } = await trusting(t);
  for (const [index, forged] of [await signature('guessed', '1h'), await signature(SECRET, '-1s'), 'x'].entries()) {
    const answer = app.send({ headers: { 'Grip-Sig': forged, 'Grip-Last': 'a; last-id=1' } });
    await app.held(index + 1);
    await app.publish({ channel: 'a', 'http-response': { body: 'published' } });
    assert.equal((await answer).text, 'published');
    const received = await origin.request(index + 1);
    assert.notEqual(received.header('grip-sig'), forged);
    assert.equal(received.header('grip-last'), undefined);
  }
});

test('A client that leaves while its signature is verified causes no request', async (t) => {
  const { app, origin } = await trusting(t);
  let decide = (_trusted: boolean) => {};
  const looking = new Promise<void>((begun) => {
    t.mock.method(UpstreamTrust.prototype, 'trusts', () => {
      begun();
      return new Promise<boolean>((resolve) => {
        decide = resolve;
      });
    });
  });
  const client = await app.client.connect(t);
  client.write('GET / HTTP/1.1\r\nHost: a\r\nGrip-Sig: x\r\n\r\n');
  await looking;
  client.reset();
  await eventually(() => app.counters.requestsAborted === 1);
  decide(true);
  t.mock.restoreAll();
  await app.send({ headers: { 'Grip-Sig': await signature(SECRET, '1h') } });
  assert.equal(origin.requests.length, 1);
});

test('On a route with no_grip the instructions of the origin reach the client', async (t) => {
  const origin = await httpOrigin(t, () => ({ headers: HOLD, body: 'told' }));
  const app = await startApp(t, [`*,no_grip ${origin.target}`]);
  const answer = await app.send();
  assert.deepEqual([answer.text, answer.header('grip-hold')], ['told', 'response']);
  assert.equal((await origin.request()).header('grip-feature'), undefined);
  assert.equal(app.counters.holdsStarted, 0);
});
