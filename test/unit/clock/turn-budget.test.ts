import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type AwaitsTurn,
  FREE_INPUTS,
  LARGE_INPUT,
  SHARE,
  SMALL_SHARE,
  TURN_TIME,
  TurnBudget,
} from '../../../src/clock/index.ts';
import { chargeTime } from '../../support/charge-time.ts';
import { turn } from '../../support/manual-clock.ts';

/** Peers that take a third of a turn's time for each share. */
function slowPeers(t: TestContext, budget: TurnBudget, names: string) {
  const charge = chargeTime(t);
  const served: string[] = [];
  const faults: unknown[] = [];
  const peers = [...names].map((name) => ({
    onTurn(): void {
      served.push(name);
      charge(TURN_TIME / 3 + 0.001);
    },
    onFault: (thrown: unknown) => faults.push(thrown),
  })) satisfies AwaitsTurn[];
  for (const peer of peers) budget.wait(peer);
  return { charge, served, faults, peers };
}

/** As many inputs as are not counted. */
function freeInputs(budget: TurnBudget): void {
  for (let i = 1; i < FREE_INPUTS; i++) assert.equal(budget.share, SHARE);
}

test('a peer gets a whole share while there is time, then a small one until the next turn', async (t) => {
  const budget = new TurnBudget();
  const charge = chargeTime(t);
  freeInputs(budget);
  assert.equal(budget.share, SHARE);
  charge(TURN_TIME);
  assert.equal(budget.share, SMALL_SHARE);
  assert.equal(budget.share, SMALL_SHARE);
  await turn();
  assert.equal(budget.share, SHARE);
});

test('a peer with much input waits for its turn when the time is over', async (t) => {
  const budget = new TurnBudget();
  const charge = chargeTime(t);
  freeInputs(budget);
  assert.equal(budget.shareOf(LARGE_INPUT), SHARE);
  charge(TURN_TIME);
  assert.equal(budget.shareOf(LARGE_INPUT), 0);
  assert.equal(budget.shareOf(LARGE_INPUT - 1), SMALL_SHARE);
  await turn();
  assert.equal(budget.shareOf(LARGE_INPUT), SHARE);
});

test('few inputs are taken without a look at the time', async (t) => {
  const budget = new TurnBudget();
  const immediate = t.mock.method(globalThis, 'setImmediate');
  freeInputs(budget);
  assert.equal(immediate.mock.callCount(), 0);
  assert.equal(budget.share, SHARE);
  assert.equal(immediate.mock.callCount(), 1);
});

test('those who wait get one share each, in order, and as many in a turn as there is time for', async (t) => {
  const budget = new TurnBudget();
  const { served } = slowPeers(t, budget, 'abcde');
  assert.equal(served.join(''), '');
  await turn();
  assert.equal(served.join(''), 'abc');
  // What is read after them in the same turn.
  assert.equal(budget.share, SMALL_SHARE);
  await turn();
  assert.equal(served.join(''), 'abcde');
});

test('a peer that waits again comes after all that wait already', async (t) => {
  const budget = new TurnBudget();
  const { served, peers } = slowPeers(t, budget, 'abcd');
  const first = peers[0] as AwaitsTurn;
  const take = first.onTurn.bind(first);
  first.onTurn = () => {
    take();
    if (served.length < 2) budget.wait(first);
  };
  await turn();
  await turn();
  assert.equal(served.join(''), 'abcda');
});

test('a peer whose turn throws fails alone', async (t) => {
  const budget = new TurnBudget();
  const { served, faults, peers } = slowPeers(t, budget, 'ab');
  const thrown = new Error('broken');
  (peers[0] as AwaitsTurn).onTurn = () => {
    throw thrown;
  };
  await turn();
  assert.deepEqual(faults, [thrown]);
  assert.equal(served.join(''), 'b');
});
