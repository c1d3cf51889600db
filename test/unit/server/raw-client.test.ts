import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { manualClock, turn } from '../../support/manual-clock.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { RecordingOwner } from '../../support/raw-owner.ts';
import { type RunningServer, type ServerChanges, startServer, startUnixServer } from '../../support/running-server.ts';
import { settled } from '../../support/settled.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';

interface Rig {
  readonly running: RunningServer;
  readonly client: RawClient;
  readonly owner: RecordingOwner;
}

/** A client whose first request was taken raw. */
async function taken(t: TestContext, changes: ServerChanges = {}, unix = false): Promise<Rig> {
  const running = await (unix ? startUnixServer : startServer)(t, changes);
  const client = await running.connect();
  client.write(GET);
  return { running, client, owner: RecordingOwner.of(await running.next()) };
}

test('what the owner writes reaches the client as it is', async (t) => {
  const { client, owner } = await taken(t);
  owner.write('anything\0at all');
  assert.equal(await client.takeBytes(15), 'anything\0at all');
  assert.equal(owner.client.waiting, 0);
  assert.equal(owner.client.bytesWritten, 15);
  assert.equal(owner.client.bytesRead, GET.length);
  assert.equal(owner.client.peer.address, '127.0.0.1');
  assert.equal(owner.client.encrypted, false);
});

test('further requests come before the first one has its response, with the same client and owner', async (t) => {
  const { running, client, owner } = await taken(t);
  client.write(GET + GET);
  const second = await running.next();
  assert.equal(second.requester.rawOwner, owner);
  const other = new RecordingOwner();
  assert.equal(second.requester.takeRaw?.(other), owner.client);
  const third = await running.next();
  third.requester.takeRaw?.(other);
  owner.write('ONE');
  assert.equal(await client.takeBytes(3), 'ONE');
  client.reset();
  await owner.until(() => owner.closed === 1);
  assert.equal(other.closed, 0, 'only the first owner counts');
});

test('neither HTTP/1.0 nor Connection: close ends a taken connection', async (t) => {
  const running = await startServer(t);
  for (const request of ['GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n']) {
    const client = await running.connect();
    client.write(request);
    const owner = RecordingOwner.of(await running.next());
    client.write(GET);
    const next = await running.next();
    assert.equal(next.requester.rawOwner, owner);
    next.requester.takeRaw?.(owner);
    owner.write('here');
    assert.equal(await client.takeBytes(4), 'here');
    owner.client.end();
    assert.equal(await client.ended, 'fin');
  }
});

test('a client can be taken later, with the body of its request read before or after', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody${GET}`);
  const exchange = await running.next();
  exchange.grant(4);
  await exchange.until(() => exchange.bodyDone);
  const owner = RecordingOwner.of(exchange);
  const next = await running.next();
  assert.equal(next.requester.rawOwner, owner);
  next.requester.takeRaw?.(owner);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nmore');
  const early = await running.next();
  early.requester.takeRaw?.(owner);
  early.grant(4);
  await early.until(() => early.bodyDone);
  client.write(GET);
  await running.next();
});

test('an exchange of another kind may follow, and ends the connection if it says so', async (t) => {
  const { running, client, owner } = await taken(t);
  owner.write(`${OK}ok`);
  assert.equal((await client.takeResponse()).body, 'ok');
  client.write(GET);
  (await running.next()).respond('file');
  assert.equal((await client.takeResponse()).body, 'file');
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  (await running.next()).respond('last');
  assert.equal((await client.takeResponse()).body, 'last');
  assert.equal(await client.ended, 'fin');
  client.end();
  await owner.until(() => owner.closed === 1);
});

test('a FIN means that a taken client has left', async (t) => {
  const { client, owner } = await taken(t);
  client.end();
  await owner.until(() => owner.closed === 1);
});

test('a taken connection has no idle timeout, and is not ended to make room', async (t) => {
  const clock = manualClock(t);
  const { running, client, owner } = await taken(t, { maxConnections: 1 });
  const waiting = await running.connect();
  waiting.write(GET);
  await running.serverEnd(waiting);
  clock(9);
  assert.equal(owner.closed, 0);
  clock(600);
  owner.write('there');
  assert.equal(await client.takeBytes(5), 'there');
});

test('draining leaves a taken connection to its owner', async (t) => {
  const { running, client, owner } = await taken(t);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n');
  const upload = await running.next();
  upload.requester.takeRaw?.(owner);
  running.server.drain();
  upload.grant(4);
  client.write('body');
  await upload.until(() => upload.bodyDone);
  owner.write('there');
  assert.equal(await client.takeBytes(5), 'there');
  client.write(GET);
  const file = await running.next();
  assert.equal(owner.client.exchanging, true);
  file.respond('file');
  assert.equal((await client.takeResponse()).body, 'file');
  assert.equal(owner.client.exchanging, false);
  owner.client.end();
  assert.equal(await client.ended, 'fin');
  client.end();
  await running.server.whenEmpty();
  assert.equal(owner.closed, 1);
});

test('what the socket does not take waits and counts, in order, and the end comes after it', async (t) => {
  const { client, owner } = await taken(t, {}, true);
  client.socket.pause();
  const pieces = Array.from({ length: 64 }, (_, i) => Buffer.alloc(65_537 + i, 'abcdefgh'[i % 8]));
  for (const piece of pieces) owner.write(piece);
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  assert.ok(owner.client.waiting > total / 2, 'most of it waits');
  assert.equal(owner.client.waiting + owner.client.bytesWritten, total);
  owner.client.end();
  owner.write('nothing after the end');
  client.socket.resume();
  const text = await client.takeAll();
  assert.ok(text === Buffer.concat(pieces).toString('latin1'));
  assert.equal(await client.ended, 'fin');
});

test('the owner is told when the socket has taken what waited', async (t) => {
  const { client, owner } = await taken(t, {}, true);
  client.socket.pause();
  owner.write(Buffer.alloc(1_000_000));
  await settled(() => owner.client.waiting);
  assert.equal(owner.drained, 0);
  client.socket.resume();
  await owner.until(() => owner.drained > 0);
  assert.equal(owner.client.waiting, 0);
});

test('a client that takes a little of what waits is not cut off, one that takes nothing is', async (t) => {
  const clock = manualClock(t);
  const { running, client, owner } = await taken(t, { writeTimeout: 60 }, true);
  client.socket.pause();
  owner.write(Buffer.alloc(4_000_000));
  for (let i = 0; i < 5; i++) {
    clock(50);
    const before = owner.client.waiting;
    client.socket.resume();
    while (owner.client.waiting === before) await new Promise(setImmediate);
    client.socket.pause();
    await settled(() => owner.client.waiting);
  }
  assert.equal(owner.closed, 0);
  clock(61);
  await owner.until(() => owner.closed === 1);
  assert.equal(running.counters.clientsStalled, 1);
});

test('cut closes at once', async (t) => {
  const { client, owner } = await taken(t);
  owner.client.cut();
  await client.ended;
  await owner.until(() => owner.closed === 1);
});

test('the end drops a request whose body was still to come', async (t) => {
  const { running, client, owner } = await taken(t);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n');
  const exchange = await running.next();
  owner.write('bye');
  owner.client.end();
  assert.equal((await exchange.failed()).code, 'HF_CLIENT_GONE');
  assert.equal(await client.takeAll(), 'bye');
});

test('a body that breaks off after the client was taken cuts the connection', async (t) => {
  const { running, client, owner } = await taken(t);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const exchange = await running.next();
  exchange.requester.takeRaw?.(owner);
  exchange.grant(10);
  client.write('x\r\n');
  assert.equal((await exchange.failed()).code, 'HF_BAD_REQUEST');
  await owner.until(() => owner.closed === 1);
  assert.equal(client.text, '');
});

test('a malformed request on a taken connection gets its 400, and ends it', async (t) => {
  const { client, owner } = await taken(t);
  client.write('no request\r\n\r\n');
  assert.equal((await client.takeResponse()).status, 400);
  client.end();
  await owner.until(() => owner.closed === 1);
});

test('all input goes to whoever takes it, what has arrived with the request too', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`${GET}raw\0`);
  const exchange = await running.next();
  const owner = RecordingOwner.of(exchange);
  owner.client.takeInput(owner);
  client.write('input');
  await owner.until(() => owner.input === 'raw\0input');
  owner.write('output');
  assert.equal(await client.takeBytes(6), 'output');
  client.end();
  await owner.until(() => owner.closed === 1);
  assert.equal(running.counters.connectionsOpen, 0);
});

test('paused input is not read beyond its bound, and goes on where it stopped', async (t) => {
  const { running, client } = await taken(t, { pipelineBytes: 1_000 });
  client.write(GET);
  const owner = RecordingOwner.of(await running.next());
  owner.client.takeInput(owner);
  owner.client.pauseInput(true);
  client.write(Buffer.alloc(4_000_000, 'x'));
  await settled(() => owner.client.bytesRead);
  assert.equal(owner.input, '');
  assert.ok(owner.client.bytesRead < 400_000);
  owner.client.pauseInput(false);
  await owner.until(() => owner.input.length === 4_000_000);
});

test('the input can be taken only in the turn in which the client was', async (t) => {
  const { running, client, owner } = await taken(t);
  await new Promise(setImmediate);
  owner.client.takeInput(owner);
  client.write(GET);
  await running.next();
  assert.equal(owner.input, '');
});

for (const first of ['@', '<']) {
  test(`a connection that begins with ${first} goes to the service for such`, async (t) => {
    const owner = new RecordingOwner();
    const running = await startServer(t, {
      rawService: (client) => {
        owner.client = client;
        return owner;
      },
    });
    const client = await running.connect();
    client.write(`${first}route {}\0`);
    await owner.until(() => owner.input === `${first}route {}\0`);
    owner.write('reply\0');
    assert.equal(await client.takeBytes(6), 'reply\0');
    owner.client.end();
    assert.equal(await client.ended, 'fin');
    client.end();
    await owner.until(() => owner.closed === 1);
    const http = await running.connect();
    http.write(GET);
    (await running.next()).respond('http');
    assert.equal((await http.takeResponse()).body, 'http');
  });
}

test('without such a service it is a malformed request', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write('@route {}\0\r\n\r\n');
  assert.equal((await client.takeResponse()).status, 400);
});

test('nothing comes between the bytes of a response that is under way', async (t) => {
  const { running, client, owner } = await taken(t);
  client.write(GET);
  const exchange = await running.next();
  exchange.head({ bodyLength: 8 });
  exchange.send('half');
  assert.ok((await client.take()).startsWith('HTTP/1.1 200 '));
  assert.equal(await client.takeBytes(4), 'half');
  owner.write('RAW');
  owner.write('MORE');
  assert.equal(owner.client.waiting, 7);
  exchange.send('half', false);
  assert.equal(await client.takeBytes(11), 'halfRAWMORE');
  assert.equal(owner.client.waiting, 0);
  assert.equal(owner.drained, 1);
});

test('a response that is under way comes before the end, and what waits between both', async (t) => {
  for (const raw of ['RAW', '']) {
    const { running, client, owner } = await taken(t);
    client.write(GET);
    const exchange = await running.next();
    exchange.head({ bodyLength: 8 });
    exchange.send('half');
    assert.ok((await client.take()).startsWith('HTTP/1.1 200 '));
    if (raw !== '') owner.write(raw);
    owner.client.end();
    client.write(GET);
    exchange.send('half', false);
    assert.equal(await client.takeAll(), `halfhalf${raw}`);
    assert.equal(await client.ended, 'fin');
    assert.equal(running.counters.requests, 2, 'nothing is read after the end');
    client.end();
    await owner.until(() => owner.closed === 1);
  }
});

test('a 100 does not come between the bytes of the owner that wait', async (t) => {
  const { running, client, owner } = await taken(t, {}, true);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
  const exchange = await running.next();
  exchange.requester.takeRaw?.(owner);
  client.socket.pause();
  owner.write(Buffer.alloc(1_000_000, 'r'));
  assert.ok(owner.client.waiting > 0);
  exchange.grant(4);
  client.socket.resume();
  const text = await client.takeBytes(1_000_025);
  assert.equal(text.slice(0, 1_000_000).replaceAll('r', ''), '');
  assert.equal(text.slice(1_000_000), 'HTTP/1.1 100 Continue\r\n\r\n');
  client.write('body');
  await exchange.until(() => exchange.bodyDone);
});

test('a response that is still to begin does not begin within bytes of the owner', async (t) => {
  const { running, client, owner } = await taken(t, {}, true);
  client.write(GET);
  const exchange = await running.next();
  client.socket.pause();
  const raw = Buffer.alloc(1_000_000, 'r');
  owner.write(raw);
  owner.write('END');
  exchange.respond('late');
  client.socket.resume();
  assert.equal((await client.takeBytes(1_000_003)).slice(-4), 'rEND');
  assert.equal((await client.takeResponse()).body, 'late');
});

test('what is written in one call of the event loop leaves in two writes at most: the first bytes at once', async (t) => {
  const { running, client, owner } = await taken(t);
  const end = await running.serverEnd(client);
  const writes: string[] = [];
  for (const method of ['_write', '_writev'] as const) {
    const original = end[method] as (...args: unknown[]) => void;
    t.mock.method(end as unknown as Record<string, () => void>, method, (...args: unknown[]) => {
      writes.push(method);
      return original.apply(end, args);
    });
  }
  await turn();
  for (let i = 0; i < 10; i++) owner.write(`${i}`);
  assert.deepEqual(writes, ['_write']);
  assert.equal(await client.takeBytes(10), '0123456789');
  assert.deepEqual(writes, ['_write', '_writev']);
  owner.write('x');
  owner.write('y');
  owner.client.end();
  assert.equal(await client.takeAll(), 'xy');
});

for (const input of [false, true]) {
  test(`what was written in the same call comes before a cut: ${input ? 'taken input' : 'HTTP'}`, async (t) => {
    const running = await startServer(t);
    const client = await running.connect();
    client.write(GET);
    const owner = RecordingOwner.of(await running.next());
    if (input) owner.client.takeInput(owner);
    await turn();
    owner.write('one');
    owner.write('two');
    owner.client.cut();
    assert.equal(await client.takeAll(), 'onetwo');
  });
}
