import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnQueue } from '../../../src/clock/index.ts';
import { Intake, MAX_UNDELIVERED, type Publication, TURN_BYTES } from '../../../src/hub/intake.ts';
import { turn } from './support.ts';

class FakePublication implements Publication {
  readonly bytes: number;
  turns = 0;
  faults = 0;
  onCall: () => void = () => {};

  constructor(bytes = 100) {
    this.bytes = bytes;
  }

  /** How many more turns of the event loop it needs. */
  more = 0;

  onTurn(): boolean {
    this.turns++;
    this.onCall();
    return this.more-- === 0;
  }

  onFault(): void {
    this.faults++;
  }
}

class IntakeRig {
  undelivered = 0;
  readonly intake = new Intake(
    new TurnQueue(),
    () => this.undelivered,
    (thrown) => assert.fail(thrown as Error),
  );

  request(bytes?: number): FakePublication {
    const publication = new FakePublication(bytes);
    this.intake.request(publication);
    return publication;
  }
}

test('a publisher has its turn at once while the hub keeps up', () => {
  assert.equal(new IntakeRig().request().turns, 1);
});

test('publishers wait in order while too much is undelivered', async () => {
  const rig = new IntakeRig();
  rig.undelivered = MAX_UNDELIVERED;
  const [first, second, third] = [rig.request(), rig.request(), rig.request()];
  await turn();
  rig.intake.pump();
  assert.deepEqual([first.turns, rig.intake.waiting], [0, 3]);
  rig.undelivered--;
  first.onCall = () => {
    rig.undelivered += 100;
  };
  rig.intake.pump();
  assert.deepEqual([first.turns, second.turns, rig.intake.waiting], [1, 0, 2]);
  rig.intake.cancel(second);
  rig.undelivered = 0;
  const late = rig.request();
  assert.equal(late.turns, 0, 'it does not overtake');
  rig.intake.pump();
  assert.deepEqual([second.turns, third.turns, late.turns], [0, 1, 1]);
});

test('one turn of the event loop takes a bounded number of bytes', async () => {
  const rig = new IntakeRig();
  const all = Array.from({ length: 9 }, () => rig.request(TURN_BYTES / 4));
  const taken = (): number => all.reduce((sum, { turns }) => sum + turns, 0);
  assert.equal(taken(), 3);
  await turn();
  assert.equal(taken(), 6);
  await turn();
  await turn();
  assert.equal(taken(), 9);
  const large = rig.request(TURN_BYTES * 4);
  await turn();
  await turn();
  assert.equal(large.turns, 1, 'a larger one is taken alone');
});

test('a publisher that throws at its turn does not affect others', async () => {
  const rig = new IntakeRig();
  rig.undelivered = MAX_UNDELIVERED;
  const [failing, other] = [rig.request(), rig.request()];
  failing.onCall = () => {
    throw new Error('thrown by the test');
  };
  rig.undelivered = 0;
  rig.intake.pump();
  assert.deepEqual([failing.faults, other.turns], [1, 1]);
  await turn();
});

test('a publisher that is not done goes on in the next turns, one call in each, and others wait for it', async () => {
  const rig = new IntakeRig();
  const long = new FakePublication();
  long.more = 3;
  rig.intake.request(long);
  const next = rig.request();
  const left = new FakePublication();
  left.more = 9;
  rig.intake.request(left);
  for (const turns of [1, 2, 3]) {
    rig.intake.pump();
    assert.deepEqual([long.turns, next.turns, left.turns], [turns, 0, 0]);
    await turn();
  }
  assert.deepEqual([long.turns, next.turns, left.turns], [4, 1, 1]);
  // It leaves before it is done.
  rig.intake.cancel(left);
  const last = rig.request();
  await turn();
  await turn();
  assert.deepEqual([left.turns, last.turns], [1, 1]);
});

test('publishers that are held wait, however little is undelivered, until they are released', async () => {
  const rig = new IntakeRig();
  rig.intake.hold();
  const [first, second] = [rig.request(), rig.request()];
  rig.intake.pump();
  await turn();
  assert.deepEqual([first.turns, second.turns, rig.intake.waiting], [0, 0, 2]);
  rig.intake.release();
  assert.deepEqual([first.turns, second.turns, rig.intake.waiting], [1, 1, 0]);
});

test('no publisher comes between the turns of one that is not done, though there is room within its turn', async () => {
  const rig = new IntakeRig();
  const order: string[] = [];
  const [first, second] = ['first', 'second'].map((name) => {
    const publication = new FakePublication();
    publication.more = 2;
    publication.onCall = () => {
      order.push(name);
      rig.intake.pump();
    };
    rig.intake.request(publication);
    return publication;
  });
  const third = rig.request();
  for (let turns = 0; turns < 8; turns++) await turn();
  assert.deepEqual(order, ['first', 'first', 'first', 'second', 'second', 'second']);
  assert.deepEqual([first?.turns, second?.turns, third.turns, rig.intake.idle], [3, 3, 1, true]);
});

test('a publisher that asks within the turn of another waits for it, and one that leaves within its turn is called no more', async () => {
  const rig = new IntakeRig();
  const [leaving, next] = [new FakePublication(), new FakePublication()];
  leaving.more = 9;
  leaving.onCall = () => {
    rig.intake.request(next);
    assert.equal(next.turns, 0);
    rig.intake.cancel(leaving);
  };
  rig.intake.request(leaving);
  for (let turns = 0; turns < 4; turns++) await turn();
  assert.deepEqual([leaving.turns, next.turns, rig.intake.idle], [1, 1, true]);
});
