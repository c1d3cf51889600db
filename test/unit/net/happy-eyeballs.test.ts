import assert from 'node:assert/strict';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import net, { Socket } from 'node:net';
import { test } from 'node:test';
import { TcpDialler } from '../../../src/net/index.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { turn } from '../../support/manual-clock.ts';
import { FixedResolver, ListedGuard, openSockets, startServer, TestDial } from './dial-support.ts';
import { startFullListener } from './full-listener.ts';

/** As good as never: whatever happens within the test happens without the delay. */
const NEVER = 1_000_000;

function diallerTo(addresses: readonly string[], attemptDelay?: number): TcpDialler {
  const resolver = new FixedResolver(addresses);
  return new TcpDialler(attemptDelay === undefined ? { resolver } : { resolver, attemptDelay });
}

for (const [first, second] of [
  ['::1', '127.0.0.1'],
  ['127.0.0.1', '::1'],
] as const) {
  test(`when ${first} refuses, ${second} is tried at once`, async (t) => {
    const server = await startServer(t, second);
    const dialler = diallerTo([first, second], NEVER);
    const dial = new TestDial(t, dialler, { host: 'a.test', port: server.port });
    assert.equal((await dial.socket()).remoteAddress, second);
  });

  test(`when ${first} is silent, ${second} is tried after the delay, and only its connection stays`, async (t) => {
    const silent = await startFullListener(t, first);
    const server = await startServer(t, second, silent.port);
    const before = await openSockets();
    const guard = new ListedGuard();
    const dial = new TestDial(t, diallerTo([first, second], 5), { host: 'a.test', port: server.port, guard });
    const socket = await dial.socket();
    assert.equal(socket.remoteAddress, second);
    assert.deepEqual(guard.checked, [first, second]);
    // Both ends of it are ours.
    await server.connection();
    assert.equal(await openSockets(), before + 2);
  });
}

test('the delay is 250 ms after the previous address, even if that was tried early', async (t) => {
  const [refusing, first, second, third] = ['127.0.0.9', '127.0.0.1', '127.0.0.3', '127.0.0.4'] as const;
  const { port } = await startFullListener(t, first);
  await startFullListener(t, second, port);
  const timers = fakeTimers(t, ['setTimeout']);
  const guard = new ListedGuard();
  const dialler = diallerTo([refusing, first, second, third]);
  const dial = new TestDial(t, dialler, { host: 'a.test', port, guard });
  t.after(() => dial.dialling.cancel());
  while (guard.checked.length < 2) await turn();
  timers.tick(249);
  assert.deepEqual(guard.checked, [refusing, first]);
  timers.tick(1);
  assert.deepEqual(guard.checked, [refusing, first, second]);
  timers.tick(249);
  assert.deepEqual(guard.checked, [refusing, first, second]);
  timers.tick(1);
  assert.deepEqual(guard.checked, [refusing, first, second, third]);
});

test('an attempt continues when the next address is tried', async (t) => {
  const late = await startFullListener(t, '127.0.0.1');
  await startFullListener(t, '127.0.0.3', late.port);
  const guard = new ListedGuard();
  const asked = new Promise<void>((resolve) => {
    t.mock.method(guard, 'checkAddress', (address: string) => {
      guard.checked.push(address);
      if (address === '127.0.0.3') resolve();
      return { allowed: true, reason: '' };
    });
  });
  const where = { host: 'a.test', port: late.port, guard };
  const dial = new TestDial(t, diallerTo(['127.0.0.1', '127.0.0.3'], 1), where);
  await asked;
  late.open();
  assert.equal((await dial.socket()).remoteAddress, '127.0.0.1');
  assert.deepEqual(guard.checked, ['127.0.0.1', '127.0.0.3']);
});

test('a denied last address does not end an attempt under way', async (t) => {
  const late = await startFullListener(t, '127.0.0.1');
  const guard = new ListedGuard('127.0.0.3');
  const where = { host: 'a.test', port: late.port, guard };
  const timers = fakeTimers(t, ['setTimeout']);
  const dial = new TestDial(t, diallerTo(['127.0.0.1', '127.0.0.3']), where);
  await turn();
  timers.tick(250);
  assert.deepEqual(guard.checked, ['127.0.0.1', '127.0.0.3']);
  late.open();
  assert.equal((await dial.socket()).remoteAddress, '127.0.0.1');
});

test('all attempts and the delay end when the dial is cancelled', async (t) => {
  const silent = await startFullListener(t, '127.0.0.1');
  await startFullListener(t, '127.0.0.3', silent.port);
  const timers = fakeTimers(t, ['setTimeout']);
  const before = await openSockets();
  const guard = new ListedGuard();
  const addresses = ['127.0.0.1', '127.0.0.3', '127.0.0.4'];
  const dial = new TestDial(t, diallerTo(addresses), { host: 'a.test', port: silent.port, guard });
  await turn();
  timers.tick(250);
  assert.equal(await openSockets(), before + 2);
  dial.dialling.cancel();
  assert.equal(await openSockets(), before);
  timers.tick(1_000);
  assert.equal(guard.checked.length, 2);
  assert.equal(dial.calls, 0);
});

test('no timer is set for one address, or when the first one connects', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const setTimer = t.mock.method(globalThis, 'setTimeout');
  const clearTimer = t.mock.method(globalThis, 'clearTimeout');
  await new TestDial(t, diallerTo([]), { port: server.port }).socket();
  await new TestDial(t, diallerTo(['127.0.0.1']), { host: 'a.test', port: server.port }).socket();
  assert.equal(setTimer.mock.callCount(), 0);
  await new TestDial(t, diallerTo(['127.0.0.1', '::1'], NEVER), { host: 'a.test', port: server.port }).socket();
  const [timer] = setTimer.mock.calls.map(({ result }) => result);
  assert.ok(clearTimer.mock.calls.some(({ arguments: [cleared] }) => cleared === timer));
});

test("the system's timeout is a timeout, unless an address refused, or no descriptor is left", async (t) => {
  const codes = new Map([
    ['127.0.0.9', 'ECONNREFUSED'],
    ['127.0.0.8', 'EMFILE'],
  ]);
  const connect = t.mock.method(net, 'connect', ({ host }: { host: string }) => {
    const code = codes.get(host) ?? 'ETIMEDOUT';
    return new Socket().destroy(Object.assign(new Error(code), { code }));
  });
  syncBuiltinESMExports();
  t.after(() => {
    connect.mock.restore();
    syncBuiltinESMExports();
  });
  const failure = (...addresses: string[]) =>
    new TestDial(t, diallerTo(addresses), { host: 'a.test', port: 9 }).failure();
  assert.deepEqual(await failure('127.0.0.1', '::1'), ['timeout', 'connection timed out']);
  const mixed = '127.0.0.1: connection timed out, 127.0.0.9: connection refused';
  assert.deepEqual(await failure('127.0.0.1', '127.0.0.9'), ['unreachable', mixed]);
  const shortage = 'this process has too many open files';
  assert.deepEqual(await failure('127.0.0.9', '127.0.0.8'), ['descriptors', shortage]);
});

test('of simultaneous connections one is handed over and the others are closed', async (t) => {
  const first = await startFullListener(t, '127.0.0.1');
  const second = await startFullListener(t, '127.0.0.3', first.port);
  const before = await openSockets();
  const dial = new TestDial(t, diallerTo(['127.0.0.1', '127.0.0.3'], 1), { host: 'a.test', port: first.port });
  first.open();
  second.open();
  const socket = await dial.socket();
  assert.equal(await openSockets(), before + 1);
  assert.equal(dial.calls, 1);
  socket.destroy();
  await once(socket, 'close');
});
