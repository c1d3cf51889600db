import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { httpOrigin, type OriginResponse } from '../../support/http-origin.ts';
import { type Changes, eventually, type RunningApp, startApp } from '../../support/running-app.ts';
import { settled } from '../../support/settled.ts';
import { stoppedClock } from '../hub/support.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** An answer that is to go on with the items of the channel `a`. */
function hold(headers: Record<string, string> = {}, body: string | Buffer = 'begin\n'): OriginResponse {
  return { headers: { 'Grip-Hold': 'stream', 'Grip-Channel': 'a', ...headers }, body };
}

function content(channel: string, text: string): object {
  return { channel, formats: { 'http-stream': { content: text } } };
}

const CLOSE = { channel: 'a', formats: { 'http-stream': { action: 'close' } } };

async function streaming(t: TestContext, answer: OriginResponse, overrides: Changes = {}): Promise<RunningApp> {
  const origin = await httpOrigin(t, () => answer);
  return startApp(t, [`* ${origin.target}`], overrides);
}

test("A stream begins at once with the origin's response, continues with items, and ends with a close", async (t) => {
  const app = await streaming(t, hold({ 'Content-Type': 'text/plain', 'X-Own': '1' }));
  const client = await app.client.connect(t);
  client.write(GET);
  const head = await client.received();
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /\r\nX-Own: 1\r\n/);
  assert.match(head, /\r\nTransfer-Encoding: chunked\r\n/);
  assert.doesNotMatch(head, /grip|content-length/i);
  assert.equal(await client.received('begin\n\r\n'), '6\r\nbegin\n\r\n');
  await app.publish(content('b', 'for another'), content('a', 'one\n'));
  assert.equal(await client.received('one\n\r\n'), '4\r\none\n\r\n');
  await app.publish({ channel: 'a', 'http-stream': { 'content-bin': Buffer.from([1, 255]).toString('base64') } });
  assert.equal(await client.received('\xff\r\n'), '2\r\n\x01\xff\r\n');
  await app.publish(content('a', 'last\n'), CLOSE, content('a', 'too late'));
  assert.equal(await client.received('0\r\n\r\n'), '5\r\nlast\n\r\n0\r\n\r\n');
  assert.equal(app.counters.holdsOpen, 0);
});

test('After its end the connection carries the next request', async (t) => {
  const app = await streaming(t, hold());
  const client = await app.client.connect(t);
  for (let i = 0; i < 2; i++) {
    client.write(GET);
    await client.received('begin\n\r\n');
    await app.publish(CLOSE);
    await client.received('0\r\n\r\n');
  }
});

test('A stream without a body of its own begins with its head', async (t) => {
  const app = await streaming(t, hold({}, ''));
  const answer = await app.stream();
  assert.equal(answer.status, 200);
  await app.publish(content('a', 'one'));
  await answer.until('one');
});

test('Grip-Status and Grip-Expose-Headers shape the head', async (t) => {
  const fields = { 'Grip-Status': '203 Told', 'Grip-Expose-Headers': 'X-One', 'X-One': '1', 'X-Two': '2' };
  const app = await streaming(t, hold(fields));
  const answer = await app.stream();
  assert.deepEqual([answer.status, answer.reason], [203, 'Told']);
  assert.deepEqual(answer.headers, ['X-One', '1', 'Transfer-Encoding', 'chunked']);
});

test('A client of HTTP/1.0 gets the stream without chunks', async (t) => {
  const app = await streaming(t, hold());
  const client = await app.client.connect(t);
  client.write('GET / HTTP/1.0\r\n\r\n');
  assert.doesNotMatch(await client.received(), /transfer-encoding/i);
  await client.received('begin\n');
  await app.publish(content('a', 'one\n'), CLOSE);
  await once(client.socket, 'end');
  assert.equal(client.text, 'one\n');
});

test('A stream on several channels gets the items of all, with the prefix of the route in their names', async (t) => {
  const origin = await httpOrigin(t, () => hold({ 'Grip-Channel': 'a, b' }));
  const app = await startApp(t, [`*,prefix=own- ${origin.target}`]);
  const answer = await app.stream();
  await app.publish(content('a', 'wrong'), content('own-b', '1'), content('own-a', '2'));
  await answer.until('begin\n12');
});

test('The instructions may come as JSON, with the beginning of the stream in them', async (t) => {
  const instruct = {
    hold: { mode: 'stream', channels: [{ name: 'a' }] },
    response: { code: 201, headers: [['X-Own', '1']], 'body-bin': Buffer.from('begin\n').toString('base64') },
  };
  const headers = { 'Content-Type': 'application/grip-instruct' };
  const app = await streaming(t, { headers, body: JSON.stringify(instruct) });
  const answer = await app.stream();
  assert.deepEqual([answer.status, answer.header('x-own')], [201, '1']);
  await app.publish(content('a', 'one'));
  await answer.until('begin\none');
});

test('A status without a body ends the response, and the connection stays open', async (t) => {
  const app = await streaming(t, { ...hold({}, ''), status: 204 });
  const client = await app.client.connect(t);
  client.write(GET + GET);
  assert.match(await client.received(), /^HTTP\/1\.1 204 /);
  assert.match(await client.received(), /^HTTP\/1\.1 204 /);
  assert.equal(app.counters.holdsStarted, 0);
});

test('A HEAD request gets its response at once', async (t) => {
  const app = await streaming(t, hold());
  assert.equal((await app.send({ method: 'HEAD' })).status, 200);
  assert.equal(app.counters.holdsStarted, 0);
});

/** A stream on a stopped clock, with keep-alives that come exactly at their time. */
async function keptAlive(t: TestContext, field: string): Promise<{ app: RunningApp; advance: (ms: number) => void }> {
  const advance = stoppedClock(t);
  t.mock.method(Math, 'random', () => 0);
  return { app: await streaming(t, hold({ 'Grip-Keep-Alive': field })), advance };
}

test('An idle keep-alive comes after a time without items, and again after the next', async (t) => {
  const { app, advance } = await keptAlive(t, 'alive; timeout=20');
  const answer = await app.stream();
  await answer.until('begin\n');
  advance(15_000);
  await app.publish(content('a', 'one'));
  await answer.until('one');
  advance(18_000);
  assert.equal(answer.text, 'begin\none');
  advance(2_500);
  await answer.until('onealive');
  advance(20_500);
  await answer.until('alivealive');
});

test('A keep-alive of interval comes however busy the stream is', async (t) => {
  const { app, advance } = await keptAlive(t, 'alive; timeout=20; mode=interval');
  const answer = await app.stream();
  await answer.until('begin\n');
  advance(15_000);
  await app.publish(content('a', 'one'));
  await answer.until('one');
  advance(5_500);
  await answer.until('onealive');
});

test('The content of a keep-alive comes raw, with escapes or as base64', async (t) => {
  for (const [field, expected] of [
    ['\\n', '\\n'],
    [':\\n\\r\\x41\\\\; format=cstring', ':\n\rA\\'],
    ['AAH/; format=base64', '\x00\x01\xff'],
  ] as const) {
    await t.test(`as ${field}`, async (inner) => {
      const { app, advance } = await keptAlive(inner, `${field}; timeout=5`);
      const answer = await app.stream();
      await answer.until('begin\n');
      advance(5_500);
      await answer.until(`begin\n${expected}`);
    });
  }
});

const LARGE = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => 97 + (i % 26)));

test('A large beginning reaches the client before the stream is held', async (t) => {
  for (const [coding, body] of [
    ['identity', LARGE],
    ['gzip', gzipSync(LARGE)],
    ['br', brotliCompressSync(LARGE.subarray(0, 300_000))],
  ] as const) {
    const app = await streaming(t, hold({ 'Content-Encoding': coding, 'X-Own': '1', 'Grip-Status': '201' }, body));
    const answer = await app.stream();
    assert.deepEqual([answer.status, answer.header('x-own'), answer.header('grip-hold')], [201, '1', undefined]);
    assert.equal(answer.header('content-encoding'), undefined);
    await app.held();
    await app.publish(content('a', '!end!'), CLOSE);
    assert.equal(await answer.ended(), true);
    const size = coding === 'br' ? 300_000 : LARGE.length;
    assert.equal(answer.body.length, size + 5);
    assert.ok(answer.body.equals(Buffer.concat([LARGE.subarray(0, size), Buffer.from('!end!')])));
  }
});

test('A slow client gets a large beginning whole, and is held when it has', async (t) => {
  const size = 24 * 1024 * 1024;
  const body = Buffer.alloc(size, 'x');
  for (const coding of ['identity', 'gzip']) {
    const app = await streaming(t, hold({ 'Content-Encoding': coding }, coding === 'gzip' ? gzipSync(body) : body));
    const answer = await app.stream();
    answer.message.pause();
    await settled(() => app.counters.holdsStarted);
    assert.equal(app.counters.holdsStarted, 0);
    await app.publish(content('a', 'missed'));
    answer.message.resume();
    await app.held();
    await app.publish(content('a', '!end!'), CLOSE);
    assert.equal(await answer.ended(), true);
    assert.equal(answer.body.length, size + '!end!'.length);
  }
});

test('A client that does not read loses items when its queue is full, and no other client does', async (t) => {
  const app = await streaming(t, hold(), { hub: { queueItems: 4 } });
  const slow = await app.client.connect(t);
  slow.socket.pause();
  slow.write(GET);
  const fast = await app.stream();
  await app.held(2);
  const item = 'x'.repeat(900_000);
  let sent = 0;
  while (app.counters.itemsDropped === 0) {
    await app.publish(content('a', item));
    sent++;
    await eventually(() => fast.body.length === 6 + sent * item.length);
  }
  slow.socket.resume();
  await app.log.heard('slow client has caught up');
  await app.publish(CLOSE);
  await slow.received('0\r\n\r\n');
  const { id, requestId } = await app.log.heard('slow client: items dropped');
  assert.match(String(id), /^\d+-1$/);
  // One that is made ends in the other id.
  assert.match(String(requestId), new RegExp(`^[0-9a-f]+-${id}$`));
  assert.equal((await app.log.heard('slow client has caught up')).requestId, requestId);
  assert.equal(await fast.ended(), true);
});
