import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_ANSWER_BYTES, MAX_QUESTIONS } from '../../../src/cluster/node-calls.ts';
import { busNode } from '../../support/cluster/bus-node.ts';
import { NodeBus } from '../../support/cluster/node-bus.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';

/** Takes any answer. */
const asIs = (value: unknown): unknown => value;

/** Three nodes that know each other. */
function three(pass: (seconds: number) => void) {
  const bus = new NodeBus();
  const nodes = { a: busNode(bus, 'a'), b: busNode(bus, 'b'), c: busNode(bus, 'c') };
  pass(1);
  return { bus, ...nodes };
}

test('all other nodes answer a question', async (t) => {
  const { a, b, c } = three(manualClock(t));
  b.calls.handle('sum', (input) => ({ b: input }));
  c.calls.handle('sum', async (input) => ({ c: input }));
  a.calls.handle('sum', () => assert.fail('a node does not ask itself'));
  const { values, missing } = await a.calls.ask('sum', [1, 2], asIs);
  assert.deepEqual(values.length, 2);
  assert.deepEqual(Object.assign({}, ...(values as object[])), { b: [1, 2], c: [1, 2] });
  assert.deepEqual(missing, []);
  assert.deepEqual([a.counters.questions, a.counters.answersMissing], [1, 0]);
});

test('one node is asked alone', async (t) => {
  const { a, b, c } = three(manualClock(t));
  b.calls.handle('who', () => 'b');
  c.calls.handle('who', () => assert.fail('it is not asked'));
  assert.deepEqual(await a.calls.ask('who', null, asIs, 'b'), { values: ['b'], missing: [] });
  assert.deepEqual(await a.calls.ask('who', null, asIs, 'unknown'), { values: [], missing: [] });
});

test('without other nodes the answer is empty, at once', async (t) => {
  manualClock(t);
  const { calls } = busNode(new NodeBus(), 'a');
  assert.deepEqual(await calls.ask('who', null, asIs), { values: [], missing: [] });
});

test('a node that does not answer within 2 s is missing', async (t) => {
  const pass = manualClock(t);
  const { a, b, c } = three(pass);
  b.calls.handle('who', () => 'b');
  let answerLate = (_value: string): void => {};
  c.calls.handle('who', () => new Promise((resolve) => (answerLate = resolve)));
  const asked = a.calls.ask('who', null, asIs);
  await turn();
  pass(2.1);
  assert.deepEqual(await asked, { values: ['b'], missing: ['c'] });
  assert.equal(a.counters.answersMissing, 1);
  // Nobody waits for it any more.
  answerLate('c');
  await turn();
  assert.equal(a.counters.messagesInvalid, 0);
});

test('a node that goes meanwhile is missing at once', async (t) => {
  const { a, b, c } = three(manualClock(t));
  b.calls.handle('who', () => 'b');
  c.calls.handle('who', () => new Promise(() => {}));
  const asked = a.calls.ask('who', null, asIs);
  await turn();
  c.registry.stop();
  assert.deepEqual(await asked, { values: ['b'], missing: ['c'] });
});

test('a node that does not know a question says so', async (t) => {
  const { a, b } = three(manualClock(t));
  b.calls.handle('new question', () => 'b');
  assert.deepEqual(await a.calls.ask('new question', null, asIs), { values: ['b'], missing: ['c'] });
  assert.deepEqual(a.log.of('no answer of nodes')[0], {
    nodes: 'c',
    about: 'new question',
    reason: 'it does not understand the question',
  });
});

test('a node that does not understand what comes with a question says so', async (t) => {
  const { a, b, c } = three(manualClock(t));
  b.calls.handle('sum', () => undefined);
  c.calls.handle('sum', () => 'c');
  assert.deepEqual(await a.calls.ask('sum', null, asIs), { values: ['c'], missing: ['b'] });
});

test('a node whose answer is not understood is missing', async (t) => {
  const { a, b, c } = three(manualClock(t));
  b.calls.handle('sum', () => 1);
  c.calls.handle('sum', () => 'much');
  const read = (value: unknown): number | null => (typeof value === 'number' ? value : null);
  assert.deepEqual(await a.calls.ask('sum', null, read), { values: [1], missing: ['c'] });
  assert.deepEqual(a.log.of('no answer of nodes')[0]?.reason, 'its answer is not understood');
});

test('a node that fails says so, and counts a fault', async (t) => {
  const { a, b, c } = three(manualClock(t));
  b.calls.handle('who', () => {
    throw new Error('a defect');
  });
  c.calls.handle('who', () => 'c');
  assert.deepEqual(await a.calls.ask('who', null, asIs), { values: ['c'], missing: ['b'] });
  assert.equal(b.counters.faults, 1);
});

test('a node of a protocol that is not understood is missing, and is not waited for', async (t) => {
  manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  const other = { protocol: 9, oldest: 9, id: 'x', name: 'later', version: '9', started: 1, leaves: false };
  bus.pass(null, 't.n.heartbeat', Buffer.from(JSON.stringify(other)));
  assert.deepEqual(await a.calls.ask('who', null, asIs), { values: [], missing: ['later'] });
});

test('while the broker is away all other nodes are missing', async (t) => {
  const { a } = three(manualClock(t));
  a.broker.isThere = false;
  assert.deepEqual(await a.calls.ask('who', null, asIs), { values: [], missing: ['b', 'c'] });
});

test('an answer of more than half of what the broker takes is refused, and so is such a question', async (t) => {
  const { bus, a, b, c } = three(manualClock(t));
  bus.maxPayload = 4_096;
  b.calls.handle('list', () => 'x'.repeat(2_100));
  c.calls.handle('list', () => 'x'.repeat(1_900));
  assert.deepEqual(await a.calls.ask('list', null, asIs), { values: ['x'.repeat(1_900)], missing: ['b'] });
  assert.deepEqual(await a.calls.ask('list', 'x'.repeat(2_100), asIs), { values: [], missing: ['b', 'c'] });
});

test('a notification is not answered', async (t) => {
  const { a, b, c } = three(manualClock(t));
  const told: unknown[] = [];
  b.calls.handle('note', (input) => told.push(input));
  a.calls.notify('note', { some: 'thing' });
  await turn();
  assert.deepEqual(told, [{ some: 'thing' }]);
  const answers = [...b.broker.sent, ...c.broker.sent].filter(({ subject }) => subject.includes('answer'));
  assert.deepEqual(answers, []);
});

test('questions beyond the bound are not asked', async (t) => {
  const { a, b, c } = three(manualClock(t));
  for (const { calls } of [b, c]) calls.handle('who', () => new Promise(() => {}));
  for (let i = 0; i < MAX_QUESTIONS; i++) void a.calls.ask('who', null, asIs);
  assert.deepEqual(await a.calls.ask('who', null, asIs), { values: [], missing: ['b', 'c'] });
  assert.equal(a.counters.questions, MAX_QUESTIONS);
});

test('a node that answers as many questions as it may refuses further ones', async (t) => {
  const { bus, a, b } = three(manualClock(t));
  b.calls.handle('who', () => new Promise(() => {}));
  b.calls.handle('other', () => 'b');
  const ask = (about: string, number: number): void => {
    bus.pass(null, 't.n.ask.b', Buffer.from(JSON.stringify({ from: 'z', number, about, input: null })));
  };
  for (let i = 0; i < MAX_QUESTIONS; i++) ask('who', i + 1);
  assert.deepEqual(await a.calls.ask('other', null, asIs, 'b'), { values: [], missing: ['b'] });
  assert.deepEqual(a.log.of('no answer of nodes')[0]?.reason, 'it has too many questions');
});

test('answers that wait for others are bounded in bytes', async (t) => {
  const pass = manualClock(t);
  const { bus, a, b, c } = three(pass);
  bus.maxPayload = 2 * (MAX_ANSWER_BYTES / 4) + 1_000;
  b.calls.handle('list', () => 'x'.repeat(MAX_ANSWER_BYTES / 4));
  c.calls.handle('list', () => new Promise(() => {}));
  const asked = Array.from({ length: 4 }, () => a.calls.ask('list', null, asIs));
  await turn();
  pass(2.1);
  const answers = await Promise.all(asked);
  assert.deepEqual(
    answers.map(({ values, missing }) => [values.length, missing]),
    [
      [1, ['c']],
      [1, ['c']],
      [1, ['c']],
      [0, ['b', 'c']],
    ],
  );
  // They are free again.
  const again = a.calls.ask('list', null, asIs, 'b');
  assert.equal((await again).values.length, 1);
});

for (const message of [
  '',
  'x',
  '[]',
  '{}',
  '{"from":"a.b","number":1,"about":"x"}',
  '{"from":"z","number":-1,"about":"x"}',
]) {
  test(`a question or answer ${JSON.stringify(message)} is counted and ignored`, (t) => {
    manualClock(t);
    const bus = new NodeBus();
    const a = busNode(bus, 'a');
    for (const subject of ['all', 'ask.a', 'answer.a']) bus.pass(null, `t.n.${subject}`, Buffer.from(message));
    assert.equal(a.counters.messagesInvalid, 3);
  });
}

test('an answer of a node that was not asked is ignored', async (t) => {
  const { bus, a, b, c } = three(manualClock(t));
  b.calls.handle('who', () => 'b');
  c.calls.handle('who', () => 'c');
  const asked = a.calls.ask('who', null, asIs);
  for (const number of [1, 2]) {
    bus.pass(null, 't.n.answer.a', Buffer.from(JSON.stringify({ from: 'z', number, refused: null, value: 'z' })));
  }
  assert.deepEqual((await asked).values, ['b', 'c']);
});

test('a node that stops ends its questions', async (t) => {
  const { a, b } = three(manualClock(t));
  b.calls.handle('who', () => new Promise(() => {}));
  const asked = a.calls.ask('who', null, asIs, 'b');
  a.calls.stop();
  assert.deepEqual(await asked, { values: [], missing: ['b'] });
});
