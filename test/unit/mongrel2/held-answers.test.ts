import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnQueue } from '../../../src/clock/index.ts';
import type { ByteHolder } from '../../../src/exchange/index.ts';
import { AnswerBody } from '../../../src/mongrel2/answer-body.ts';
import { HeldAnswers } from '../../../src/mongrel2/held-answers.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { turn } from '../../support/manual-clock.ts';
import { startSite } from '../../support/mongrel2/site-rig.ts';

class Holder implements ByteHolder {
  ended = false;

  onHeldTooMuch(): void {
    this.ended = true;
  }

  onFault(thrown: unknown): void {
    throw thrown;
  }
}

function newHeld(max = 1_000_000): HeldAnswers {
  return new HeldAnswers(max, { turn: new TurnQueue(), counters: { faults: 0 }, log: new FakeLog() }, 'too much');
}

function bodyOf(bytes: number): AnswerBody {
  return new AnswerBody(Buffer.alloc(bytes));
}

test('an answer for many counts once, and little for each further client, whoever takes it first', () => {
  const held = newHeld();
  const body = bodyOf(10_000);
  const holders = [new Holder(), new Holder(), new Holder()];
  for (const holder of holders) assert.equal(held.holdAnswer(holder, body, 10_000), 10_000);
  assert.equal(held.bytes, 10_512);
  held.releaseAll(holders[0] as Holder);
  assert.equal(held.bytes, 10_256);
  held.releaseAll(holders[2] as Holder);
  assert.equal(held.bytes, 10_000);
  held.releaseAll(holders[1] as Holder);
  held.releaseAll(holders[1] as Holder);
  assert.equal(held.bytes, 0);
});

test('what a client has taken since counts no more, though something always waits', () => {
  const held = newHeld();
  const holder = new Holder();
  assert.equal(held.holdAnswer(holder, bodyOf(1_000), 900), 900);
  assert.equal(held.holdAnswer(holder, bodyOf(1_000), 1_100), 1_100);
  // The first one, and a part of the second one.
  assert.equal(held.holdAnswer(holder, bodyOf(1_000), 1_500), 1_500);
  assert.equal(held.bytes, 2_000);
  assert.equal(held.holdAnswer(holder, bodyOf(10), 10), 256);
  assert.equal(held.bytes, 256);
  held.releaseAll(holder);
  assert.equal(held.bytes, 0);
});

test('beyond the bound those end for which the most waits, and all of a group before their answer is free', async () => {
  const held = newHeld(100_000);
  const groups = Array.from({ length: 4 }, () => Array.from({ length: 5 }, () => new Holder()));
  for (const [i, group] of groups.entries()) {
    const body = bodyOf(20_000 + i * 5_000);
    for (const holder of group) held.holdAnswer(holder, body, body.length);
  }
  await turn();
  await turn();
  const ended = groups.map((group) => group.filter((holder) => holder.ended).length);
  assert.deepEqual(ended, [0, 0, 5, 5]);
  assert.ok(held.bytes <= 75_000);
});

test('a broadcast that many clients do not take is held once', async (t) => {
  const rig = await startSite(t, { unix: true, maxHeldBytes: 3_000_000 });
  const handler = await rig.handler();
  const clients = [];
  for (let i = 0; i < 20; i++) {
    const asked = await rig.ask(handler);
    asked.client.socket.pause();
    clients.push(asked);
  }
  handler.answer(
    clients.map(({ id }) => id),
    Buffer.alloc(2_000_000, 'x'),
  );
  while (rig.counters.answersReceived === 0) await turn();
  assert.ok(rig.site.held.bytes < 2_100_000);
  for (const { client } of clients) {
    client.socket.resume();
    assert.equal((await client.takeBytes(2_000_000)).length, 2_000_000);
  }
  assert.equal(rig.counters.clientsOverrun, 0);
  while (rig.site.held.bytes > 0) await turn();
});

test('a client that takes as much as it is sent, a little later, is not cut off', async (t) => {
  const rig = await startSite(t, { unix: true, maxClientBytes: 1_500_000 });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  client.socket.pause();
  let sent = 0;
  let taken = 0;
  const send = async (bytes: number) => {
    const before = rig.counters.answersReceived;
    handler.answer(id, Buffer.alloc(bytes));
    sent += bytes;
    while (rig.counters.answersReceived === before) await turn();
  };
  client.socket.on('data', (chunk) => {
    taken += chunk.length;
    // Something always waits for it.
    if (sent - taken < 600_000) client.socket.pause();
  });
  await send(1_000_000);
  for (let i = 0; i < 40; i++) {
    client.socket.resume();
    while (!client.socket.isPaused()) await turn();
    await send(300_000);
  }
  assert.equal(rig.counters.clientsOverrun, 0);
  handler.answer(id, '');
  client.socket.removeAllListeners('data');
  client.socket.resume();
  await client.ended;
});

test('what only the buffer of a socket holds is not counted: nothing tells when it is taken', async (t) => {
  const rig = await startSite(t, { unix: true });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  client.socket.pause();
  let before = -1;
  // Until the system takes no more, and a little waits.
  while ((rig.site.connections.get(id)?.client?.waiting ?? 0) === 0) {
    before = rig.counters.answersReceived;
    handler.answer(id, Buffer.alloc(10_000));
    while (rig.counters.answersReceived === before) await turn();
  }
  assert.equal(rig.site.connections.get(id)?.client?.blocked, false);
  assert.equal(rig.site.held.bytes, 0);
});
