import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { OK, startOrigin } from '../../support/scripted-origin.ts';
import { Fixture } from './fixture.ts';
import { assertFails, running } from './running.ts';

test('A connection that is not established within connectTimeout fails', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, { connectTimeout: 0.02 });
  const requester = fixture.send(scripted.origin);
  // The process is busy for longer than that, and so hears of the time before it hears of the connection.
  for (const end = performance.now() + 60; performance.now() < end; );
  const error = await requester.failed();
  assert.equal(error.code, 'HF_ORIGIN_CONNECT_TIMEOUT');
  assert.match(error.detail, /^127\.0\.0\.1:\d+: connecting timed out$/);
  assert.equal(fixture.counters.originErrors, 1);
});

test('A request without a response within responseTimeout fails, even if the head trickles in', async (t) => {
  const run = await running(t, {}, { responseTimeout: 0.06 });
  run.peer.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n');
  while (run.requester.end === null) {
    await run.fixture.pass(20);
    run.peer.write('A: b\r\n');
  }
  await assertFails(run, 'HF_ORIGIN_TIMEOUT', /response head timed out$/);
  await run.peer.closed;
});

test('With responseTimeout 0 the response may take any time', async (t) => {
  const limits = { responseTimeout: 0, connectTimeout: 0.3, bodyTimeout: 0.3, poolIdleTimeout: 0.3 };
  const { fixture, requester, peer } = await running(t, {}, limits);
  await fixture.pass(700);
  peer.write(OK);
  await requester.completed();
});

test('The time for the response begins when the request is complete', async (t) => {
  const limits = { responseTimeout: 0.03, bodyTimeout: 0.03 };
  const { fixture, requester, peer } = await running(t, { method: 'POST', bodyLength: 4 }, limits);
  await fixture.pass(80);
  requester.send('ab', true);
  await fixture.pass(80);
  requester.send('cd', false);
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_TIMEOUT');
  await peer.closed;
});

test('A response body that stalls for bodyTimeout fails', async (t) => {
  const run = await running(t, {}, { bodyTimeout: 0.05 });
  run.peer.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc');
  await assertFails(run, 'HF_ORIGIN_TIMEOUT', /response body stalled$/);
  assert.equal(run.requester.body, 'abc');
  await run.peer.closed;
});

test('Credits alone do not count as progress of a response body', async (t) => {
  const run = await running(t, {}, { bodyTimeout: 0.1 });
  run.peer.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc');
  await run.requester.until(() => run.requester.head !== null);
  while (run.requester.end === null) {
    run.requester.grant(1);
    await run.fixture.pass(20);
  }
  await assertFails(run, 'HF_ORIGIN_TIMEOUT', /response body stalled$/);
});

test('A slow response body that continues does not fail', async (t) => {
  const { fixture, requester, peer } = await running(t, {}, { bodyTimeout: 0.5 });
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n');
  for (const byte of 'slowly') {
    await fixture.pass(150);
    peer.write(byte);
  }
  await requester.completed();
  assert.equal(requester.body, 'slowly');
});

test('A request that the origin does not take for bodyTimeout fails', async (t) => {
  const run = await running(t, { method: 'PUT', bodyLength: UNKNOWN_LENGTH }, { bodyTimeout: 0.1 });
  run.peer.socket.pause();
  const chunk = Buffer.alloc(16_384);
  const pump = () => {
    while (run.requester.end === null && run.requester.requestCredit >= chunk.length) run.requester.send(chunk, true);
  };
  let pumping = false;
  run.requester.onCall = () => {
    if (pumping) return;
    pumping = true;
    pump();
    pumping = false;
  };
  pump();
  await assertFails(run, 'HF_ORIGIN_TIMEOUT', /origin stopped reading the request$/);
});

test('While the requester takes nothing the origin is held back, and no deadline applies', async (t) => {
  const limits = { bodyTimeout: 0.5 };
  const { fixture, requester, peer } = await running(t, { credits: 10 }, limits);
  const size = 20_000_000;
  let written = 0;
  const chunk = Buffer.alloc(1_000_000, 'x');
  peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  const writeSome = () => {
    while (written < size) {
      written += chunk.length;
      if (!peer.socket.write(chunk)) return;
    }
  };
  peer.socket.on('drain', writeSome);
  writeSome();
  await requester.until(() => requester.body.length === 10);
  await fixture.pass(1_200);
  assert.equal(requester.end, null);
  assert.equal(requester.body.length, 10);
  assert.ok(written < size, 'the client swallowed it all');
  let received = 0;
  requester.onCall = () => {
    for (const part of requester.chunks) received += part.length;
    requester.chunks = [];
  };
  // It is granted as it is taken, never all at once.
  const grantOn = async () => {
    while (requester.end === null) {
      const target = received + 60_000;
      requester.grant(60_000);
      await requester.until(() => received >= target || requester.end !== null);
    }
  };
  received = 0;
  await grantOn();
  assert.equal(requester.end, 'complete');
  assert.equal(received, size);
});

test('No deadline applies to the response while the request body is incomplete', async (t) => {
  const limits = { bodyTimeout: 0.3, responseTimeout: 0.3 };
  const { fixture, requester, peer } = await running(t, { method: 'POST', bodyLength: 4 }, limits);
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
  await requester.until(() => requester.head !== null);
  await fixture.pass(700);
  requester.send('abcd', false);
  await peer.received('abcd');
  peer.write('ok');
  await requester.completed();
});
