import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnQueue } from '../../../src/clock/index.ts';
import { REPLAYS_AT_ONCE, type Replayable, ReplayPacer } from '../../../src/hub/replay-pacer.ts';
import { turn } from './support.ts';

class Held implements Replayable {
  readonly target: string;
  started = false;
  faults = 0;
  onStart: () => void = () => {};

  constructor(target = 'a') {
    this.target = target;
  }

  startReplay(): void {
    this.started = true;
    this.onStart();
  }

  onFault(): void {
    this.faults++;
  }
}

function newPacer(): ReplayPacer {
  return new ReplayPacer(new TurnQueue(), (thrown) => assert.fail(thrown as Error));
}

function started(holds: readonly Held[]): number {
  return holds.filter((hold) => hold.started).length;
}

test('at most 64 replays run at one target, and the others begin in order as these end', async () => {
  const pacer = newPacer();
  const holds = Array.from({ length: 200 }, () => new Held());
  for (const hold of holds) pacer.add(hold);
  assert.equal(started(holds), REPLAYS_AT_ONCE);
  await turn();
  assert.equal(started(holds), REPLAYS_AT_ONCE);
  pacer.done('a');
  pacer.done('a');
  assert.deepEqual(
    holds.map((hold) => hold.started),
    holds.map((_, index) => index < REPLAYS_AT_ONCE + 2),
  );
  for (let i = 0; i < 198; i++) pacer.done('a');
  await turn();
  for (let i = 0; i < 198; i++) await turn();
  assert.equal(started(holds), 200);
});

test('targets do not wait for each other', () => {
  const pacer = newPacer();
  for (let i = 0; i < 100; i++) pacer.add(new Held('a'));
  const other = new Held('b');
  pacer.add(other);
  assert.equal(other.started, true);
  assert.equal(pacer.size, 2);
});

test('a cancelled hold does not begin, and one that asks twice begins once', async () => {
  const pacer = newPacer();
  for (let i = 0; i < REPLAYS_AT_ONCE; i++) pacer.add(new Held());
  const [cancelled, twice] = [new Held(), new Held()];
  pacer.add(cancelled);
  pacer.add(twice);
  pacer.add(twice);
  pacer.cancel(cancelled);
  pacer.cancel(new Held('elsewhere'));
  let starts = 0;
  twice.onStart = () => starts++;
  for (let i = 0; i < REPLAYS_AT_ONCE; i++) pacer.done('a');
  await turn();
  assert.equal(cancelled.started, false);
  assert.equal(starts, 1);
});

test('replays that end at once do not all begin in one turn', async () => {
  const pacer = newPacer();
  const holds = Array.from({ length: 150 }, () => new Held());
  for (const hold of holds) hold.onStart = () => pacer.done('a');
  for (const hold of holds) pacer.add(hold);
  assert.equal(started(holds), 64);
  await turn();
  assert.equal(started(holds), 128);
  await turn();
  assert.equal(started(holds), 150);
  await turn();
  assert.equal(pacer.size, 0, 'nothing is left of the target');
});

test('a replay that throws as it begins affects only its own hold', () => {
  const pacer = newPacer();
  const [failing, other] = [new Held(), new Held()];
  failing.onStart = () => {
    throw new Error('thrown by the test');
  };
  pacer.add(failing);
  pacer.add(other);
  assert.equal(failing.faults, 1);
  assert.equal(other.started, true);
});
