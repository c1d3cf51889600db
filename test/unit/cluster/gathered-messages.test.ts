import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { GatheredMessages } from '../../../src/cluster/gathered-messages.ts';

/** Messages that are gathered, by a clock that the test moves. */
function gathering(t: TestContext) {
  let now = 1_000;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const sent: string[] = [];
  const faults: unknown[] = [];
  let breaks = false;
  const gathered = new GatheredMessages(
    (subject, data) => {
      if (breaks) throw new Error('not sent');
      sent.push(`${subject} ${data}`);
    },
    { onFault: (thrown) => faults.push(thrown) },
  );
  return {
    gathered,
    sent,
    faults,
    add: (...texts: string[]) => {
      for (const text of texts) gathered.add('a', Buffer.from(text));
    },
    pass: (ms: number) => {
      now += ms;
      t.mock.timers.tick(ms);
    },
    breakSending: () => {
      breaks = true;
    },
  };
}

test('messages of a turn leave at its end, in their order', async (t) => {
  const { add, sent } = gathering(t);
  add('1', '2');
  add('3');
  assert.deepEqual(sent, []);
  await setImmediate();
  assert.deepEqual(sent, ['a 1', 'a 2', 'a 3']);
});

test('messages just behind others wait for a millisecond and leave together, and later ones at once again', async (t) => {
  const { add, sent, pass } = gathering(t);
  for (let round = 0; round < 3; round++) {
    sent.length = 0;
    add('1');
    await setImmediate();
    add('2');
    await setImmediate();
    add('3');
    await setImmediate();
    assert.deepEqual(sent, ['a 1']);
    pass(1);
    assert.deepEqual(sent, ['a 1', 'a 2', 'a 3']);
    pass(1);
  }
});

test('all of them leave before something that must not overtake them', async (t) => {
  const { add, sent, gathered, pass } = gathering(t);
  add('1');
  gathered.flush();
  assert.deepEqual(sent, ['a 1']);
  await setImmediate();
  add('2');
  await setImmediate();
  gathered.flush();
  add('3');
  await setImmediate();
  assert.deepEqual(sent, ['a 1', 'a 2']);
  pass(1);
  assert.deepEqual(sent, ['a 1', 'a 2', 'a 3']);
});

test('what waits when the connection is lost is forgotten', async (t) => {
  const { add, sent, gathered, pass } = gathering(t);
  add('1');
  await setImmediate();
  add('2');
  await setImmediate();
  gathered.clear();
  pass(1);
  add('3');
  await setImmediate();
  assert.deepEqual(sent, ['a 1', 'a 3']);
});

test('exceptions of the connection go to the owner', async (t) => {
  const { add, faults, breakSending, pass } = gathering(t);
  add('1');
  await setImmediate();
  breakSending();
  add('2');
  await setImmediate();
  pass(1);
  pass(1);
  add('3');
  await setImmediate();
  assert.deepEqual(
    faults.map((each) => (each as Error).message),
    ['not sent', 'not sent'],
  );
});

test('a message that the connection refuses is reported, and the others leave', (t) => {
  const sent: string[] = [];
  const faults: unknown[] = [];
  const publish = (_: string, data: Uint8Array): void => {
    if (String(data) === 'large') throw new Error('max_payload');
    sent.push(String(data));
  };
  const gathered = new GatheredMessages(publish, { onFault: (thrown) => faults.push(thrown) });
  t.after(() => gathered.clear());
  for (const text of ['1', 'large', '2']) gathered.add('a', Buffer.from(text));
  gathered.flush();
  assert.deepEqual(sent, ['1', '2']);
  assert.deepEqual(faults.map(String), ['Error: max_payload']);
});
