import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { originOf } from '../../../src/client/index.ts';
import { ExchangeError, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { OK, type OriginPeer, startOrigin } from '../../support/scripted-origin.ts';
import { Fixture } from './fixture.ts';
import { assertFails, running } from './running.ts';

const GONE = new ExchangeError('HF_CLIENT_GONE');

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('An origin that does not listen is unreachable', async (t) => {
  const fixture = new Fixture(t);
  const port = await closedPort();
  const requester = fixture.send(originOf('127.0.0.1', port), { method: 'POST', bodyLength: 5 });
  const error = await requester.failed();
  assert.equal(error.code, 'HF_ORIGIN_UNREACHABLE');
  assert.ok(error.detail.startsWith(`127.0.0.1:${port}: `), error.detail);
  assert.equal(fixture.counters.originRequests, 1);
  assert.equal(fixture.counters.originErrors, 1);
  assert.deepEqual(requester.grants, []);
});

test('An IPv6 origin is reached, and named in brackets', async (t) => {
  const scripted = await startOrigin(t, '::1');
  const requester = new Fixture(t).send(scripted.origin);
  const peer = await scripted.accept();
  await peer.received();
  peer.end();
  assert.match((await requester.failed()).detail, /^\[::1\]:\d+: connection closed/);
});

for (const [what, answer, end] of [
  ['a complete body', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nabcdef', 'complete'],
  ['a body that ends with the connection', 'HTTP/1.1 200 OK\r\n\r\nabcdef', 'complete'],
  ['a body that broke off', 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdef', 'HF_ORIGIN_TRUNCATED'],
] as const) {
  test(`Bytes that wait for credits of ${what} are passed on after the origin has closed`, async (t) => {
    const { fixture, requester, peer } = await running(t, { credits: 2 });
    peer.end(answer);
    await requester.until(() => requester.body === 'ab');
    await fixture.pass(20);
    assert.equal(requester.end, null);
    requester.grant(2);
    assert.equal(requester.body, 'abcd');
    requester.grant(2);
    const ended = await requester.ended();
    assert.equal(requester.body, 'abcdef');
    assert.equal(ended === 'complete' ? ended : ended.code, end);
  });
}

for (const [what, length, end] of [
  ['and is complete', 6, 'complete'],
  ['before its end is told', 7, 'HF_ORIGIN_TRUNCATED'],
] as const) {
  test(`Bytes that wait for credits when sending fails are passed on ${what}`, async (t) => {
    const fields = { method: 'POST', bodyLength: UNKNOWN_LENGTH, credits: 2 };
    const { fixture, requester, peer } = await running(t, fields);
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nabcdef`);
    await requester.until(() => requester.body === 'ab');
    peer.reset();
    await peer.closed;
    requester.send('x', true);
    await fixture.pass(1);
    // The connection is known to be gone now, and what is sent on it is for nobody.
    requester.send('x', true);
    assert.equal(requester.end, null);
    requester.grant(3);
    assert.equal(requester.body, 'abcde');
    requester.grant(3);
    assert.equal(requester.body, 'abcdef');
    const ended = await requester.ended();
    assert.equal(ended === 'complete' ? ended : ended.code, end);
  });
}

for (const [what, head] of [
  ['of known length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'],
  ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
] as const) {
  test(`A body ${what} that the origin breaks off is truncated`, async (t) => {
    const run = await running(t);
    run.peer.end(head);
    await assertFails(run, 'HF_ORIGIN_TRUNCATED', /(early|incomplete)$/);
    assert.equal(run.requester.body, 'abc');
  });
}

test('A body that ends with the connection is complete when it closes', async (t) => {
  const { requester, peer } = await running(t);
  peer.end('HTTP/1.1 200 OK\r\n\r\nabc');
  const head = await requester.completed();
  assert.equal(head.bodyLength, UNKNOWN_LENGTH);
  assert.equal(requester.body, 'abc');
});

test('A body that ends with the connection is truncated by a reset', async (t) => {
  const run = await running(t);
  run.peer.write('HTTP/1.1 200 OK\r\n\r\nabc');
  await run.requester.until(() => run.requester.body === 'abc');
  run.peer.reset();
  await assertFails(run, 'HF_ORIGIN_TRUNCATED', /connection reset in the response body$/);
});

for (const [what, act, detail] of [
  ['ends', (peer: OriginPeer) => peer.end(), /connection closed before the response$/],
  ['resets', (peer: OriginPeer) => peer.reset(), /connection reset before the response$/],
  [
    'ends within the head',
    (peer: OriginPeer) => peer.end('HTTP/1.1 200 O'),
    /connection closed in the head of the response$/,
  ],
] as const) {
  test(`A new connection that the origin ${what} without a response fails, and the request is not repeated`, async (t) => {
    const run = await running(t);
    act(run.peer);
    await assertFails(run, 'HF_ORIGIN_CLOSED', detail);
    assert.equal(run.scripted.accepted, 1);
    assert.equal(run.fixture.counters.originRetries, 0);
  });
}

for (const [what, answer, detail] of [
  ['garbage', 'NOT HTTP AT ALL\r\n\r\n', /not an HTTP response$/],
  ['a 101', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', /unexpected 101 response/],
  ['interim responses without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(21), /more than 20 interim responses$/],
  ['a head over the limit', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(1_100)}\r\n\r\n`, /exceeds 1024 bytes$/],
] as const) {
  test(`An origin that sends ${what} breaks the protocol`, async (t) => {
    const run = await running(t, {}, { maxResponseHeaderBytes: 1_024 });
    run.peer.write(answer);
    await assertFails(run, 'HF_ORIGIN_PROTOCOL', detail);
    await run.peer.closed;
  });
}

test('Garbage in the middle of the chunks breaks the protocol after the head', async (t) => {
  const run = await running(t);
  run.peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await run.requester.until(() => run.requester.body === 'abc');
  run.peer.write('zzz\r\n');
  await assertFails(run, 'HF_ORIGIN_PROTOCOL', /invalid chunk size$/);
  await run.peer.closed;
});

test('A response that comes before the request is complete is passed on, and then the connection is closed', async (t) => {
  const { scripted, fixture, requester, peer } = await running(t, { method: 'POST', bodyLength: 10 });
  requester.send('abc', true);
  await peer.received('abc');
  peer.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno');
  const head = await requester.completed();
  assert.equal(head.status, 413);
  await peer.closed;
  // What still comes of the body is for nobody.
  requester.send('defghij', false);
  const next = fixture.send(scripted.origin);
  const second = await scripted.accept();
  await second.received();
  second.write(OK);
  await next.completed();
});

for (const [what, answer, end] of [
  ['is complete', 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 6\r\n\r\nabcdef', 'complete'],
  ['is not complete', 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\nabcdef', 'HF_ORIGIN_TRUNCATED'],
  ['would end with the connection', 'HTTP/1.1 413 Content Too Large\r\n\r\nabcdef', 'HF_ORIGIN_TRUNCATED'],
] as const) {
  test(`A response that ${what} is read after the request can no longer be sent`, async (t) => {
    const { requester, peer } = await running(t, { method: 'POST', bodyLength: UNKNOWN_LENGTH, credits: 4 });
    // The answer has arrived, and so has the reset, before anything is read here; and then more is sent.
    peer.write(answer);
    peer.reset();
    for (let i = 0; i < 5; i++) requester.send('x'.repeat(1_000), true);
    await requester.until(() => requester.body === 'abcd');
    requester.send('x', true);
    requester.grant(4);
    const ended = await requester.ended();
    assert.equal(ended === 'complete' ? ended : ended.code, end);
    assert.equal(requester.head?.status, 413);
    assert.equal(requester.body, 'abcdef');
  });
}

test('A request that can no longer be sent fails at once if there is no response', async (t) => {
  const run = await running(t, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  run.peer.reset();
  for (let i = 0; i < 5; i++) run.requester.send('x'.repeat(1_000), true);
  await assertFails(run, 'HF_ORIGIN_CLOSED', /connection reset before the response$/);
});

test('A response may continue while the request does', async (t) => {
  const { scripted, fixture, requester, peer } = await running(t, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const word of ['one', 'two', 'three']) {
    requester.send(word, true);
    await peer.received(`${word}\r\n`);
    peer.write(`${word.length}\r\n${word}\r\n`);
    await requester.until(() => requester.body.endsWith(word));
  }
  requester.send('', false);
  await peer.received('0\r\n\r\n');
  peer.write('0\r\n\r\n');
  await requester.completed();
  assert.equal(requester.body, 'onetwothree');
  const next = fixture.send(scripted.origin);
  await peer.received();
  peer.write(OK);
  await next.completed();
});

test('A client that leaves ends the connection and gets no more calls', async (t) => {
  for (const stage of ['before the response', 'in its body'] as const) {
    const { fixture, requester, peer } = await running(t);
    if (stage === 'in its body') {
      peer.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc');
      await requester.until(() => requester.body === 'abc');
    }
    requester.leave(GONE);
    requester.leave(GONE);
    requester.grant(100);
    await peer.closed;
    assert.equal(fixture.counters.originErrors, 0);
  }
});

test('A client that leaves while the origin is being connected leaves no connection behind', async (t) => {
  const scripted = await startOrigin(t);
  const requester = new Fixture(t).send(scripted.origin, { method: 'POST', bodyLength: 1 });
  // One turn later the system is at it, but nobody has heard of its success.
  await new Promise((resolve) => process.nextTick(process.nextTick, resolve));
  requester.leave(GONE);
  const peer = await scripted.accept();
  await peer.closed;
  assert.equal(peer.text, '');
  assert.deepEqual(requester.calls, []);
});

for (const [when, calls] of [
  ['when it hears the head', 1],
  ['when it hears the first data', 2],
] as const) {
  test(`A client may leave ${when}`, async (t) => {
    const { requester, peer } = await running(t);
    requester.onCall = () => {
      if (requester.calls.length === calls) requester.leave(GONE);
    };
    peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n');
    await peer.closed;
    assert.equal(requester.calls.length, calls);
  });
}

test('A client may leave when its body is asked for', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t);
  const requester = fixture.send(scripted.origin, { method: 'POST', bodyLength: 5 });
  requester.onCall = () => requester.leave(GONE);
  await requester.until(() => requester.calls.length === 1);
  const next = fixture.send(scripted.origin);
  const peer = await scripted.accept();
  assert.match(await peer.received(), /^GET/);
  peer.write(OK);
  await next.completed();
  assert.equal(scripted.accepted, 1);
});

test('A client that leaves in the turn of its request leaves an idle connection as it was', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t);
  const first = fixture.send(scripted.origin);
  const peer = await scripted.accept();
  await peer.received();
  peer.write(OK);
  await first.completed();
  fixture.send(scripted.origin, { target: '/left' }).leave(GONE);
  const next = fixture.send(scripted.origin, { target: '/next' });
  assert.match(await peer.received(), /^GET \/next /);
  peer.write(OK);
  await next.completed();
  assert.equal(scripted.accepted, 1);
});

test('Broken exchanges do not disturb others on the same origin', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t);
  const requesters = [fixture.send(scripted.origin), fixture.send(scripted.origin), fixture.send(scripted.origin)];
  const answers = ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc', 'garbage\r\n\r\n', OK];
  for (const answer of answers) {
    const peer = await scripted.accept();
    await peer.received();
    peer.end(answer);
  }
  const ends = await Promise.all(requesters.map((requester) => requester.ended()));
  const codes = ends.map((end) => (end === 'complete' ? end : end.code));
  assert.deepEqual(codes.sort(), ['HF_ORIGIN_PROTOCOL', 'HF_ORIGIN_TRUNCATED', 'complete']);
});
