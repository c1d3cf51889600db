import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { type RunningServer, startServer, startUnixServer } from '../../support/running-server.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Two connections that have their turn, the second one a second later. */
async function two(running: RunningServer, advance: (seconds: number) => void, beginnings: readonly [string, string]) {
  const clients = [];
  for (const text of beginnings) {
    const client = await running.connect();
    const end = await running.serverEnd(client);
    client.write(text);
    while (end.bytesRead < text.length) await turn();
    advance(1);
    clients.push(client);
  }
  return clients as [Awaited<ReturnType<RunningServer['connect']>>, Awaited<ReturnType<RunningServer['connect']>>];
}

/** A further connection gets its response. */
async function served(running: RunningServer): Promise<void> {
  const client = await running.connect();
  client.write(GET);
  (await running.next()).respond('served');
  assert.equal((await client.takeResponse()).body, 'served');
}

for (const [kind, start] of [
  ['TCP', startServer],
  ['a unix socket', startUnixServer],
] as const) {
  test(`the connection that has been silent for longest makes room for another one: ${kind}`, async (t) => {
    const advance = manualClock(t);
    const running = await start(t, { maxConnections: 2, endsUnheard: true });
    const [first, second] = await two(running, advance, ['', '']);
    await served(running);
    assert.equal(await first.ended, 'fin');
    assert.equal(first.text, '');
    assert.equal(running.counters.connectionsDisplaced, 1);
    const [warning] = running.log.of('connections without a request are closed to make room');
    assert.deepEqual(warning, { displaced: 1, maxConnections: 2 });
    await served(running);
    // The one that was served before went first, as others waited, or this one: it has been without a request for longer.
    assert.equal(await second.ended, 'fin');
  });
}

test('a client whose head takes long makes room too, and is told', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 2, endsUnheard: true });
  const [first, second] = await two(running, advance, ['GET / HT', 'G']);
  // What else it sends does not make it younger.
  first.write('T');
  await served(running);
  const { status, body, headers } = await first.takeResponse();
  assert.deepEqual([status, headers.get('connection')], [408, 'close']);
  assert.equal(body, 'The request did not arrive in time.\n');
  assert.equal(second.text, '');
  assert.equal(running.counters.connectionsDisplaced, 1);
  second.write('ET / HTTP/1.1\r\nHost: a\r\n\r\n');
  (await running.next()).respond('slow');
  assert.equal((await second.takeResponse()).body, 'slow');
});

test('a client whose body takes long makes room too, however often it sends a byte, and is told', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 2, endsUnheard: true });
  const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na';
  const [first, second] = await two(running, advance, [POST, POST]);
  const exchanges = [await running.next(), await running.next()];
  for (const exchange of exchanges) exchange.grant(9);
  const end = await running.serverEnd(first);
  const before = end.bytesRead;
  first.write('b');
  while (end.bytesRead === before) await turn();
  await served(running);
  const { status, headers } = await first.takeResponse();
  assert.deepEqual([status, headers.get('connection')], [408, 'close']);
  assert.equal(exchanges[0]?.error?.code, 'HF_REQUEST_TIMEOUT');
  assert.equal(second.text, '');
  assert.equal(running.counters.connectionsDisplaced, 1);
  second.write('bcdefghi');
  exchanges[1]?.respond('slow');
  assert.equal((await second.takeResponse()).body, 'slow');
});

test('requests in flight and responses under way are never ended to make room, and others wait for their turn', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 2, endsUnheard: true });
  const [first, second] = await two(running, advance, [
    GET,
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na',
  ]);
  const exchanges = [await running.next(), await running.next()];
  const third = await running.connect();
  third.write(GET);
  await running.serverEnd(third);
  while (!running.server.crowded) await turn();
  advance(5);
  await turn();
  assert.deepEqual([first.text, second.text, third.text], ['', '', '']);
  assert.equal(running.counters.connectionsDisplaced, 0);
  exchanges[0]?.respond('first');
  assert.equal((await first.takeResponse()).body, 'first');
  first.end();
  (await running.next()).respond('third');
  assert.equal((await third.takeResponse()).body, 'third');
  third.end();
  exchanges[1]?.grant(3);
  second.write('bc');
  exchanges[1]?.respond('second');
  assert.equal((await second.takeResponse()).body, 'second');
});

test('without the option a connection that has not sent a request keeps its place', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 2 });
  const [first, second] = await two(running, advance, ['', 'G']);
  const third = await running.connect();
  third.write(GET);
  await running.serverEnd(third);
  while (!running.server.crowded) await turn();
  await turn();
  assert.deepEqual([first.text, second.text, third.text], ['', '', '']);
  first.end();
  (await running.next()).respond('third');
  assert.equal((await third.takeResponse()).body, 'third');
});
