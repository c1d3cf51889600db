import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ListenAddress } from '../../src/config/index.ts';
import { manualClock, turn } from '../support/manual-clock.ts';
import type { RawClient } from '../support/raw-client.ts';
import { type RecordingOrigin, startRecordingOrigin } from '../support/recording-origin.ts';
import { type Changes, type RunningApp, startApp } from '../support/running-app.ts';
import { unixAddress } from '../support/running-server.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** An origin that lets every client wait on the channel `c`, except for those that ask for another path than `/`. */
async function rig(t: TestContext, changes: Changes = {}): Promise<{ app: RunningApp; origin: RecordingOrigin }> {
  const origin = await startRecordingOrigin(t);
  const echo = origin.respond;
  origin.respond = (response, request) => {
    if (request.url === '/') response.setHeader('Grip-Hold', 'stream').setHeader('Grip-Channel', 'c');
    echo(response, request);
  };
  return { origin, app: await startApp(t, [origin.route], changes) };
}

/** A client on whose connection the kernel keeps little, so that it is soon seen to be slow. */
function unixListener(t: TestContext): ListenAddress {
  return unixAddress(t);
}

async function hold(app: RunningApp): Promise<RawClient> {
  const client = await app.connect();
  client.write(GET);
  await client.takeHead();
  await client.takeChunk();
  return client;
}

test('clients that send their heads slowly get a 408 and delay no other', async (t) => {
  const advance = manualClock(t);
  const { app, origin } = await rig(t, { server: { headerTimeout: 5 } });
  const slow = await Promise.all(Array.from({ length: 200 }, () => app.connect()));
  const head = 'GET /slow HTTP/1.1\r\nHost: a\r\nX-Slow: ';
  for (let i = 0; i < 4; i++) {
    for (const client of slow) client.write(head.slice(i * 8, i * 8 + 8));
    assert.equal((await app.get(`/fast-${i}`)).body, `GET /fast-${i} `);
    advance(1);
  }
  assert.equal(app.counters.requestsRefused, 0);
  advance(1);
  for (const client of slow) assert.equal((await client.takeResponse()).status, 408);
  assert.equal(app.counters.requestsRefused, 200);
  assert.equal(app.log.with('request refused').length, 200);
  assert.ok(origin.requests.every(({ url }) => url.startsWith('/fast')));
  for (const client of slow) client.end();
  await Promise.all(slow.map(({ closed }) => closed));
  assert.equal((await app.get('/after')).status, 200);
});

test('clients that send their bodies slowly get a 408, and their origin requests end', async (t) => {
  const advance = manualClock(t);
  const { app, origin } = await rig(t, { server: { bodyTimeout: 5, requestTimeout: 20 } });
  const silent = await app.connect();
  const trickling = await app.connect();
  for (const client of [silent, trickling]) {
    client.write('POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx');
  }
  while (origin.raw.filter((text) => text.endsWith('\r\n\r\nx')).length < 2) await turn();
  let trickled = 0;
  while (app.counters.requestsRefused < 2) {
    trickling.write('x');
    trickled++;
    assert.equal((await app.get('/fast')).status, 200);
    advance(1);
  }
  // The one was cut off for its silence, the other for taking too long as a whole.
  assert.ok(trickled > 10, `${trickled}`);
  for (const client of [silent, trickling]) assert.equal((await client.takeResponse()).status, 408);
  while (origin.errors.length < 2) await turn();
  assert.ok(origin.requests.every(({ url }) => url === '/fast'));
});

test('a client that does not read its stream misses items, counted and logged, and others get all', async (t) => {
  const { app } = await rig(t, { server: { listen: [unixListener(t)] }, hub: { queueItems: 20, queueBytes: 200_000 } });
  const fast = await Promise.all(Array.from({ length: 5 }, () => hold(app)));
  const slow = await hold(app);
  slow.socket.pause();
  const memory = process.memoryUsage();
  const count = 300;
  for (let i = 0; i < count; i++) {
    const content = `${i}:${'x'.repeat(10_000)}\n`;
    await app.publishStream('c', content);
    for (const client of fast) assert.equal(await client.takeChunk(), content);
  }
  const dropped = app.counters.itemsDropped;
  assert.ok(dropped > 0 && dropped < count, `${dropped} of ${count}`);
  assert.equal(app.counters.clientsStalled, 0);
  const [warning] = app.log.with('slow client: items dropped');
  assert.deepEqual([warning?.level, warning?.fields.id], ['warn', '6-1']);
  assert.match(String(warning?.fields.requestId), /-6-1$/);
  // What waits for the slow one is a window and a queue, not three megabytes.
  const { external, arrayBuffers } = process.memoryUsage();
  assert.ok(external + arrayBuffers - memory.external - memory.arrayBuffers < 20_000_000);

  // What it gets when it reads again is whole items in their order: those from before, and those from after.
  slow.socket.resume();
  await app.log.until('slow client has caught up');
  await app.publishStream('c', 'last\n');
  await slow.until(() => slow.text.includes('last\n'));
  let stream = '';
  while (!stream.endsWith('last\n')) stream += await slow.takeChunk();
  const lines = stream.split('\n').slice(0, -2);
  const numbers = lines.map((line) => {
    const [number = '', content = ''] = line.split(':');
    assert.equal(content.length, 10_000);
    return Number(number);
  });
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
  );
  assert.equal(numbers.length, count - dropped);
  const [again] = app.log.with('slow client has caught up');
  assert.deepEqual(again?.fields, { id: '6-1', requestId: warning?.fields.requestId, dropped });
  assert.equal(app.counters.itemsDelivered, 6 * (count + 1) - dropped);
});

test('a client that takes nothing of its stream for too long is cut off, and its hold ends', async (t) => {
  const advance = manualClock(t);
  const { app } = await rig(t, { server: { listen: [unixListener(t)], writeTimeout: 10 } });
  const fast = await hold(app);
  const slow = await hold(app);
  slow.socket.pause();
  for (let i = 0; app.counters.clientsStalled === 0; i++) {
    assert.ok(i < 1_000);
    await app.publishStream('c', 'y'.repeat(20_000));
    await fast.takeChunk();
    advance(0.5);
  }
  const [record] = app.log.with('client cut off');
  assert.deepEqual([record?.fields.id, record?.fields.code], ['2-1', 'HF_CLIENT_STALLED']);
  assert.equal(app.counters.holdsOpen, 1);
  assert.ok(app.log.with('slow client left').every(({ fields }) => fields.id === '2-1'));
  await app.publishStream('c', 'on and on');
  assert.equal(await fast.takeChunk(), 'on and on');
});

test('a client that reads a large response slowly delays no other', async (t) => {
  const { app, origin } = await rig(t, { server: { listen: [unixListener(t)] } });
  const large = 'z'.repeat(3_000_000);
  const echo = origin.respond;
  origin.respond = (response, request) => {
    if (request.url === '/large') response.end(large);
    else echo(response, request);
  };
  const slow = await app.connect();
  slow.socket.pause();
  slow.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
  while (!origin.requests.some(({ url }) => url === '/large')) await turn();
  for (let i = 0; i < 20; i++) assert.equal((await app.get(`/fast-${i}`)).status, 200);
  slow.socket.resume();
  const response = await slow.takeResponse();
  assert.ok(response.body === large);
});
