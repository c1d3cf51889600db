import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnQueue } from '../../../src/clock/index.ts';
import { Counters } from '../../../src/exchange/index.ts';
import { type StalledConnection, UnsentBudget } from '../../../src/server/unsent-budget.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { turn } from '../../support/manual-clock.ts';
import { startUnixServer } from '../../support/running-server.ts';
import { openWebSocket } from './raw-websocket.ts';
import { fillSocket } from './stalled-client.ts';

function rig(max: number) {
  const host = { turn: new TurnQueue(), log: new FakeLog(), counters: new Counters() };
  const budget = new UnsentBudget(host, max);
  const ended: string[] = [];
  const connection = (name: string): StalledConnection => ({
    cutStalled: () => void ended.push(name),
    onFault: () => void ended.push(`fault of ${name}`),
  });
  return { ...host, budget, ended, connection };
}

test('beyond the total the WebSockets that hold the most end at the end of the turn, until a quarter is free', async () => {
  const { budget, ended, connection, log } = rig(10_000);
  for (const [name, bytes] of [
    ['a', 1_000],
    ['b', 3_000],
    ['c', 2_000],
    ['d', 4_000],
  ] as const) {
    budget.hold(connection(name), bytes);
  }
  await turn();
  assert.deepEqual(ended, []);
  budget.hold(connection('e'), 1);
  assert.deepEqual(ended, []);
  await turn();
  assert.deepEqual(ended, ['d']);
  assert.equal(budget.used, 6_256);
  assert.deepEqual(
    log.with('clients take too little, WebSockets are ended').map(({ fields }) => fields),
    [{ bytes: 10_256, webSockets: 5 }],
  );
});

test('a WebSocket whose client has taken everything counts no more', async () => {
  const { budget, ended, connection } = rig(1_000);
  const one = connection('one');
  for (let i = 0; i < 4; i++) budget.hold(one, 0);
  assert.equal(budget.used, 1_024);
  budget.release(one);
  budget.release(one);
  assert.equal(budget.used, 0);
  await turn();
  assert.deepEqual(ended, []);
});

test('a WebSocket whose end throws does not keep the others from ending', async () => {
  const { budget, ended, connection } = rig(1_000);
  const faulty = connection('faulty');
  faulty.cutStalled = () => {
    throw new Error('thrown by cutStalled');
  };
  budget.hold(faulty, 2_000);
  budget.hold(connection('other'), 1_500);
  await turn();
  assert.deepEqual(ended, ['fault of faulty', 'other']);
  assert.equal(budget.used, 0);
});

test('of the clients that read nothing only the one that holds the most is cut off', async (t) => {
  const running = await startUnixServer(t, { maxUnsentBytes: 100_000 });
  const one = await openWebSocket(running);
  await fillSocket(one);
  for (let i = 0; i < 20; i++) one.webSocket.message('');
  const held = running.server.unsent.used;
  assert.ok(held > 20 * 256 && held < 100_000, String(held));
  const other = await openWebSocket(running);
  await fillSocket(other);
  assert.equal((await one.webSocket.failed()).code, 'HF_CLIENT_STALLED');
  assert.equal(running.counters.clientsStalled, 1);
  assert.equal(other.webSocket.failure(), '');
  other.client.socket.resume();
  await other.webSocket.until(() => other.webSocket.credits === other.webSocket.request.credits);
  assert.equal(running.server.unsent.used, 0);
});

test('what a WebSocket holds counts no more when its client leaves', async (t) => {
  const running = await startUnixServer(t);
  const opened = await openWebSocket(running);
  await fillSocket(opened);
  assert.ok(running.server.unsent.used > 0);
  opened.client.socket.destroy();
  await opened.webSocket.failed();
  assert.equal(running.server.unsent.used, 0);
});
