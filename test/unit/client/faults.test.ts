import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { TcpDialler } from '../../../src/net/index.ts';
import type { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { OK, type OriginPeer, startOrigin } from '../../support/scripted-origin.ts';
import { Fixture, stoppedWheel } from './fixture.ts';
import { HandDialler } from './hand-dialler.ts';
import { type Running, running, runningAgain } from './running.ts';
import { frame, hopTo, openWebSocket, TEXT, WebSocketFixture } from './websocket-fixture.ts';

/** Makes `requester` throw at its next call of that name, once. */
function throwAt(requester: FakeRequester, call: string): void {
  requester.onCall = () => {
    if (requester.calls.at(-1) !== call) return;
    requester.onCall = () => {};
    throw new Error('thrown by the test');
  };
}

/** Sees the exchange fail as a fault of ours that was counted and logged, once. */
async function assertFault({ requester, fixture }: Pick<Running, 'requester' | 'fixture'>): Promise<void> {
  const error = await requester.failed();
  assert.equal(error.code, 'HF_INTERNAL');
  assert.match(error.detail, /thrown by the test/);
  assertReported(fixture);
}

function assertReported({ counters, log }: Pick<Fixture, 'counters' | 'log'>): void {
  assert.equal(counters.faults, 1);
  assert.match(String(log.of('internal error')[0]?.detail), /thrown by the test/);
}

/** Sees another exchange with the same origin go through. */
async function assertGoesOn({ fixture, scripted }: Running, other: FakeRequester, peer: OriginPeer): Promise<void> {
  peer.write(OK);
  await other.completed();
  const next = fixture.send(scripted.origin);
  peer.write(OK);
  await next.completed();
}

/** Another exchange with the same origin, on a connection of its own. */
async function beside(run: Running): Promise<{ other: FakeRequester; peer: OriginPeer }> {
  const other = run.fixture.send(run.scripted.origin);
  const peer = await run.scripted.accept();
  await peer.received();
  return { other, peer };
}

for (const call of ['onResponse', 'onResponseData']) {
  test(`an exception at ${call} ends that exchange alone, with its connection`, async (t) => {
    const run = await running(t);
    const { other, peer } = await beside(run);
    throwAt(run.requester, call);
    run.peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok');
    await assertFault(run);
    await run.peer.closed;
    await assertGoesOn(run, other, peer);
  });
}

test('an exception at the last bytes leaves the connection to the pool and its next exchange', async (t) => {
  const run = await running(t);
  throwAt(run.requester, 'onResponseData');
  run.peer.write(OK);
  await run.fixture.log.until('internal error');
  assertReported(run.fixture);
  const next = run.fixture.send(run.scripted.origin);
  await run.peer.received();
  run.peer.write(OK);
  await next.completed();
  assert.equal(run.scripted.accepted, 1);
});

test('an exception at the error of a lost connection is reported', async (t) => {
  const run = await running(t);
  throwAt(run.requester, 'onResponseError');
  run.peer.reset();
  await run.fixture.log.until('internal error');
  assertReported(run.fixture);
});

test('an exception at credit for what the origin has taken ends that exchange', async (t) => {
  const run = await running(t, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  const { other, peer } = await beside(run);
  run.peer.socket.pause();
  const { requester } = run;
  let calls = requester.calls.length;
  // The kernel takes some megabytes.
  do {
    calls = requester.calls.length;
    requester.send(Buffer.alloc(requester.requestCredit), true);
  } while (requester.calls.length > calls);
  throwAt(requester, 'onRequestCredit');
  run.peer.socket.resume();
  await assertFault(run);
  await assertGoesOn(run, other, peer);
});

test('an exception when a connection is established ends that exchange', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t);
  const requester = fixture.send(scripted.origin, { method: 'POST', bodyLength: 5 });
  throwAt(requester, 'onRequestCredit');
  await assertFault({ requester, fixture });
});

test('an exception at a failed dial is reported', async (t) => {
  const dialler = new HandDialler();
  const fixture = new Fixture(
    t,
    {},
    stoppedWheel(),
    new TcpDialler({ resolver: { resolve: () => Promise.reject(new Error('thrown by the test')) } }),
  );
  const requester = fixture.send({ ...(await startOrigin(t)).origin, host: 'a.test' });
  await assertFault({ requester, fixture });
  assert.equal(dialler.cancelled, false);
});

test('an exception at a deadline ends that exchange', async (t) => {
  const run = await running(t, {}, { responseTimeout: 0.02 });
  throwAt(run.requester, 'onResponseError');
  await run.fixture.log.until('internal error');
  assertReported(run.fixture);
});

test('an exception at the end of the turn, when the head leaves, ends that exchange', async (t) => {
  const dialler = new HandDialler();
  const fixture = new Fixture(t, {}, stoppedWheel(), dialler);
  const requester = fixture.send((await startOrigin(t)).origin, { method: 'POST', bodyLength: 5 });
  dialler.socket.write = () => {
    throw new Error('thrown by the test');
  };
  dialler.connect();
  await assertFault({ requester, fixture });
});

test('an exception on an idle connection closes that connection', async (t) => {
  const run = await runningAgain(t);
  run.peer.write(OK);
  await run.requester.completed();
  const { log } = run.fixture;
  const { debug } = log;
  Object.assign(log, {
    debug: () => {
      throw new Error('thrown by the test');
    },
  });
  run.peer.write('unasked');
  await run.peer.closed;
  Object.assign(log, { debug });
  assertReported(run.fixture);
});

test('an exception when a WebSocket opens ends that WebSocket', async (t) => {
  const dialler = new HandDialler();
  const fixture = new WebSocketFixture(t, { dialler });
  const requester = fixture.send(hopTo(1));
  throwAt(requester as unknown as FakeRequester, 'onResponse');
  dialler.connect();
  dialler.read('HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n');
  assert.equal(requester.failure(), 'HF_INTERNAL');
  assertReported(fixture);
});

for (const call of ['onResponseMessage', 'onResponsePing', 'onResponseClose'] as const) {
  test(`an exception at ${call} of a WebSocket ends that WebSocket alone`, async (t) => {
    const failing = await openWebSocket(t);
    const other = await openWebSocket(t);
    failing.requester[call] = () => {
      throw new Error('thrown by the test');
    };
    failing.peer.write(frame({ onResponseMessage: TEXT, onResponsePing: 0x89, onResponseClose: 0x88 }[call]));
    assert.equal((await failing.requester.failed()).code, 'HF_INTERNAL');
    assertReported(failing.fixture);
    other.peer.write(frame(TEXT, 'hello'));
    assert.deepEqual(await other.requester.lines(1), ['text hello']);
  });
}
