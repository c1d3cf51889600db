import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../support/manual-clock.ts';
import { startSite } from '../../support/mongrel2/site-rig.ts';
import { settled } from '../../support/settled.ts';

const GET = 'GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n';

test('a client that fails all three tests is cut off after min_ping, and its handler gets the notice', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  clock(115);
  assert.equal(rig.counters.clientsKilled, 0);
  clock(30);
  assert.equal(await handler.nextGone(), id);
  await client.ended;
  assert.equal(rig.counters.clientsKilled, 1);
  assert.deepEqual(rig.log.of('inactive client cut off'), [{ id, peer: '127.0.0.1', failed: 3 }]);
});

test('a request starts the time again', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  clock(100);
  client.write(GET);
  await handler.next();
  clock(100);
  assert.equal(rig.counters.clientsKilled, 0);
  handler.answer(id, 'there');
  assert.equal(await client.takeBytes(5), 'there');
});

test('so does a keep-alive of the handler', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  for (let i = 0; i < 5; i++) {
    clock(100);
    handler.control(id, { keepAlive: true });
    handler.answer(id, '.');
    await client.takeBytes(1);
  }
  assert.equal(rig.counters.clientsKilled, 0);
});

test('a client that takes enough lives, however long its request is ago', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  for (let i = 0; i < 30; i++) {
    clock(10);
    handler.answer(id, Buffer.alloc(6_000));
    await client.takeBytes(6_000);
  }
  assert.equal(rig.counters.clientsKilled, 0);
});

test('kill_limit says how many tests may fail', async (t) => {
  const clock = manualClock(t);
  const never = await startSite(t, { settings: { killLimit: 3 } });
  const soon = await startSite(t, { settings: { killLimit: 0, minPing: 0 } });
  const [patient, strict] = [await never.handler(), await soon.handler()];
  const { id } = await never.ask(patient);
  const other = await soon.ask(strict);
  clock(12);
  assert.equal(await strict.nextGone(), other.id);
  clock(1_000);
  patient.answer(id, '');
  await settled(() => never.counters.clientsOpen);
  assert.equal(never.counters.clientsKilled, 0);
});

test('a limit of 0 is no test', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t, { settings: { minReadRate: 0 } });
  const handler = await rig.handler();
  await rig.ask(handler);
  clock(1_000);
  assert.equal(rig.counters.clientsKilled, 0);
});

test('each look is at a tenth of the connections, and all are looked at within tick_timer', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t, { settings: { minPing: 30 } });
  const handler = await rig.handler();
  for (let i = 0; i < 20; i++) await rig.ask(handler);
  clock(30);
  let before = rig.counters.clientsKilled;
  for (let i = 0; i < 22; i++) {
    clock(1);
    assert.ok(rig.counters.clientsKilled - before <= 4, 'two looks at most, at two each');
    before = rig.counters.clientsKilled;
  }
  assert.equal(before, 20);
});

test('connections that await nothing end when the site drains, others when they have their answer', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const answered = await rig.ask(handler);
  const awaiting = await rig.ask(handler);
  handler.answer(answered.id, 'one');
  assert.equal(await answered.client.takeBytes(3), 'one');
  rig.server.drain();
  rig.site.drain();
  assert.equal(await answered.client.ended, 'fin');
  assert.equal(await handler.nextGone(), answered.id);
  clock(11);
  handler.answer(awaiting.id, 'two');
  assert.equal(await awaiting.client.takeBytes(3), 'two');
  clock(22);
  assert.equal(await awaiting.client.ended, 'fin');
});

test('draining looks at many connections in slices', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const clients = [];
  for (let i = 0; i < 600; i++) {
    const { client, id } = await rig.ask(handler);
    handler.answer(id, 'x');
    await client.takeBytes(1);
    clients.push(client);
  }
  rig.server.drain();
  rig.site.drain();
  assert.ok(rig.counters.clientsOpen > 0, 'not all at once');
  for (const client of clients) {
    assert.equal(await client.ended, 'fin');
    client.end();
  }
  await rig.server.whenEmpty();
  assert.equal(rig.counters.clientsOpen, 0);
});
