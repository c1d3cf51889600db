import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { httpOrigin } from '../../support/http-origin.ts';
import { type RunningApp, startApp } from '../../support/running-app.ts';
import { OriginPeer, type ScriptedOrigin, startOrigin } from '../../support/scripted-origin.ts';
import { stoppedClock } from '../hub/support.ts';

const HOLD = { 'Grip-Hold': 'response', 'Grip-Channel': 'a' };
const HELD = 'HTTP/1.1 200 OK\r\nGrip-Hold: response\r\nGrip-Channel: a\r\nContent-Length: 0\r\n\r\n';
const KNOWING = HELD.replace('Channel: a', 'Channel: a; prev-id=1');
const HINT = { channel: 'a', formats: { 'http-response': { action: 'hint' } } };

function published(channel: string, body: string): object {
  return { channel, formats: { 'http-response': { body } } };
}

test('A hint replays the held request, and the new response counts', async (t) => {
  const origin = await httpOrigin(t, (_request, earlier) =>
    earlier === 0 ? { headers: HOLD, body: 'nothing new' } : { status: 201, body: 'something new' },
  );
  const app = await startApp(t, [`*,path_beg=/api,replace_beg=/v2 ${origin.target}`]);
  const answer = app.send({
    method: 'DELETE',
    path: '/api/%61?b',
    headers: { Host: 'a.example', 'X-Twice': ['1', '2'] },
  });
  await app.held();
  await app.publish(HINT);
  assert.deepEqual([(await answer).status, (await answer).text], [201, 'something new']);
  const [first, second] = origin.requests;
  assert.deepEqual([second?.method, second?.target], ['DELETE', '/v2/a?b']);
  assert.deepEqual(second?.headers, first?.headers);
  assert.equal(app.counters.holdsOpen, 0);
});

test('A recovery replays all held requests', async (t) => {
  const origin = await httpOrigin(t, (_request, earlier) => (earlier < 3 ? { headers: HOLD } : { body: 'recovered' }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answers = [app.send(), app.send(), app.send()];
  await app.held(3);
  await app.recover();
  for (const answer of answers) assert.equal((await answer).text, 'recovered');
});

test('Each replay has the body, however it was framed', async (t) => {
  for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }] as Record<string, string>[]) {
    const origin = await httpOrigin(t, ({ body }, earlier) => (earlier < 3 ? { headers: HOLD } : { body }));
    const app = await startApp(t, [`* ${origin.target}`]);
    const body = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i & 0xff));
    const answer = app.send({ method: 'POST', body, headers });
    for (let i = 1; i <= 3; i++) {
      await app.held(i);
      await app.recover();
    }
    assert.ok((await answer).body.equals(body));
    for (const received of origin.requests) assert.ok(received.body.equals(body));
    assert.equal(origin.requests[1]?.header('content-length'), '100000');
  }
});

test('An empty chunked body is replayed as no body', async (t) => {
  const origin = await httpOrigin(t, ({ body }, earlier) =>
    earlier === 0 ? { headers: HOLD } : { body: `${body.length} bytes` },
  );
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send({ method: 'POST', body: '', headers: { 'Transfer-Encoding': 'chunked' } });
  await app.held();
  await app.recover();
  assert.equal((await answer).text, '0 bytes');
});

test("Grip-Last has every channel with a prev-id, under the origin's name for it", async (t) => {
  const channels = 'a; prev-id=1, b, caf\u00e9; prev-id="x y"';
  const latin1 = Buffer.from(channels).toString('latin1');
  const origin = await httpOrigin(t, (_request, earlier) =>
    earlier === 0 ? { headers: { ...HOLD, 'Grip-Channel': latin1 } } : {},
  );
  const app = await startApp(t, [`*,prefix=own-,sig_key=secret ${origin.target}`]);
  const answer = app.send({ headers: { 'Grip-Last': 'forged; last-id=1' } });
  await app.held();
  await app.publish({ ...HINT, channel: 'own-a' });
  await answer;
  assert.deepEqual(origin.requests[0]?.all('grip-last'), []);
  const last = origin.requests[1]?.all('grip-last').map((value) => Buffer.from(value, 'latin1').toString());
  assert.deepEqual(last, ['a; last-id=1', 'caf\u00e9; last-id=x y']);
  assert.equal(origin.requests[1]?.all('grip-sig').length, 1);
});

test('The ids of the latest response count', async (t) => {
  const origin = await httpOrigin(t, (_request, earlier) =>
    earlier < 2 ? { headers: { ...HOLD, 'Grip-Channel': `a; prev-id=${earlier}` } } : {},
  );
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send();
  await app.held(1);
  await app.recover();
  await app.held(2);
  await app.recover();
  await answer;
  assert.deepEqual(
    origin.requests.map((received) => received.header('grip-last')),
    [undefined, 'a; last-id=0', 'a; last-id=1'],
  );
});

/** A request that was held, and whose repetition is at the origin now. */
interface Repeated {
  readonly app: RunningApp;
  readonly client: OriginPeer;
  readonly scripted: ScriptedOrigin;
  readonly origin: OriginPeer;
}

async function repeated(t: TestContext, held = HELD): Promise<Repeated> {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const client = await app.client.connect(t);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const origin = await scripted.accept();
  await origin.received();
  origin.write(held);
  await app.held();
  await app.recover();
  await origin.received();
  return { app, client, scripted, origin };
}

test('An item that is published during a replay is the response', async (t) => {
  const { app, client, origin } = await repeated(t);
  await app.publish(published('a', 'meanwhile'), published('a', 'second'));
  await client.received('\r\n\r\nmeanwhile');
  await origin.closed;
  assert.deepEqual([app.counters.holdsOpen, app.counters.replaysAborted], [0, 1]);
});

/** An item that is not the next one for a client which knows that of id 1. */
const LATER = { ...published('a', 'later'), id: '3', 'prev-id': '2' };

test('An item that would leave a gap waits for the new hold', async (t) => {
  const { app, client, origin } = await repeated(t, KNOWING);
  await app.publish(LATER);
  assert.equal(client.text, '');
  origin.write(KNOWING.replace('prev-id=1', 'prev-id=2'));
  await client.received('\r\n\r\nlater');
  assert.equal(app.counters.holdsOpen, 0);
});

test('An item for a channel that the new response does not name does not reach the client', async (t) => {
  const { app, client, origin } = await repeated(t, KNOWING);
  await app.publish(LATER);
  origin.write(HELD.replace('Grip-Channel: a', 'Grip-Channel: b'));
  await app.held(2);
  await app.publish(published('b', 'of b'));
  await client.received('\r\n\r\nof b');
});

test('A new response for the client takes precedence over an item that would leave a gap', async (t) => {
  const { app, client, origin } = await repeated(t, KNOWING);
  await app.publish(LATER);
  origin.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh');
  await client.received('\r\n\r\nfresh');
  assert.equal(app.counters.holdsOpen, 0);
});

test('A hint during a replay leads to one more replay', async (t) => {
  const { app, client, origin } = await repeated(t);
  await app.publish(HINT);
  await app.recover();
  origin.write(HELD);
  await origin.received();
  origin.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh');
  await client.received('\r\n\r\nfresh');
  assert.equal(app.counters.originRequests, 3);
});

test('The new response may turn the held request into a stream', async (t) => {
  const { app, client, origin } = await repeated(t);
  origin.write(HELD.replace('response', 'stream'));
  await app.held(2);
  await app.publish({ channel: 'a', formats: { 'http-stream': { content: 'one' } } });
  await client.received('3\r\none\r\n');
  assert.equal(app.counters.holdsOpen, 1);
});

test('The new response may be a large beginning of a stream', async (t) => {
  const { app, client, origin } = await repeated(t);
  origin.write(HELD.replace('response', 'stream').replace('Length: 0', 'Length: 150000') + 'x'.repeat(150_000));
  await app.held(2);
  await app.publish({ channel: 'a', formats: { 'http-stream': { action: 'close' } } });
  await client.received('\r\n0\r\n\r\n');
  assert.equal(app.counters.holdsOpen, 0);
});

test('A replay restarts the timeout of a held request', async (t) => {
  const advance = stoppedClock(t);
  const { app, client, origin } = await repeated(t);
  advance(30_000);
  origin.write(HELD);
  await app.held(2);
  advance(54_000);
  assert.equal(app.counters.holdsOpen, 1);
  advance(1_300);
  await client.received('Content-Length: 0\r\n\r\n');
});

test('A held request times out during a replay to a silent origin', async (t) => {
  const advance = stoppedClock(t);
  const { app, client, scripted, origin } = await repeated(t);
  advance(54_000);
  assert.equal(app.counters.holdsOpen, 1);
  advance(1_300);
  await client.received('Content-Length: 0\r\n\r\n');
  await origin.closed;
  assert.deepEqual([app.counters.holdsTimedOut, app.counters.replaysAborted], [1, 1]);
  // The connection of the client goes on.
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await (await scripted.accept()).received();
});

/** Asserts that the client of a replay that failed with `code` is still held, and is answered by what is published. */
async function assertHeld({ app, client }: Repeated, code: string): Promise<void> {
  const { retryMs, ...record } = await app.log.heard('replay failed: the request stays held');
  assert.equal(record.code, code);
  assert.ok(Number(retryMs) >= 1_000 && Number(retryMs) <= 2_000, 'the first retry is after 1 s and some jitter');
  assert.deepEqual([app.counters.holdsOpen, app.counters.replaysFailed, app.counters.requestsFailed], [1, 1, 0]);
  assert.equal(client.text, '');
  await app.publish(published('a', 'news'));
  await client.received('\r\n\r\nnews');
  assert.equal(app.counters.holdsOpen, 0);
}

test('A client stays held when its replay fails at the origin', async (t) => {
  const made = await repeated(t);
  made.origin.write('no HTTP\r\n\r\n');
  await assertHeld(made, 'HF_ORIGIN_PROTOCOL');
});

test('A client stays held when the response to its replay has invalid instructions', async (t) => {
  const made = await repeated(t);
  made.origin.write('HTTP/1.1 200 OK\r\nGrip-Hold: wrong\r\nContent-Length: 0\r\n\r\n');
  await assertHeld(made, 'HF_GRIP_INVALID');
});

test('A failed replay is tried again, later each time, until the hold times out', async (t) => {
  const advance = stoppedClock(t);
  t.mock.method(Math, 'random', () => 0);
  const { app, client, scripted, origin } = await repeated(t);
  let peer = origin;
  const failed = async (failures: number): Promise<unknown> => {
    peer.write('no HTTP\r\n\r\n');
    return (await app.log.heard('replay failed: the request stays held', failures)).retryMs;
  };
  for (const [index, seconds] of [1, 2, 4, 8, 16].entries()) {
    assert.equal(await failed(index + 1), seconds * 1_000);
    advance(seconds * 1_000 + 200);
    peer = await scripted.accept();
    await peer.received();
  }
  await failed(6);
  assert.equal(client.text, '');
  advance(24_000);
  await client.received('HTTP/1.1 200 OK');
  assert.equal(app.counters.holdsTimedOut, 1);
});

test('A replay may succeed after a failure', async (t) => {
  const advance = stoppedClock(t);
  const { app, client, scripted, origin } = await repeated(t);
  origin.write('no HTTP\r\n\r\n');
  await app.log.heard('replay failed: the request stays held');
  advance(2_300);
  const next = await scripted.accept();
  await next.received();
  next.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh');
  await client.received('\r\n\r\nfresh');
  assert.equal(app.counters.holdsOpen, 0);
});

test('No more than 64 replays are at one target at once, and no client is lost', async (t) => {
  const clients = 200;
  let atOnce = 0;
  let most = 0;
  const waiting: ServerResponse[] = [];
  const origin = createHttpServer((_request, response) => {
    if (response.req.headers['grip-last'] === undefined) {
      response.writeHead(200, { ...HOLD, 'Grip-Channel': 'a; prev-id=1' }).end();
      return;
    }
    atOnce++;
    most = Math.max(most, atOnce);
    waiting.push(response);
    if (waiting.length === Math.min(64, clients - answered)) release();
  });
  let answered = 0;
  const release = (): void => {
    for (const response of waiting.splice(0)) {
      atOnce--;
      answered++;
      response.end('replayed');
    }
  };
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  t.after(() => {
    origin.close();
    origin.closeAllConnections();
  });
  const app = await startApp(t, [`* 127.0.0.1:${(origin.address() as AddressInfo).port}`]);
  const answers = Array.from({ length: clients }, () => app.send());
  await app.held(clients);
  await app.publish(HINT);
  for (const answer of answers) assert.equal((await answer).text, 'replayed');
  assert.equal(most, 64);
  assert.equal(app.counters.holdsOpen, 0);
});

test('A replay goes to the next target when the origin is gone', async (t) => {
  const first = createServer();
  first.listen(0, '127.0.0.1');
  await once(first, 'listening');
  const { port } = first.address() as AddressInfo;
  const next = await httpOrigin(t, ({ body }) => ({ body }));
  const app = await startApp(t, [`* 127.0.0.1:${port} ${next.target}`], { proxy: { poolMaxIdle: 0 } });
  const answer = app.send({ method: 'PUT', body: 'hello' });
  const [socket] = (await once(first, 'connection')) as [Socket];
  const origin = new OriginPeer(socket);
  await origin.received('hello');
  origin.write(HELD);
  await app.held();
  first.close();
  await once(first, 'close');
  await app.recover();
  assert.equal((await answer).text, 'hello');
});

test('A hint or recovery does not change a held stream', async (t) => {
  const origin = await httpOrigin(t, () => ({ headers: { ...HOLD, 'Grip-Hold': 'stream' }, body: 'begin' }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = await app.stream();
  await answer.until('begin');
  await app.recover();
  await app.publish({ channel: 'a', formats: { 'http-stream': { action: 'hint' } } });
  await app.publish({ channel: 'a', formats: { 'http-stream': { content: 'one' } } });
  await answer.until('beginone');
  assert.equal(origin.requests.length, 1);
});
