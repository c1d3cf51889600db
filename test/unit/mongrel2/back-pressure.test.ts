import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../support/manual-clock.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { startSite } from '../../support/mongrel2/site-rig.ts';
import { settled } from '../../support/settled.ts';

const GET = 'GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n';

test('requests wait for a handler, in order, and their clients are not read meanwhile', async (t) => {
  const rig = await startSite(t);
  const clients = [];
  for (let i = 0; i < 3; i++) {
    const client = await rig.connect();
    client.write(`GET /h${i} HTTP/1.1\r\nHost: localhost\r\n\r\n${GET}`);
    await settled(() => rig.serverCounters.requests);
    clients.push(client);
  }
  assert.equal(rig.serverCounters.requests, 3, 'the second request of each is not read');
  const handler = await rig.handler();
  const paths = (await handler.messages.take(6)).map(({ path }) => path);
  assert.deepEqual(
    paths.filter((path) => path !== '/h'),
    ['/h0', '/h1', '/h2'],
  );
});

for (const leave of ['reset', 'end'] as const) {
  test(`a client that leaves while its request waits withdraws it, and no handler hears of it: ${leave}`, async (t) => {
    const rig = await startSite(t);
    const client = await rig.connect();
    client.write(GET);
    await settled(() => rig.serverCounters.requests);
    client[leave]();
    await settled(() => rig.serverCounters.connectionsOpen);
    assert.equal(rig.serverCounters.connectionsOpen, 0);
    const handler = await rig.handler();
    const { id } = await rig.ask(handler);
    assert.equal(id, 2);
    assert.equal(handler.texts.length, 1);
  });
}

test('a request that no handler takes in 30 s gets a 503', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const client = await rig.connect();
  client.write(GET);
  await settled(() => rig.serverCounters.requests);
  clock(29);
  assert.equal(client.text, '');
  clock(2);
  const { status, headers, body } = await client.takeResponse();
  assert.deepEqual([status, headers.get('connection'), body], [503, 'close', 'Service Unavailable']);
  assert.equal(rig.counters.requestsUntaken, 1);
});

test('requests that find no room to wait get a 503 at once', async (t) => {
  const rig = await startSite(t, { maxWaitingBytes: 500 });
  const waiting = await rig.connect();
  waiting.write(GET);
  await settled(() => rig.serverCounters.requests);
  const client = await rig.connect();
  assert.equal((await client.request(GET)).status, 503);
  assert.equal(rig.counters.requestsUntaken, 1);
  const handler = await rig.handler();
  await handler.next();
});

test('while the only process takes nothing more, clients wait, and go on when it does', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  handler.pull.pause();
  const body = 'x'.repeat(20_000);
  const post = `POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const clients = await Promise.all(Array.from({ length: 8 }, () => rig.connect()));
  for (const client of clients) for (let i = 0; i < 200; i++) client.write(post);
  await settled(() => rig.serverCounters.requests);
  assert.ok(rig.serverCounters.requests < 1_600, 'most requests are not read');
  handler.pull.resume();
  await handler.messages.take(1_600);
  assert.equal(rig.counters.requestsUntaken, 0);
});

test('a sticky handler gets all messages of one connection in one process, others in turn', async (t) => {
  const target = handlerOf({ sticky: true });
  const rig = await startSite(t, { routes: [{ path: '/h', target }] });
  const handlers = [await rig.handler(), await rig.handler()];
  const clients = [];
  for (let i = 0; i < 4; i++) clients.push(await rig.connect());
  for (let round = 0; round < 3; round++) {
    for (const client of clients) {
      client.write(GET);
      await settled(() => rig.counters.messagesSent);
    }
  }
  for (const client of clients) client.reset();
  await settled(() => rig.counters.messagesSent);
  for (const handler of handlers) {
    await settled(() => handler.texts.length);
    const ids = handler.messages.all.map(({ id }) => id);
    const own = [...new Set(ids)];
    assert.equal(own.length, 2, 'two connections each');
    for (const id of own) assert.equal(ids.filter((other) => other === id).length, 4, 'three requests and the notice');
  }
});

test('when the process of a connection has gone another one goes on with it', async (t) => {
  const rig = await startSite(t, { routes: [{ path: '/h', target: handlerOf({ sticky: true }) }] });
  const first = await rig.handler();
  const { client, id } = await rig.ask(first);
  const second = await rig.handler();
  await first.close();
  await settled(() => rig.zmq.peersConnected);
  client.write(GET);
  assert.equal((await second.next()).id, id);
  client.write(GET);
  assert.equal((await second.next()).id, id);
});

test('without it messages of one connection go to all processes in turn', async (t) => {
  const rig = await startSite(t);
  const handlers = [await rig.handler(), await rig.handler()];
  const client = await rig.connect();
  for (let i = 0; i < 4; i++) client.write(GET);
  for (const handler of handlers) await handler.messages.take(2);
});

test('where bodies that are not complete take too much together, the largest fails with 503', async (t) => {
  const rig = await startSite(t, { settings: { contentLength: 100_000 }, maxInputBytes: 100_000 });
  const handler = await rig.handler();
  const post = 'POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 80000\r\n\r\n';
  const [large, small] = [await rig.connect(), await rig.connect()];
  large.write(post + 'x'.repeat(70_000));
  await settled(() => rig.site.inputs.bytes);
  assert.ok(rig.site.inputs.bytes >= 70_000);
  small.write(post + 'y'.repeat(40_000));
  assert.equal((await large.takeResponse()).status, 503);
  small.write('y'.repeat(40_000));
  assert.equal((await handler.next()).body.toString(), 'y'.repeat(80_000));
  assert.equal(rig.site.inputs.bytes, 0);
});
