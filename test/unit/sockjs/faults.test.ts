import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { Rig } from './support.ts';

function defect(): never {
  throw new Error('thrown by the test');
}

test('the end of a turn in which a message is sent', async (t) => {
  const rig = new Rig(t);
  const origin = rig.open('a');
  const other = rig.open('b');
  const client = rig.ask('/1/a/xhr');
  client.onBytes = defect;
  origin.requester.onResponseMessage(Buffer.from('x'), true, false);
  other.requester.onResponseMessage(Buffer.from('y'), true, false);
  await turn();
  assert.deepEqual(origin.events, ['HF_INTERNAL']);
  assert.equal(rig.counters.faults, 1);
  const next = rig.ask('/1/b/xhr');
  await turn();
  assert.equal(next.body, 'a["y"]\n');
});

test('the heartbeat of a session, after 25 s', (t) => {
  const advance = manualClock(t);
  const rig = new Rig(t);
  const [faulty] = ['a', 'b'].map((id) => rig.open(id));
  const [client, other] = ['a', 'b'].map((id) => rig.ask(`/1/${id}/xhr`));
  if (client !== undefined) client.onBytes = defect;
  advance(25);
  assert.deepEqual(faulty?.events, ['HF_INTERNAL']);
  assert.equal(rig.counters.faults, 1);
  assert.deepEqual(other?.response, [200, 'h\n']);
  assert.equal(rig.counters.sockJsSessionsOpen, 1);
});

test('the end of a session whose client sends no request for 5 s', (t) => {
  const advance = manualClock(t);
  const rig = new Rig(t);
  const faulty = rig.open('a');
  const other = rig.open('b');
  faulty.onRequestError = defect;
  advance(5);
  assert.equal(rig.counters.faults, 1);
  assert.deepEqual(other.events, ['HF_CLIENT_GONE']);
  assert.equal(rig.counters.sockJsSessionsOpen, 0);
});

test('the heartbeat of a WebSocket with frames, after 25 s', (t) => {
  const advance = manualClock(t);
  const rig = new Rig(t);
  const faulty = rig.openFramed('a');
  const other = rig.openFramed('b');
  faulty.client.onResponseMessage = defect;
  advance(25);
  assert.equal(faulty.client.failure(), 'HF_INTERNAL');
  assert.deepEqual(faulty.origin.events, ['HF_INTERNAL']);
  assert.equal(rig.counters.faults, 1);
  assert.deepEqual(other.client.events, ['text o', 'text h']);
  assert.deepEqual(other.origin.events, []);
  // It has no heartbeat any more.
  advance(25);
  assert.equal(rig.counters.faults, 1);
  assert.deepEqual(other.client.events, ['text o', 'text h', 'text h']);
});

test('the end of a turn in which a WebSocket with frames goes on with a long list', async (t) => {
  const rig = new Rig(t);
  const faulty = rig.openFramed('a');
  const other = rig.openFramed('b');
  const list = JSON.stringify(Array.from({ length: 400 }, () => ''));
  for (const { client } of [faulty, other]) client.message(list);
  assert.ok(faulty.origin.events.length < 400, 'the rest waits for the next turn');
  faulty.origin.onRequestMessage = defect;
  while (other.origin.events.length < 400) await turn();
  assert.equal(faulty.client.failure(), 'HF_INTERNAL');
  assert.equal(faulty.origin.events.at(-1), 'HF_INTERNAL');
  assert.equal(rig.counters.faults, 1);
  assert.equal(other.client.error, null);
  assert.equal(other.origin.events.length, 400);
});
