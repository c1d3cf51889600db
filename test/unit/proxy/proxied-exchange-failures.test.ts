import assert from 'node:assert/strict';
import dns from 'node:dns';
import { type TestContext, test } from 'node:test';
import type { StreamedResponse } from '../../support/client.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { type Changes, type RunningApp, startApp } from '../../support/running-app.ts';
import { type OriginPeer, type ScriptedOrigin, startOrigin } from '../../support/scripted-origin.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Nobody listens on the first ports; unlike a free one they are not given to anybody else meanwhile. */
const CLOSED = ['127.0.0.1:1', '127.0.0.1:2'];

/** A request that an origin has got, and the answer to come. */
interface Asked {
  readonly app: RunningApp;
  readonly scripted: ScriptedOrigin;
  readonly peer: OriginPeer;
  readonly answer: Promise<StreamedResponse>;
}

async function asked(t: TestContext, properties = '', overrides: Changes = {}): Promise<Asked> {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`*${properties} 127.0.0.1:${scripted.origin.port}`], overrides);
  const answer = app.stream();
  const peer = await scripted.accept();
  await peer.received();
  return { app, scripted, peer, answer };
}

/** Asserts what the client was told, and that the failure was counted and logged with its details. */
async function assertTold(
  app: RunningApp,
  pending: Promise<StreamedResponse>,
  status: number,
  text: string,
  code: string,
) {
  const answer = await pending;
  assert.equal(await answer.ended(), true);
  assert.equal(answer.status, status);
  assert.equal(answer.text, text);
  assert.equal(answer.header('content-type'), 'text/plain');
  assert.equal(app.counters.requestsFailed, 1);
  const record = await app.log.heard('request failed');
  assert.equal(record.code, code);
  assert.equal(record.method, 'GET');
  return record;
}

const GENERIC = 'Error while proxying to origin.\n';
const LATE = 'The origin did not respond in time.\n';

test('An origin that accepts the connection and closes it does not lead to the next target', async (t) => {
  const scripted = await startOrigin(t);
  const unused = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port} ${unused.target}`]);
  const answer = app.stream();
  const peer = await scripted.accept();
  await peer.received();
  peer.end();
  await assertTold(app, answer, 502, GENERIC, 'HF_ORIGIN_CLOSED');
  assert.equal(unused.connections, 0);
});

test('When no target can be reached the client gets an error, which names the targets with debug', async (t) => {
  const details = `Unable to connect to any targets. Tried: ${CLOSED.join(', ')} (${CLOSED[1]}: connection refused)`;
  for (const [line, debug, text] of [
    ['*', false, GENERIC],
    ['*,debug', false, `${GENERIC}${details}\n`],
    ['*', true, `${GENERIC}${details}\n`],
  ] as const) {
    const app = await startApp(t, [`${line} ${CLOSED.join(' ')}`], { proxy: { debug } });
    const record = await assertTold(app, app.stream(), 502, text, 'HF_ORIGIN_UNREACHABLE');
    assert.deepEqual([record.detail, record.target], [details, CLOSED[1]]);
    assert.equal(app.counters.originErrors, 2);
  }
});

test('The address of an IPv6 target is shown in brackets', async (t) => {
  const app = await startApp(t, ['*,debug [::1]:1']);
  const answer = await app.send();
  assert.ok(answer.text.includes('Tried: [::1]:1 ('), answer.text);
});

test('A target without a connection in time counts as unreachable', async (t) => {
  const line = '*,debug one.example:1 two.example:2';
  const app = await startApp(t, [line], { proxy: { connectTimeout: 0.1 } });
  // A name that is never resolved is a connection that is never made.
  t.mock.method(dns, 'lookup', () => {});
  const text = `${LATE}Unable to connect to any targets. Tried: one.example:1, two.example:2 (two.example:2: connecting timed out)\n`;
  await assertTold(app, app.stream(), 504, text, 'HF_ORIGIN_CONNECT_TIMEOUT');
});

test('An origin that does not respond in time gives the client a 504', async (t) => {
  const { app, answer, peer, scripted } = await asked(t, ',debug', { proxy: { responseTimeout: 0.1 } });
  const text = `${LATE}127.0.0.1:${scripted.origin.port}: response head timed out\n`;
  await assertTold(app, answer, 504, text, 'HF_ORIGIN_TIMEOUT');
  await peer.closed;
});

test('A response whose body stalls is cut off', async (t) => {
  const { app, answer, peer } = await asked(t, '', { proxy: { bodyTimeout: 0.1 } });
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
  assert.equal(await (await answer).ended(), false);
  assert.equal((await app.log.heard('request failed')).code, 'HF_ORIGIN_TIMEOUT');
});

for (const [what, framing] of [
  ['of known length', 'Content-Length: 10\r\n\r\nhello'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
] as const) {
  test(`A body ${what} that breaks off is visibly cut off for the client`, async (t) => {
    for (const breakOff of ['end', 'reset'] as const) {
      const { app, answer, peer } = await asked(t);
      peer.write(`HTTP/1.1 200 OK\r\n${framing}`);
      const begun = await answer;
      await begun.until('hello');
      peer[breakOff]();
      assert.equal(await begun.ended(), false);
      assert.equal(begun.text, 'hello');
      assert.equal(app.counters.requestsFailed, 1);
      assert.equal((await app.log.heard('request failed')).code, 'HF_ORIGIN_TRUNCATED');
    }
  });
}

test('A chunked body that breaks off ends without a last chunk', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const client = await app.client.connect(t);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const peer = await scripted.accept();
  await peer.received();
  peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  await client.received('5\r\nhello\r\n');
  peer.end();
  await client.closed;
  assert.equal(client.text, '');
});

test('A body that ends with a reset of the connection is not taken for complete', async (t) => {
  const { answer, peer } = await asked(t);
  peer.write('HTTP/1.1 200 OK\r\n\r\nhello');
  const begun = await answer;
  await begun.until('hello');
  peer.reset();
  assert.equal(await begun.ended(), false);
});

test('An origin that breaks off before any of its body has been passed on leaves room for a clean response', async (t) => {
  const { app, answer, peer } = await asked(t);
  peer.end('HTTP/1.1 200 OK\r\nContent-Le');
  await assertTold(app, answer, 502, GENERIC, 'HF_ORIGIN_CLOSED');
});

test('Bytes that are not HTTP are not passed on', async (t) => {
  for (const [reply, problem] of [
    ['SSH-2.0-x\r\n\r\n', /./],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', /./],
    ['HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n', /./],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', /unexpected 101 response/],
  ] as const) {
    const { app, answer, peer } = await asked(t);
    peer.write(reply);
    const record = await assertTold(app, answer, 502, GENERIC, 'HF_ORIGIN_PROTOCOL');
    assert.match(String(record.detail), problem);
    await peer.closed;
  }
});

test('A response head over the limit is not passed on', async (t) => {
  const { app, answer, peer } = await asked(t, '', { proxy: { maxResponseHeaderBytes: 1024 } });
  peer.write(`HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(2000)}\r\n\r\n`);
  await assertTold(app, answer, 502, GENERIC, 'HF_ORIGIN_PROTOCOL');
});

/** Lets a first request leave a connection in the pool, and a second one meet it as the origin closes it. */
async function stale(t: TestContext, method: string): Promise<Asked> {
  const { app, scripted, peer, answer: first } = await asked(t);
  peer.write(OK);
  await (await first).ended();
  const answer = app.stream({ method, body: method === 'GET' ? '' : 'hello' });
  await peer.received();
  peer.end();
  return { app, scripted, peer, answer };
}

test('A GET on a pooled connection that the origin closes at that moment is sent again', async (t) => {
  const { app, scripted, answer } = await stale(t, 'GET');
  const peer = await scripted.accept();
  await peer.received();
  peer.write(OK);
  assert.equal(await (await answer).ended(), true);
  assert.equal((await answer).text, 'ok');
  assert.equal(app.counters.originRetries, 1);
  assert.equal(app.counters.requestsFailed, 0);
});

test('A POST on a pooled connection that the origin closes at that moment is not sent again', async (t) => {
  const { app, scripted, answer } = await stale(t, 'POST');
  const told = await answer;
  await told.ended();
  assert.deepEqual([told.status, told.text], [502, GENERIC]);
  assert.equal(app.counters.originRetries, 0);
  assert.equal(scripted.accepted, 1);
});

test('A connection that the origin has closed between two requests is not used again', async (t) => {
  const { app, scripted, peer, answer: first } = await asked(t);
  peer.write(OK);
  await (await first).ended();
  peer.end();
  await peer.closed;
  const second = app.stream({ method: 'POST', body: 'hello' });
  const other = await scripted.accept();
  await other.received('hello');
  other.write(OK);
  assert.equal((await second).status, 200);
});
