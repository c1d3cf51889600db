import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { DialError, DnsResolver, TcpDialler } from '../../../src/net/index.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import { freePorts } from '../../support/free-ports.ts';
import { turn } from '../../support/manual-clock.ts';
import { FixedResolver, ListedGuard, listenersOf, startServer, TestDial } from './dial-support.ts';

const REFUSED = 'connection refused';

/** A dialler for which every name has these addresses. */
function diallerTo(...addresses: string[]): TcpDialler {
  return new TcpDialler({ resolver: new FixedResolver(addresses) });
}

async function closedPort(): Promise<number> {
  return (await freePorts(1))[0] as number;
}

for (const host of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.0.0.9']) {
  test(`${host} is dialled without a lookup`, async (t) => {
    const server = await startServer(t, host);
    const resolver = new FixedResolver([]);
    const guard = new ListedGuard();
    const dial = new TestDial(t, new TcpDialler({ resolver }), { host, port: server.port, guard });
    assert.equal((await dial.socket()).remoteAddress, host);
    assert.deepEqual([resolver.questions, guard.checked], [[], [host]]);
  });
}

test('a name is looked up, for IPv4 alone if only that is allowed, and its address is dialled', async (t) => {
  const server = await startServer(t, '127.0.0.3');
  const resolver = new FixedResolver(['127.0.0.3']);
  const dialler = new TcpDialler({ resolver });
  for (const ipv4Only of [false, true]) {
    const dial = new TestDial(t, dialler, { host: 'a.test', port: server.port, ipv4Only });
    assert.equal((await dial.socket()).remoteAddress, '127.0.0.3');
  }
  assert.deepEqual(resolver.questions, [
    { host: 'a.test', family: 0 },
    { host: 'a.test', family: 4 },
  ]);
});

test('data comes from the shared buffer, and reading stops when the reader says so', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const dial = new TestDial(t, diallerTo(), { port: server.port });
  const socket = await dial.socket();
  const peer = await server.connection();
  peer.write('one');
  assert.equal(await dial.until(3), 'one');
  assert.equal(dial.buffer.toString('latin1', 0, 3), 'one');
  dial.goOn = false;
  peer.write('two');
  await dial.until(6);
  peer.write('three');
  socket.write('ping');
  // By now what was written before would be here, were anybody reading.
  await once(peer, 'data');
  await turn();
  assert.equal(dial.read, 'onetwo');
  dial.goOn = true;
  socket.resume();
  assert.equal(await dial.until(11), 'onetwothree');
});

test('first bytes of the server are read after the connection was handed over', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const dial = new TestDial(t, diallerTo(), { port: server.port });
  dial.onPiece = () => assert.equal(dial.calls, 1);
  (await server.connection()).write('hello');
  assert.equal(await dial.until(5), 'hello');
});

test('the connection is handed over without a listener of the dialler, however many addresses were tried', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  for (const addresses of [['127.0.0.1'], ['127.0.0.2', '::1', '127.0.0.1', '127.0.0.3']]) {
    const dial = new TestDial(t, diallerTo(...addresses), { host: 'a.test', port: server.port });
    assert.deepEqual(listenersOf(await dial.socket(), new Socket()), []);
  }
});

test('a connection that the server ends is closed, not left half open', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const dial = new TestDial(t, diallerTo(), { port: server.port });
  const socket = await dial.socket();
  (await server.connection()).end();
  await once(socket, 'close');
});

test('a port without a listener is: unreachable', async (t) => {
  const port = await closedPort();
  assert.deepEqual(await new TestDial(t, diallerTo(), { port }).failure(), ['unreachable', REFUSED]);
  const both = new TestDial(t, diallerTo('127.0.0.1', '::1', '127.0.0.2'), { host: 'a.test', port });
  assert.deepEqual(await both.failure(), ['unreachable', REFUSED]);
});

test('different failures are reported for each address', async (t) => {
  // A link-local address without a zone cannot be connected to.
  const dial = new TestDial(t, diallerTo('127.0.0.1', 'fe80::1'), { host: 'a.test', port: await closedPort() });
  const [kind, message] = await dial.failure();
  assert.equal(kind, 'unreachable');
  assert.match(message, /^127\.0\.0\.1: connection refused, fe80::1: [a-z ]+$/);
});

test('a port outside of its range is refused at once', (t) => {
  for (const port of [0, -1, 65_536, Number.NaN]) {
    assert.throws(() => new TestDial(t, diallerTo('127.0.0.1'), { host: 'a.test', port }), RangeError);
  }
});

test('a name without addresses is reported as by the resolver', async (t) => {
  const error = new DialError('resolve', 'no such name');
  const dialler = new TcpDialler({ resolver: new FixedResolver(Promise.reject(error)) });
  assert.deepEqual(await new TestDial(t, dialler, { host: 'a.test' }).failure(), ['resolve', 'no such name']);
});

test('an invalid address of a resolver is not dialled', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const guard = new ListedGuard();
  for (const addresses of [[], ['localhost'], ['127.1', '2130706433', '']]) {
    const dial = new TestDial(t, diallerTo(...addresses), { host: 'a.test', port: server.port, guard });
    assert.deepEqual(await dial.failure(), ['resolve', 'unknown host name']);
  }
  assert.deepEqual([guard.checked, server.connections], [[], []]);
});

test('IPv6 addresses are not dialled if only IPv4 is allowed, given or looked up', async (t) => {
  const server = await startServer(t, '::1');
  const guard = new ListedGuard();
  const dns = await startDnsServer(t);
  const dialler = new TcpDialler({ resolver: new DnsResolver([dns.address]) });
  const where = { port: server.port, guard, ipv4Only: true };
  for (const host of ['::1', '::ffff:127.0.0.1']) {
    const message = 'IPv6 address where only IPv4 is allowed';
    assert.deepEqual(await new TestDial(t, dialler, { ...where, host }).failure(), ['resolve', message]);
  }
  const dial = new TestDial(t, diallerTo('::1'), { ...where, host: 'six.test' });
  assert.deepEqual(await dial.failure(), ['resolve', 'unknown host name']);
  assert.deepEqual([guard.checked, server.connections, dns.questions], [[], [], []]);
});

test('a denied address is: policy, with the reason, and no connection is made', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const where = { port: server.port, guard: new ListedGuard('127.0.0.1', '::1') };
  const literal = new TestDial(t, diallerTo(), { ...where, host: '127.0.0.1' });
  assert.deepEqual(await literal.failure(), ['policy', '127.0.0.1 is denied (listed)']);
  const named = new TestDial(t, diallerTo('127.0.0.1', '::1'), { ...where, host: 'a.test' });
  assert.deepEqual(await named.failure(), ['policy', '127.0.0.1 is denied (listed), ::1 is denied (listed)']);
  // Whoever had been dialled before this one would have been accepted before it.
  await new TestDial(t, diallerTo(), { port: server.port }).socket();
  await server.connection();
  assert.equal(server.connections.length, 1);
});

test('denied addresses are skipped, and each address is checked once, in order of the dial', async (t) => {
  const server = await startServer(t, '127.0.0.4');
  const guard = new ListedGuard('127.0.0.1', '::1', '127.0.0.3');
  const dialler = diallerTo('127.0.0.1', '127.0.0.3', '127.0.0.4', '::1', '127.0.0.5');
  const dial = new TestDial(t, dialler, { host: 'a.test', port: server.port, guard });
  assert.equal((await dial.socket()).remoteAddress, '127.0.0.4');
  assert.deepEqual(guard.checked, ['127.0.0.1', '::1', '127.0.0.3', '127.0.0.4']);
});

test('one denied and one unreachable address is: unreachable', async (t) => {
  const guard = new ListedGuard('127.0.0.1');
  const message = '127.0.0.2: connection refused, 127.0.0.1 is denied (listed)';
  const port = await closedPort();
  for (const addresses of [
    ['127.0.0.1', '127.0.0.2'],
    ['127.0.0.2', '127.0.0.1'],
  ]) {
    const dial = new TestDial(t, diallerTo(...addresses), { host: 'a.test', port, guard });
    assert.deepEqual(await dial.failure(), ['unreachable', message]);
  }
});

test('at most 16 addresses are used', async (t) => {
  const addresses = Array.from({ length: 100 }, (_, i) => `127.0.1.${i}`);
  const guard = new ListedGuard();
  const where = { host: 'a.test', port: await closedPort(), guard };
  assert.deepEqual(await new TestDial(t, diallerTo(...addresses), where).failure(), ['unreachable', REFUSED]);
  assert.deepEqual(guard.checked, addresses.slice(0, 16));
});

test('a changing answer has no effect: the checked address is dialled', async (t) => {
  const good = await startServer(t, '127.0.0.2');
  const bad = await startServer(t, '127.0.0.1', good.port);
  const dns = await startDnsServer(t);
  dns.answer('rebind.test', 'A', ['127.0.0.2'], ['127.0.0.1'], ['127.0.0.1', '127.0.0.2']);
  dns.answer('rebind.test', 'AAAA', []);
  const dialler = new TcpDialler({ resolver: new DnsResolver([dns.address]) });
  const where = { host: 'rebind.test', port: good.port, guard: new ListedGuard('127.0.0.1') };
  assert.equal((await new TestDial(t, dialler, where).socket()).remoteAddress, '127.0.0.2');
  assert.equal(dns.count('rebind.test', 'A'), 1);
  assert.deepEqual(await new TestDial(t, dialler, where).failure(), ['policy', '127.0.0.1 is denied (listed)']);
  assert.equal((await new TestDial(t, dialler, where).socket()).remoteAddress, '127.0.0.2');
  assert.equal(dns.count('rebind.test', 'A'), 3);
  assert.deepEqual(bad.connections, []);
});

/** Lets everything happen that is about to: another dial succeeds. */
async function settle(t: TestContext): Promise<void> {
  const server = await startServer(t, '127.0.0.1');
  await new TestDial(t, diallerTo(), { port: server.port }).socket();
  await turn();
}

test('a dial that is cancelled while its name is looked up ends there', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const dns = await startDnsServer(t);
  let answer: (addresses: string[]) => void = () => {};
  dns.answer(
    'slow.test',
    'A',
    () =>
      new Promise<string[]>((resolve) => {
        answer = resolve;
      }),
  );
  const resolver = new DnsResolver([dns.address]);
  const where = { host: 'slow.test', port: server.port, ipv4Only: true };
  const dial = new TestDial(t, new TcpDialler({ resolver }), where);
  await dns.asked('slow.test');
  dial.dialling.cancel();
  // Whoever shares the lookup still gets an answer; the dial would have had it before.
  const shared = resolver.resolve('slow.test', 4);
  answer(['127.0.0.1']);
  await shared;
  await settle(t);
  assert.deepEqual([dial.calls, server.connections], [0, []]);
});

test('a dial that is cancelled before its failure is reported reports nothing', async (t) => {
  const guard = new ListedGuard('127.0.0.1');
  const failing = new TcpDialler({ resolver: new FixedResolver(Promise.reject(new DialError('resolve', 'no'))) });
  const port = await closedPort();
  const dials = [
    new TestDial(t, diallerTo(), { guard }),
    new TestDial(t, diallerTo('127.0.0.1'), { host: 'a.test', guard }),
    new TestDial(t, failing, { host: 'a.test' }),
    new TestDial(t, diallerTo(), { port }),
  ];
  for (const dial of dials) dial.dialling.cancel();
  await settle(t);
  assert.deepEqual(
    dials.map(({ calls }) => calls),
    [0, 0, 0, 0],
  );
});

test('cancelling a completed dial does not affect the connection', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const dial = new TestDial(t, diallerTo(), { port: server.port });
  await dial.socket();
  dial.dialling.cancel();
  (await server.connection()).write('still here');
  assert.equal(await dial.until(10), 'still here');
  const failed = new TestDial(t, diallerTo(), { port: await closedPort() });
  await failed.failure();
  failed.dialling.cancel();
  await settle(t);
  assert.deepEqual([dial.calls, failed.calls], [1, 1]);
});
