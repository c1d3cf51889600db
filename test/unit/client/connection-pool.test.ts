import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ConnectionPool } from '../../../src/client/connection-pool.ts';
import { type Origin, originOf } from '../../../src/client/index.ts';
import type { ConnectionUser } from '../../../src/client/origin-connection.ts';
import { DEFAULT_LIMITS } from '../../../src/codec/http1/index.ts';
import { ExchangeError, type RequestHead } from '../../../src/exchange/index.ts';
import { type Dialler, Guard, type TlsClientSettings } from '../../../src/net/index.ts';
import { OK, type OriginPeer, type ScriptedOrigin, startOrigin } from '../../support/scripted-origin.ts';
import { Fixture, stoppedWheel } from './fixture.ts';
import { HandDialler } from './hand-dialler.ts';
import { PlainDialler } from './plain-dialler.ts';

/** What a connection is trusted for. */
type Trust = readonly [tls?: TlsClientSettings | null, guard?: Guard | null, ipv4Only?: boolean];

/** Carries one whole exchange on a new connection, which waits in the pool then. */
async function warmUp(fixture: Fixture, scripted: ScriptedOrigin, answer = OK): Promise<OriginPeer> {
  const requester = fixture.send(scripted.origin);
  const peer = await scripted.accept();
  await peer.received();
  peer.write(answer);
  await requester.completed();
  return peer;
}

/** Sends a request and sees it answered on `peer`. */
async function reuse(
  fixture: Fixture,
  scripted: ScriptedOrigin,
  peer: OriginPeer,
  fields: Partial<RequestHead> = {},
): Promise<void> {
  const requester = fixture.send(scripted.origin, fields);
  if (requester.requestCredit > 0) requester.send('x'.repeat(fields.bodyLength ?? 0), false);
  await peer.received();
  peer.write(OK);
  await requester.completed();
}

/** Sends a request and sees it arrive on another connection. */
async function notReused(fixture: Fixture, scripted: ScriptedOrigin, fields: Partial<RequestHead> = {}): Promise<void> {
  const before = scripted.accepted;
  const requester = fixture.send(scripted.origin, fields);
  const peer = await scripted.accept();
  await peer.received();
  peer.write(OK);
  if (requester.requestCredit > 0) requester.send('x'.repeat(fields.bodyLength ?? 0), false);
  await requester.completed();
  assert.equal(scripted.accepted, before + 1);
}

async function start(t: TestContext, ...rest: [ConstructorParameters<typeof Fixture>[1]?]) {
  const scripted = await startOrigin(t);
  return { scripted, fixture: new Fixture(t, ...rest) };
}

test('A connection carries one exchange after the other', async (t) => {
  const { scripted, fixture } = await start(t);
  const peer = await warmUp(fixture, scripted);
  for (let i = 0; i < 3; i++) await reuse(fixture, scripted, peer);
  await reuse(fixture, scripted, peer, { method: 'POST', bodyLength: 3 });
  assert.equal(scripted.accepted, 1);
  assert.equal(fixture.counters.originRequests, 5);
});

test('The connection is free for the next request when the end of the response is told', async (t) => {
  const { scripted, fixture } = await start(t);
  const first = fixture.send(scripted.origin);
  const peer = await scripted.accept();
  await peer.received();
  let second: ReturnType<Fixture['send']> | null = null;
  first.onCall = () => {
    if (first.end !== null) second = fixture.send(scripted.origin);
  };
  peer.write(OK);
  await first.completed();
  await peer.received();
  peer.write(OK);
  await (second as unknown as ReturnType<Fixture['send']>).completed();
  assert.equal(scripted.accepted, 1);
});

test('The connection that came back last is taken first', async (t) => {
  const { scripted, fixture } = await start(t);
  const requests = [fixture.send(scripted.origin), fixture.send(scripted.origin)];
  const peers = [await scripted.accept(), await scripted.accept()];
  for (const peer of peers) await peer.received();
  const [first, second] = peers as [OriginPeer, OriginPeer];
  first.write(OK);
  await Promise.race(requests.map((request) => request.completed()));
  second.write(OK);
  await Promise.all(requests.map((request) => request.completed()));
  await reuse(fixture, scripted, second);
  await reuse(fixture, scripted, second);
});

test('Origins do not share connections', async (t) => {
  const { scripted, fixture } = await start(t);
  const other = await startOrigin(t);
  await warmUp(fixture, scripted);
  await warmUp(fixture, other);
  assert.equal(other.accepted, 1);
});

const TLS: TlsClientSettings = { serverName: 'a', alsoTrusted: '', verify: true, clientCert: '', clientKey: '' };

function guard(): Guard {
  return new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: false });
}

const RULER = guard();

// The dialler of these tests speaks no TLS and asks no guard: it is the pool alone that keeps them apart.
const KINDS: readonly (readonly [what: string, one: Trust, other: Trust])[] = [
  ['a guard', [null, RULER], [null, null]],
  ['another guard with the same rules', [null, RULER], [null, guard()]],
  ['any address', [null, RULER, false], [null, RULER, true]],
  ['TLS', [TLS], [null]],
  ['another name in the certificate', [TLS], [{ ...TLS, serverName: 'b' }]],
  ['a second name in the certificate', [TLS], [{ ...TLS, alsoTrusted: 'b' }]],
  ['certificates unverified', [TLS], [{ ...TLS, verify: false }]],
  ['a client certificate', [TLS], [{ ...TLS, clientCert: 'b' }]],
  ['another client key', [TLS], [{ ...TLS, clientKey: 'b' }]],
];

for (const [what, one, other] of KINDS) {
  test(`A connection with or without ${what} serves no request of the other kind`, async (t) => {
    const scripted = await startOrigin(t);
    const fixture = new Fixture(t, {}, undefined, new PlainDialler());
    const { host, port } = scripted.origin;
    const origins = [originOf(host, port, ...one), originOf(host, port, ...other)];
    const peers: OriginPeer[] = [];
    for (const origin of origins) {
      const requester = fixture.send(origin);
      const peer = await scripted.accept();
      await peer.received();
      peer.write(OK);
      await requester.completed();
      peers.push(peer);
    }
    for (const index of [0, 1, 0]) {
      const requester = fixture.send(origins[index] as Origin);
      await peers[index]?.received();
      peers[index]?.write(OK);
      await requester.completed();
    }
    assert.equal(scripted.accepted, 2);
  });
}

test('A connection serves every requester with the same conditions', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, {}, undefined, new PlainDialler());
  const { host, port } = scripted.origin;
  let peer: OriginPeer | null = null;
  for (let i = 0; i < 3; i++) {
    const requester = fixture.send(originOf(host, port, { ...TLS }, RULER, true));
    peer ??= await scripted.accept();
    await peer.received();
    peer.write(OK);
    await requester.completed();
  }
  assert.equal(scripted.accepted, 1);
});

for (const [what, answer] of [
  ['says Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
  ['is HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['is followed by bytes that belong to nothing', `${OK}!`],
  ['has a body though it must not', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok'],
  ['promises to keep the connection for one second', 'HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=1\r\n\r\n'],
] as const) {
  test(`A connection whose response ${what} is closed`, async (t) => {
    const { scripted, fixture } = await start(t);
    const peer = await warmUp(fixture, scripted, answer);
    await peer.closed;
    await notReused(fixture, scripted);
  });
}

test('Bytes after a response are logged', async (t) => {
  const { scripted, fixture } = await start(t);
  await warmUp(fixture, scripted, `${OK}HTTP/1.1 200 OK\r\n\r\n`);
  assert.deepEqual(fixture.debugged, ['origin sent bytes after its response: connection closed']);
});

test('An HTTP/1.0 connection that is kept alive is used again', async (t) => {
  const { scripted, fixture } = await start(t);
  const answer = 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok';
  await reuse(fixture, scripted, await warmUp(fixture, scripted, answer));
});

test('An idle connection that sends bytes is closed and logged', async (t) => {
  const { scripted, fixture } = await start(t);
  const peer = await warmUp(fixture, scripted);
  peer.write('HTTP/1.1 408 Request Timeout\r\n\r\n');
  await peer.closed;
  assert.deepEqual(fixture.debugged, ['origin sent bytes on an idle connection: closed']);
  await notReused(fixture, scripted);
});

for (const [what, close] of [
  ['ends', (peer: OriginPeer) => peer.end()],
  ['resets', (peer: OriginPeer) => peer.reset()],
] as const) {
  test(`An idle connection that the origin ${what} is dropped at once`, async (t) => {
    const { scripted, fixture } = await start(t);
    const peer = await warmUp(fixture, scripted);
    close(peer);
    await peer.closed;
    // The client's end hears of it in its next turn.
    await fixture.pass(1);
    await notReused(fixture, scripted);
    assert.equal(fixture.counters.originRetries, 0);
  });
}

test('An idle connection is closed after poolIdleTimeout', async (t) => {
  const { scripted, fixture } = await start(t, { poolIdleTimeout: 0.03 });
  const peer = await warmUp(fixture, scripted);
  await peer.closed;
});

test('A connection that was used meanwhile is still closed after poolIdleTimeout', async (t) => {
  const { scripted, fixture } = await start(t, { poolIdleTimeout: 0.5 });
  const peer = await warmUp(fixture, scripted);
  await fixture.pass(30);
  await reuse(fixture, scripted, peer);
  await peer.closed;
});

test('A connection that was held back for want of credits is read again when it is used again', async (t) => {
  const { scripted, fixture } = await start(t);
  const requester = fixture.send(scripted.origin, { credits: 1 });
  const peer = await scripted.accept();
  await peer.received();
  peer.write(OK);
  await requester.until(() => requester.body === 'o');
  requester.grant(1);
  await requester.completed();
  await reuse(fixture, scripted, peer);
});

test('Each use extends the idle time of a connection', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, { poolIdleTimeout: 10 }, stoppedWheel());
  const peer = await warmUp(fixture, scripted);
  for (const now of [9_999, 19_998]) {
    fixture.wheel.now = now;
    await reuse(fixture, scripted, peer);
  }
  fixture.wheel.now += 10_000;
  await notReused(fixture, scripted);
  await peer.closed;
});

for (const value of ['timeout=5', 'timeout=5, max=100', 'max=100, timeout=5']) {
  test(`A connection with Keep-Alive: ${value} is used for one second less`, async (t) => {
    const scripted = await startOrigin(t);
    const fixture = new Fixture(t, {}, stoppedWheel());
    const answer = `HTTP/1.1 204 No Content\r\nKeep-Alive: ${value}\r\n\r\n`;
    const peer = await warmUp(fixture, scripted, answer);
    fixture.wheel.now = 3_999;
    const requester = fixture.send(scripted.origin);
    await peer.received();
    peer.write(answer);
    await requester.completed();
    fixture.wheel.now += 4_000;
    await notReused(fixture, scripted);
    await peer.closed;
  });
}

for (const value of ['max=100', 'timeout=', 'timeout=soon', 'timeout=1000']) {
  test(`Keep-Alive: ${value} does not change poolIdleTimeout`, async (t) => {
    const scripted = await startOrigin(t);
    const fixture = new Fixture(t, { poolIdleTimeout: 10 }, stoppedWheel());
    const answer = `HTTP/1.1 204 No Content\r\nKeep-Alive: ${value}\r\n\r\n`;
    const peer = await warmUp(fixture, scripted, answer);
    fixture.wheel.now = 9_999;
    await reuse(fixture, scripted, peer);
    fixture.wheel.now += 10_000;
    await notReused(fixture, scripted);
  });
}

test('A connection is used until connectionMaxTime after it was opened, however busy it is', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, { connectionMaxTime: 100 }, stoppedWheel());
  fixture.wheel.now = 5_000;
  const peer = await warmUp(fixture, scripted);
  for (const now of [50_000, 104_999]) {
    fixture.wheel.now = now;
    await reuse(fixture, scripted, peer);
  }
  fixture.wheel.now = 105_000;
  await notReused(fixture, scripted);
  await peer.closed;
});

test('A connection whose exchange ends after connectionMaxTime is closed then', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, { connectionMaxTime: 100 }, stoppedWheel());
  const requester = fixture.send(scripted.origin);
  const peer = await scripted.accept();
  await peer.received();
  fixture.wheel.now = 200_000;
  peer.write(OK);
  await requester.completed();
  await peer.closed;
});

test('An idle connection is closed at connectionMaxTime', async (t) => {
  const { scripted, fixture } = await start(t, { connectionMaxTime: 0.03 });
  const peer = await warmUp(fixture, scripted);
  await peer.closed;
});

test('With connectionMaxTime 0 a connection may be of any age', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, { connectionMaxTime: 0, poolIdleTimeout: 1e6 }, stoppedWheel());
  const peer = await warmUp(fixture, scripted);
  fixture.wheel.now = 900_000_000;
  await reuse(fixture, scripted, peer);
});

/** Uses a connection between two waits. */
const NOBODY: ConnectionUser = {
  onConnected: () => {},
  onDialFailed: () => {},
  onInput: () => {},
  onDrain: () => {},
  onDeadline: () => {},
  onLost: () => {},
  onConnectionFault: (_connection, thrown) => assert.ifError(thrown),
};

/** A pool, and connections of it that stand; nothing here waits for the network. */
function idlePool(t: TestContext, maxTotal: number): { pool: ConnectionPool; wait(host: string): HandDialler } {
  const wheel = stoppedWheel();
  t.after(() => wheel.stop());
  const fixture = new Fixture(t);
  const diallers: HandDialler[] = [];
  const dialler: Dialler = {
    dial: (...how) => {
      const made = new HandDialler();
      diallers.push(made);
      return made.dial(...how);
    },
  };
  const { counters, log } = fixture;
  const times = { idleTimeout: 1_000, maxAge: 0 };
  const pool = new ConnectionPool({
    ...times,
    dialler,
    wheel,
    counters,
    log,
    http1Limits: DEFAULT_LIMITS,
    maxIdle: 8,
    maxTotal,
  });
  return {
    pool,
    wait: (host) => {
      const connection = pool.open(originOf(host, 80), pool);
      const made = diallers.at(-1) as HandDialler;
      made.connect();
      connection.user = NOBODY;
      pool.put(connection, Number.POSITIVE_INFINITY);
      return made;
    },
  };
}

test('Beyond poolMaxTotal connections to all origins the one that has been idle longest is closed', (t) => {
  const { pool, wait } = idlePool(t, 2);
  const [first, second] = [wait('one.test'), wait('two.test')];
  // The first one has been in use since then: it is the second one's turn.
  const used = pool.take(originOf('one.test', 80), Number.POSITIVE_INFINITY, NOBODY);
  assert.ok(used !== null);
  pool.put(used, Number.POSITIVE_INFINITY);
  const third = wait('three.test');
  const closed = (): boolean[] => [first, second, third].map(({ socket }) => socket.destroyed);
  assert.deepEqual(closed(), [false, true, false]);
  const fourth = wait('three.test');
  assert.deepEqual(closed(), [true, true, false]);
  assert.equal(fourth.socket.destroyed, false);
});

test('With poolMaxTotal 0 a connection that comes back is closed at once', (t) => {
  assert.equal(idlePool(t, 0).wait('one.test').socket.destroyed, true);
});

test('Connections that have gone or expired meanwhile do not count for poolMaxTotal', async (t) => {
  const fixture = new Fixture(t, { poolMaxTotal: 2 }, stoppedWheel());
  const [one, two, three] = [await startOrigin(t), await startOrigin(t), await startOrigin(t)];
  const gone = await warmUp(fixture, one, 'HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=2\r\n\r\n');
  const kept = await warmUp(fixture, two);
  fixture.wheel.now = 1_000;
  const requester = fixture.send(one.origin);
  await gone.closed;
  const peer = await one.accept();
  await peer.received();
  peer.write('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
  await requester.completed();
  const third = await warmUp(fixture, three);
  await reuse(fixture, two, kept);
  await reuse(fixture, three, third);
});

for (const [what, limits] of [
  ['poolMaxIdle', { poolMaxIdle: 0 }],
  ['poolIdleTimeout', { poolIdleTimeout: 0 }],
] as const) {
  test(`With ${what} 0 every connection is closed after its response`, async (t) => {
    const { scripted, fixture } = await start(t, limits);
    const peer = await warmUp(fixture, scripted);
    await peer.closed;
  });
}

test('Beyond poolMaxIdle connections the one that has been idle longest is closed', async (t) => {
  const { scripted, fixture } = await start(t, { poolMaxIdle: 2 });
  const pairs = [];
  for (let i = 0; i < 3; i++) {
    const requester = fixture.send(scripted.origin);
    const peer = await scripted.accept();
    await peer.received();
    pairs.push({ requester, peer });
  }
  for (const { requester, peer } of pairs) {
    peer.write(OK);
    await requester.completed();
  }
  const [first, second, third] = pairs.map(({ peer }) => peer) as [OriginPeer, OriginPeer, OriginPeer];
  await first.closed;
  const requests = [fixture.send(scripted.origin), fixture.send(scripted.origin)];
  for (const peer of [third, second]) {
    await peer.received();
    peer.write(OK);
  }
  for (const request of requests) await request.completed();
  assert.equal(scripted.accepted, 3);
});

for (const [what, fields] of [
  ['POST', { method: 'POST' }],
  ['PATCH', { method: 'PATCH' }],
  ['an unknown method', { method: 'REPORT' }],
  ['PUT with a body', { method: 'PUT', bodyLength: 3 }],
] as const) {
  test(`${what} is put on a connection that was in use within the last second, and on no older one`, async (t) => {
    const scripted = await startOrigin(t);
    const fixture = new Fixture(t, {}, stoppedWheel());
    const peer = await warmUp(fixture, scripted);
    fixture.wheel.now = 1_000;
    await reuse(fixture, scripted, peer, fields);
    fixture.wheel.now = 2_001;
    await notReused(fixture, scripted, fields);
  });
}

test('GET is put on an older connection too', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, {}, stoppedWheel());
  const peer = await warmUp(fixture, scripted);
  fixture.wheel.now = 9_000;
  await reuse(fixture, scripted, peer);
});

test('A connection that was taken but not written to goes back to the pool when the client leaves', async (t) => {
  const { scripted, fixture } = await start(t);
  const peer = await warmUp(fixture, scripted);
  const requester = fixture.send(scripted.origin, { method: 'POST', bodyLength: 3 });
  requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  await reuse(fixture, scripted, peer, { target: '/next' });
  assert.equal(scripted.accepted, 1);
});

test('Closing the client closes waiting connections at once and busy ones after their response', async (t) => {
  const { scripted, fixture } = await start(t);
  const requests = [fixture.send(scripted.origin), fixture.send(scripted.origin)];
  const peers = [await scripted.accept(), await scripted.accept()];
  for (const peer of peers) await peer.received();
  const [waiting, busy] = peers as [OriginPeer, OriginPeer];
  waiting.write(OK);
  await Promise.race(requests.map((request) => request.completed()));
  fixture.client.close();
  await waiting.closed;
  busy.write(OK);
  await Promise.all(requests.map((request) => request.completed()));
  await busy.closed;
});
