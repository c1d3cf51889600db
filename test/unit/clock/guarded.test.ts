import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import {
  type AtTurnEnd,
  attempt,
  fault,
  guarded,
  onUnhandledFault,
  Ticker,
  TurnQueue,
} from '../../../src/clock/index.ts';

const defect = new Error('a defect');

class Waiting implements AtTurnEnd {
  called = 0;
  readonly faults: unknown[] = [];
  readonly #throws: boolean;

  constructor(throws = false) {
    this.#throws = throws;
  }

  onTurnEnd(): void {
    this.called++;
    if (this.#throws) throw defect;
  }

  onFault(thrown: unknown): void {
    this.faults.push(thrown);
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

afterEach(() => {
  onUnhandledFault((thrown) => {
    throw thrown;
  });
});

test('an attempt passes its arguments, and its owner handles what it throws', () => {
  const owner = new Waiting();
  const calls: unknown[] = [];
  attempt(
    owner,
    (of, text: string, count: number) => {
      calls.push(of, text, count);
      throw defect;
    },
    'x',
    2,
  );
  assert.deepEqual(calls, [owner, 'x', 2]);
  assert.deepEqual(owner.faults, [defect]);
});

test('what a guarded callback throws goes to its owner, and not to the caller', () => {
  const owner = new Waiting();
  guarded(owner, (text: string) => {
    throw new Error(text);
  })('broken');
  assert.deepEqual(
    owner.faults.map((thrown) => (thrown as Error).message),
    ['broken'],
  );
});

test('an owner that throws in onFault is reported with both exceptions', () => {
  const reported: unknown[] = [];
  const second = new Error('a second one');
  onUnhandledFault((thrown) => reported.push(thrown));
  const owner = {
    onFault: () => {
      throw second;
    },
  };
  fault(owner, defect);
  assert.deepEqual(reported, [defect, second]);
});

test('callbacks after one that throws are still called at the end of the turn', async () => {
  const queue = new TurnQueue();
  const [before, broken, behind] = [new Waiting(), new Waiting(true), new Waiting()];
  for (const waiting of [before, broken, behind]) queue.add(waiting);
  await nextTurn();
  assert.deepEqual([before.called, broken.called, behind.called], [1, 1, 1]);
  assert.deepEqual(broken.faults, [defect]);
});

test('a callback that is added while a turn ends is called at the end of the next one', async () => {
  const queue = new TurnQueue();
  const late = new Waiting();
  const first: AtTurnEnd = { onTurnEnd: () => queue.add(late), onFault: assert.fail };
  queue.add(first);
  await nextTurn();
  assert.equal(late.called, 0);
  await nextTurn();
  assert.equal(late.called, 1);
});

test('a ticker continues after its callback has thrown', async () => {
  const owner = new Waiting();
  const second = new EventTarget();
  let ticks = 0;
  const ticker = new Ticker(1, owner, () => {
    ticks++;
    if (ticks === 1) throw defect;
    second.dispatchEvent(new Event('tick'));
  });
  // The ticker keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  await once(second, 'tick');
  clearInterval(alive);
  ticker.stop();
  assert.deepEqual(owner.faults, [defect]);
});
