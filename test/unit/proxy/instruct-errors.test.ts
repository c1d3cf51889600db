import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { responseOf } from '../../support/client.ts';
import { httpOrigin, type OriginResponse } from '../../support/http-origin.ts';
import { startApp } from '../../support/running-app.ts';
import { startOrigin } from '../../support/scripted-origin.ts';

const GENERIC = 'Error while proxying to origin.\n';
const JSON_TYPE = { 'Content-Type': 'application/grip-instruct' };
const RESPONSE = { 'Grip-Hold': 'response', 'Grip-Channel': 'a' };
const STREAM = { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' };

/** Asserts that clients get 502, with `problem` as well where the route has `debug`, and that nothing is held. */
async function assertRefused(t: TestContext, answer: OriginResponse, problem: string, code: string): Promise<void> {
  const origin = await httpOrigin(t, () => answer);
  const app = await startApp(t, [`* ${origin.target}`, `*,path_beg=/debug,debug ${origin.target}`]);
  const plain = await app.send();
  assert.deepEqual([plain.status, plain.text], [502, GENERIC]);
  const debugged = await app.send({ path: '/debug' });
  assert.deepEqual([debugged.status, debugged.text], [502, `${GENERIC}${problem}\n`]);
  const { code: logged, detail } = await app.log.heard('request failed');
  assert.deepEqual([logged, detail], [code, problem]);
  assert.equal(app.counters.requestsFailed, 2);
  assert.equal(app.counters.holdsStarted, 0);
}

for (const [what, answer, problem] of [
  [
    'a hold of an unknown mode',
    { headers: { 'Grip-Hold': 'Response' } },
    "Grip-Hold is neither 'response' nor 'stream'",
  ],
  [
    'a timeout that is no number',
    { headers: { ...RESPONSE, 'Grip-Timeout': 'soon' } },
    'Grip-Timeout is not an integer',
  ],
  [
    'a channel without a name',
    { headers: { ...STREAM, 'Grip-Channel': 'a,,b' } },
    'Grip-Channel has an element without a channel name',
  ],
  ['a status that cannot be final', { headers: { 'Grip-Status': '100' } }, '100 is not a final status'],
  ['invalid JSON', { headers: JSON_TYPE, body: '{' }, 'the application/grip-instruct body is not valid JSON'],
  [
    'JSON with another status than 200',
    { status: 201, headers: JSON_TYPE, body: '{}' },
    'an application/grip-instruct response has the status 201, not 200',
  ],
] as const) {
  test(`Instructions with ${what} are refused`, async (t) => {
    await assertRefused(t, answer, `Failed to parse accept instructions: ${problem}`, 'HF_GRIP_INVALID');
  });
}

test('Instructions in an unknown coding are refused', async (t) => {
  const problem = 'the GRIP response is encoded with zstd, which is not supported';
  await assertRefused(
    t,
    { headers: { ...RESPONSE, 'Content-Encoding': 'zstd' }, body: 'x' },
    problem,
    'HF_GRIP_INVALID',
  );
});

test('Instructions that are not in their declared coding are refused', async (t) => {
  const answer = { headers: { ...RESPONSE, 'Content-Encoding': 'gzip' }, body: 'x'.repeat(100) };
  await assertRefused(t, answer, 'the GRIP response is not valid gzip: incorrect header check', 'HF_GRIP_INVALID');
});

const TOO_LARGE = 'GRIP instruct response over 100000 bytes that is not the beginning of a stream';

for (const [what, headers] of [
  ['a held response', RESPONSE],
  ['a response without a hold', { 'Grip-Channel': 'a' }],
  ['JSON', JSON_TYPE],
] as const) {
  test(`The body of ${what} must not be over 100,000 bytes, as it is or decoded`, async (t) => {
    const body = Buffer.alloc(100_001, ' ');
    await assertRefused(t, { headers, body }, TOO_LARGE, 'HF_GRIP_TOO_LARGE');
    const encoded = { headers: { ...headers, 'Content-Encoding': 'gzip' }, body: gzipSync(body) };
    await assertRefused(t, encoded, TOO_LARGE, 'HF_GRIP_TOO_LARGE');
  });
}

test('Instructions that break off do not hold the client', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const answer = app.stream();
  const peer = await scripted.accept();
  await peer.received();
  peer.end('HTTP/1.1 200 OK\r\nGrip-Hold: stream\r\nGrip-Channel: a\r\nContent-Length: 10\r\n\r\nbegin');
  assert.equal((await answer).status, 502);
  assert.equal(await (await answer).ended(), true);
  assert.equal((await answer).text, GENERIC);
});

test('An origin that breaks off within the large beginning of a stream cuts the client off', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const pending = app.stream();
  const peer = await scripted.accept();
  await peer.received();
  peer.write('HTTP/1.1 200 OK\r\nGrip-Hold: stream\r\nGrip-Channel: a\r\nContent-Length: 200000\r\n\r\n');
  peer.write('x'.repeat(100_001));
  const answer = await pending;
  peer.end();
  assert.equal(await answer.ended(), false);
  assert.equal(app.counters.holdsStarted, 0);
});

const REFUSED = 'Request too large to accept GRIP instruct.\n';

test('A request over 100,000 bytes cannot be held, with or without Content-Length', async (t) => {
  const origin = await httpOrigin(t, () => ({ headers: RESPONSE }));
  const app = await startApp(t, [`* ${origin.target}`, `*,path_beg=/debug,debug ${origin.target}`]);
  const body = Buffer.alloc(100_001, 'x');
  for (const headers of [{ 'Content-Length': '100001' }, { 'Transfer-Encoding': 'chunked' }] as Record<
    string,
    string
  >[]) {
    const answer = await app.send({ method: 'POST', body, headers });
    assert.deepEqual([answer.status, answer.text], [400, REFUSED]);
  }
  const debugged = await app.send({ method: 'POST', body, path: '/debug' });
  assert.equal(debugged.text, `${REFUSED}the request body is over 100000 bytes\n`);
  assert.equal((await app.log.heard('request failed')).code, 'HF_GRIP_REQUEST_TOO_LARGE');
  assert.equal((await origin.request()).body.length, 100_001);
});

test('A request of 100,000 bytes can be held', async (t) => {
  const origin = await httpOrigin(t, () => ({ headers: RESPONSE }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send({ method: 'POST', body: Buffer.alloc(100_000, 'x') });
  await app.held();
  await app.publish({ channel: 'a', 'http-response': { body: 'published' } });
  assert.equal((await answer).text, 'published');
});

test('A request over 100,000 bytes is refused even when the origin responds before it is complete', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const outgoing = app.client.begin({ method: 'POST', headers: { 'Content-Length': '100001' } });
  outgoing.write('the beginning');
  const peer = await scripted.accept();
  await peer.received('the beginning');
  peer.write('HTTP/1.1 200 OK\r\nGrip-Hold: response\r\nGrip-Channel: a\r\nContent-Length: 0\r\n\r\n');
  const answer = await responseOf(outgoing);
  await answer.ended();
  assert.deepEqual([answer.status, answer.text], [400, REFUSED]);
});

test('A request over 100,000 bytes gets its response if the origin sends no instructions', async (t) => {
  const origin = await httpOrigin(t, ({ body }) => ({ body: String(body.length) }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = await app.send({ method: 'POST', body: Buffer.alloc(1_000_000) });
  assert.equal(answer.text, '1000000');
});
