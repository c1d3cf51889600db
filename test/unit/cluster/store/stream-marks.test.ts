import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import { StreamMarks } from '../../../../src/cluster/store/stream-marks.ts';
import { Subjects } from '../../../../src/cluster/subjects.ts';
import { FakeBroker } from '../../../support/cluster/fake-broker.ts';
import { manualClock, turn } from '../../../support/manual-clock.ts';

/** @param mayFail whether a fault is not a failure of the test */
function rigOf(t: TestContext, mayFail = false) {
  const advance = manualClock(t);
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const broker = new FakeBroker();
  const came: number[] = [];
  const faults: unknown[] = [];
  const owner = { onFault: (thrown: unknown): void => void faults.push(thrown) };
  t.after(() => faults.length > 0 && !mayFail && assert.fail(String(faults[0])));
  const means = { broker: broker.asBroker, subjects: new Subjects('p'), wheel, owner };
  const marks = new StreamMarks(means, (number) => came.push(number));
  return {
    advance,
    broker,
    marks,
    came,
    faults,
    back: (index: number, number: number): void =>
      broker.send(broker.subscribed[0] ?? '', broker.published[index]?.text ?? '', {
        'Nats-Sequence': String(number),
      }),
  };
}

test('those who ask in one turn wait for one mark, which comes back with a number', async (t) => {
  const { marks, broker, came, back } = rigOf(t);
  const told: number[] = [];
  marks.mark((number) => told.push(number));
  marks.mark((number) => told.push(number));
  await turn();
  assert.equal(broker.published.length, 1);
  assert.equal(broker.published[0]?.subject, marks.subject);
  marks.mark((number) => told.push(number));
  await turn();
  back(0, 7);
  assert.deepEqual(told, [7, 7]);
  back(1, 9);
  assert.deepEqual(told, [7, 7, 9]);
  assert.deepEqual(came, [7, 9]);
});

test('a mark that does not come back is made again, and stands for all before it', async (t) => {
  const { marks, broker, advance, back } = rigOf(t);
  const told: number[] = [];
  marks.mark((number) => told.push(number));
  await turn();
  marks.mark((number) => told.push(-number));
  await turn();
  advance(2);
  assert.equal(broker.published.length, 3);
  back(2, 4);
  assert.deepEqual(told, [4, -4]);
  advance(10);
  assert.equal(broker.published.length, 3);
  marks.again();
  assert.equal(broker.published.length, 3);
});

test('the marks of other nodes on the same subject, and what has no number, are ignored', async (t) => {
  const { marks, broker, came } = rigOf(t);
  let told = 0;
  marks.mark(() => told++);
  await turn();
  const [subject = ''] = broker.subscribed;
  broker.send(subject, 'another 9', { 'Nats-Sequence': '3' });
  broker.send(subject, broker.published[0]?.text ?? '');
  assert.deepEqual([told, came], [0, []]);
});

test('while the broker is away all wait for one mark', async (t) => {
  const { marks, broker, back } = rigOf(t);
  const told: number[] = [];
  broker.up = false;
  for (let turns = 0; turns < 3; turns++) {
    marks.mark((number) => told.push(number));
    await turn();
  }
  broker.up = true;
  marks.again();
  assert.match(broker.published[0]?.text ?? '', / 1$/);
  back(0, 7);
  assert.deepEqual(told, [7, 7, 7]);
});

test('a caller that throws when a mark comes back does not keep others from hearing of it', async (t) => {
  const { marks, back, faults } = rigOf(t, true);
  const told: number[] = [];
  marks.mark(() => {
    throw new Error('no');
  });
  marks.mark((number) => told.push(number));
  await turn();
  back(0, 7);
  assert.deepEqual([told, faults], [[7], [new Error('no')]]);
});
