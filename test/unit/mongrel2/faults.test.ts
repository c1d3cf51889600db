import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { turnBudget } from '../../../src/clock/index.ts';
import { Answers } from '../../../src/mongrel2/answers.ts';
import { ConnectionKiller } from '../../../src/mongrel2/connection-killer.ts';
import { HandlerRequest } from '../../../src/mongrel2/handler-request.ts';
import { HandlerSockets } from '../../../src/mongrel2/handler-sockets.ts';
import { HandlerTarget } from '../../../src/mongrel2/handler-target.ts';
import { HandlerTie } from '../../../src/mongrel2/handler-tie.ts';
import { Mongrel2Connection } from '../../../src/mongrel2/mongrel2-connection.ts';
import { UntakenMessages } from '../../../src/mongrel2/untaken-messages.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { type SiteChanges, type SiteRig, startSite, type TestHandler } from '../../support/mongrel2/site-rig.ts';
import { settled } from '../../support/settled.ts';
import { throwOnce } from '../../support/throw-once.ts';

const GET = 'GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n';

interface Rig {
  readonly rig: SiteRig;
  readonly handler: TestHandler;
  /** Another client, which waits for its answer. */
  readonly other: Awaited<ReturnType<SiteRig['ask']>>;
}

async function start(t: TestContext, changes: SiteChanges = {}): Promise<Rig> {
  const rig = await startSite(t, changes);
  const handler = await rig.handler();
  return { rig, handler, other: await rig.ask(handler) };
}

/** Just one fault was counted and logged, the other client gets its answer, and a further one is served. */
async function assertOthersGoOn({ rig, handler, other }: Rig): Promise<void> {
  handler.answer(other.id, 'other');
  assert.equal(await other.client.takeBytes(5), 'other');
  const { client, id } = await rig.ask(handler);
  handler.answer(id, 'later');
  assert.equal(await client.takeBytes(5), 'later');
  assert.equal(rig.counters.faults + rig.serverCounters.faults + rig.zmq.faults, 1);
  const [record] = rig.log.of('internal error');
  assert.match(String(record?.detail), /thrown by/);
}

for (const method of ['answer', 'control'] as const) {
  test(`a fault in an answer ends its connection alone, with a notice: ${method}`, async (t) => {
    const all = await start(t);
    const { rig, handler } = all;
    const { client, id } = await rig.ask(handler);
    throwOnce(t, Mongrel2Connection.prototype, method);
    if (method === 'answer') handler.answer(id, 'x');
    else handler.control(id, { keepAlive: true });
    await client.ended;
    assert.equal(await handler.nextGone(), id);
    await assertOthersGoOn(all);
  });
}

test('a fault for one connection of an answer to many ends that one alone', async (t) => {
  const all = await start(t);
  const { rig, handler } = all;
  const { client, id } = await rig.ask(handler);
  const next = await rig.ask(handler);
  throwOnce(t, Mongrel2Connection.prototype, 'answer');
  handler.answer([id, next.id], 'x');
  await client.ended;
  assert.equal(await next.client.takeBytes(1), 'x');
  assert.equal(await handler.nextGone(), id);
  await assertOthersGoOn(all);
});

test('a fault in taking an answer ends that answer alone', async (t) => {
  const all = await start(t);
  throwOnce(t, Answers.prototype, 'onAnswer');
  all.handler.answer(all.other.id, 'lost');
  await all.rig.log.until('internal error');
  await assertOthersGoOn(all);
});

test('a fault in a request gets a 500', async (t) => {
  const all = await start(t);
  throwOnce(t, HandlerTarget.prototype, 'begin');
  const client = await all.rig.connect();
  assert.equal((await client.request(GET)).status, 500);
  await assertOthersGoOn(all);
});

test('a fault when a body is complete gets a 500', async (t) => {
  const all = await start(t);
  throwOnce(t, HandlerRequest.prototype, 'offer');
  const client = await all.rig.connect();
  const text = 'POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx';
  assert.equal((await client.request(text)).status, 500);
  await assertOthersGoOn(all);
});

test('a fault when a client is gone does not cost its notice', async (t) => {
  const all = await start(t);
  const { client, id } = await all.rig.ask(all.handler);
  throwOnce(t, Mongrel2Connection.prototype, 'onClosed');
  client.reset();
  assert.equal(await all.handler.nextGone(), id);
  await assertOthersGoOn(all);
});

test('a fault when a client takes more ends its connection alone', async (t) => {
  const all = await start(t, { unix: true });
  const { rig, handler } = all;
  const { client, id } = await rig.ask(handler);
  client.socket.pause();
  handler.answer(id, Buffer.alloc(1_000_000));
  await settled(() => rig.counters.answersReceived);
  throwOnce(t, Mongrel2Connection.prototype, 'onDrained');
  client.socket.resume();
  await client.ended;
  client.end();
  assert.equal(await handler.nextGone(), id);
  await assertOthersGoOn(all);
});

test('a fault when a waiting request is taken, or given up, ends that one alone', async (t) => {
  for (const method of ['onTaken', 'onUntaken'] as const) {
    const clock = manualClock(t);
    const rig = await startSite(t);
    const client = await rig.connect();
    client.write(GET);
    await settled(() => rig.serverCounters.requests);
    throwOnce(t, HandlerRequest.prototype, method);
    if (method === 'onUntaken') clock(32);
    const handler = await rig.handler();
    assert.equal((await client.takeResponse()).status, 500);
    await rig.ask(handler);
    t.mock.restoreAll();
    assert.equal(rig.counters.faults, 1);
  }
});

test('a fault when a notice waits costs that notice', async (t) => {
  const all = await start(t);
  throwOnce(t, HandlerTie.prototype, 'notify');
  const { client } = await all.rig.ask(all.handler);
  client.reset();
  await all.rig.log.until('internal error');
  await assertOthersGoOn(all);
});

test('a fault in the look at one connection ends that one, and in a tick nothing', async (t) => {
  const clock = manualClock(t);
  const all = await start(t);
  throwOnce(t, ConnectionKiller.prototype, 'look');
  clock(2);
  assert.equal(all.rig.counters.faults, 1);
  await all.other.client.ended;
  assert.equal(await all.handler.nextGone(), all.other.id);
  throwOnce(t, UntakenMessages.prototype, 'expire');
  clock(2);
  assert.equal(all.rig.counters.faults, 2);
  await all.rig.ask(all.handler);
});

test('a fault when answers are to be heard again does not keep them from being heard', async (t) => {
  const all = await start(t);
  // As if the time of every turn were over: 128 connections are served in each.
  t.mock.method(turnBudget, 'shareOf', () => 0);
  throwOnce(t, HandlerSockets.prototype, 'onTurn');
  const ids = Array.from({ length: 128 }, (_, i) => 1_000 + i);
  for (let i = 0; i < 5; i++) all.handler.answer(ids, 'x');
  while (all.rig.counters.answersUnclaimed < 640) await new Promise(setImmediate);
  await all.handler.messages.take(640);
  await assertOthersGoOn(all);
});
