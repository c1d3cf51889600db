import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { turnBudget } from '../../src/clock/index.ts';
import { type SiteRig, startSite, type TestHandler } from '../support/mongrel2/site-rig.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { settled } from '../support/settled.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A site with a hostile process, and a good one that has a client. */
async function stage(
  t: TestContext,
): Promise<{ rig: SiteRig; hostile: TestHandler; assertGoodGoesOn: () => Promise<void> }> {
  const rig = await startSite(t);
  const good = await rig.handler();
  const held = await rig.ask(good);
  const hostile = await rig.handler();
  hostile.pull.pause();
  const assertGoodGoesOn = async () => {
    good.answer(held.id, OK);
    assert.equal((await held.client.takeResponse()).body, 'ok');
    assert.equal(rig.counters.faults + rig.serverCounters.faults + rig.zmq.faults, 0);
  };
  return { rig, hostile, assertGoodGoesOn };
}

test('messages of any bytes are refused, counted and logged, and harm nobody', async (t) => {
  const { rig, hostile, assertGoodGoesOn } = await stage(t);
  const broken = [
    '',
    ' ',
    'SERVER',
    'SERVER ',
    'SERVER 1:1',
    'SERVER 1:1,',
    'SERVER 1:1,x',
    'SERVER 2:1, x',
    'SERVER 9999999999999999999:1, x',
    'SERVER -1:1, x',
    'SERVER 1:a, x',
    'SERVER 3:1  2, x',
    'SERVER 2: 1, x',
    'SERVER 2:1 , x',
    'SERVER 0:, x',
    'SERVER 20:99999999999999999999, x',
    'SER VER 1:1, x',
    'SER\0VER 1:1, x',
    'SERVER 1:X, x',
    'SERVER 2:X1, x',
    'SERVER 2:X , x',
  ];
  for (const message of broken) hostile.publish(message);
  const random = new SeededRandom(7);
  for (let i = 0; i < 500; i++) {
    const bytes = Buffer.from(`SERVER 13:987654 987655, ${'3:ctl,'.repeat(3)}`, 'latin1');
    for (let n = random.below(4) + 1; n > 0; n--) bytes[random.below(bytes.length - 14)] = random.below(256);
    hostile.publish(bytes);
  }
  await settled(() => rig.counters.answersReceived);
  assert.equal(rig.counters.answersReceived, broken.length + 500);
  assert.ok(rig.counters.answersRefused >= broken.length);
  const lines = rig.log.with('answer of a handler refused');
  assert.equal(lines.length, rig.counters.answersRefused);
  const warnings = lines.filter(({ level }) => level === 'warn').length;
  assert.ok(warnings >= 10 && warnings < lines.length, 'beyond ten a second they are at debug');
  await assertGoodGoesOn();
});

test('a process that takes nothing and answers for connections that are not there makes nothing pile up', async (t) => {
  const rig = await startSite(t);
  const hostile = await rig.handler();
  const { client, id } = await rig.ask(hostile);
  hostile.pull.pause();
  const ids = Array.from({ length: 128 }, (_, i) => 1_000_000 + i);
  for (let i = 0; i < 800; i++) hostile.answer(ids, 'x');
  await settled(() => rig.counters.answersReceived);
  assert.equal(rig.counters.answersUnclaimed, 102_400);
  assert.ok(rig.counters.noticesDropped > 0, 'notices that nobody takes are dropped');
  assert.ok(rig.zmq.bytesHeld < 16_777_216);
  hostile.answer(id, OK);
  assert.equal((await client.takeResponse()).body, 'ok');
});

test('a flood of answers to many takes its share of a turn, and others are served between', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  t.mock.method(turnBudget, 'shareOf', () => 0);
  const ids = Array.from({ length: 128 }, (_, i) => 1_000_000 + i);
  for (let i = 0; i < 100; i++) handler.answer(ids, 'x');
  let largest = 0;
  for (let before = 0; before < 12_800; ) {
    await new Promise(setImmediate);
    largest = Math.max(largest, rig.counters.answersUnclaimed - before);
    before = rig.counters.answersUnclaimed;
  }
  assert.ok(largest <= 512, `${largest} in one turn`);
});

test('half a response harms only its own client, and what follows goes on', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const half = await rig.ask(handler);
  const other = await rig.ask(handler);
  handler.answer(half.id, 'HTTP/1.1 200 OK\r\nContent-Le');
  handler.answer(other.id, OK);
  assert.equal((await other.client.takeResponse()).body, 'ok');
  half.client.write('GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.equal((await handler.next()).id, half.id);
  handler.answer(half.id, '');
  assert.equal(await half.client.takeAll(), 'HTTP/1.1 200 OK\r\nContent-Le');
});

test('a message over the bound cuts its process off, and no other', async (t) => {
  const { rig, hostile, assertGoodGoesOn } = await stage(t);
  const before = rig.zmq.peersRefused;
  hostile.publish(Buffer.alloc(134_217_729));
  while (rig.zmq.peersRefused === before) await new Promise(setImmediate);
  await assertGoodGoesOn();
});

test('answers in several frames count by their first one', async (t) => {
  const { rig, hostile, assertGoodGoesOn } = await stage(t);
  hostile.pub.send([Buffer.from('SERVER 1:9, x'), Buffer.from('more')]);
  await settled(() => rig.counters.answersReceived);
  assert.equal(rig.counters.answersUnclaimed, 1);
  await assertGoodGoesOn();
});

test('clients that are named many times in one answer get it as many times', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  handler.answer(
    Array.from({ length: 128 }, () => id),
    'x',
  );
  assert.equal(await client.takeBytes(128), 'x'.repeat(128));
  handler.answer([id, id, id], '');
  assert.equal(await client.ended, 'fin');
  assert.equal(await handler.nextGone(), id);
  assert.equal(await handler.nextGone(), id);
});
