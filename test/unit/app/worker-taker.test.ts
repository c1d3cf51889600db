import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientGiverMessage, ClientTakerMessage } from '../../../src/app/upgrade/upgrade-messages.ts';
import { WorkerTaker } from '../../../src/app/upgrade/worker-taker.ts';

/** A taker with workers that the test plays. */
class WorkersRig {
  serving = ['a', 'b'];
  takesAll = false;
  /** What workers were told: `WORKER KIND`. */
  readonly told: string[] = [];
  readonly sent: ClientTakerMessage[] = [];
  closed = 0;
  readonly taker: WorkerTaker;

  constructor() {
    const rig = this;
    this.taker = new WorkerTaker(
      {
        get serving() {
          return rig.serving;
        },
        worker: (name) => ({
          order: ({ kind }, _handle, onSent) => {
            this.told.push(`${name} ${kind}`);
            onSent?.();
          },
          mark: (mark) => this.told.push(`${name} mark ${mark}`),
        }),
        takeAll: (takesAll) => {
          this.takesAll = takesAll;
        },
      },
      (message) => this.sent.push(message),
    );
  }

  client(batch: number): void {
    this.#give({ kind: 'client', batch, id: 'x' });
  }

  batch(batch: number): void {
    this.taker.onMessage({ kind: 'batch', batch, clients: [], lastIds: [] }, undefined);
  }

  go(batch: number): void {
    this.taker.onMessage({ kind: 'go', batch, moved: 1 }, undefined);
  }

  #give(message: ClientGiverMessage): void {
    this.taker.onMessage(message, { close: () => this.closed++ });
  }
}

function taken(batch: number, refused: readonly string[] | null = []): ClientTakerMessage {
  return { kind: 'taken', batch, refused };
}

test('each batch goes to another worker with its mark, whichever comes first, and sockets are closed here', () => {
  const rig = new WorkersRig();
  assert.equal(rig.takesAll, true);
  rig.client(1);
  rig.taker.onMark(1);
  rig.batch(1);
  rig.taker.onTaken('a', taken(1));
  rig.go(1);
  rig.taker.onMark(2);
  rig.client(2);
  rig.batch(2);
  const first = ['a client', 'a mark 1', 'a batch', 'a go'];
  assert.deepEqual(rig.told, [...first, 'b mark 2', 'b client', 'b batch']);
  assert.deepEqual(rig.sent, [taken(1)]);
  assert.equal(rig.closed, 2);
});

test('a batch whose worker dies before it has taken it is refused as a whole, and the next one goes to another', () => {
  for (const first of ['ended', 'batch']) {
    const rig = new WorkersRig();
    rig.client(1);
    rig.serving = ['b'];
    if (first === 'ended') rig.taker.onEnded('a');
    rig.batch(1);
    if (first === 'batch') rig.taker.onEnded('a');
    assert.deepEqual(rig.sent, [taken(1, null)]);
    rig.taker.onTaken('a', taken(1));
    assert.equal(rig.sent.length, 1);
    rig.go(1);
    // Nobody has it: no other worker may wait for what comes after it.
    rig.taker.onMark(1);
    rig.client(2);
    assert.deepEqual(
      rig.told.filter((each) => each.startsWith('b')),
      ['b client'],
    );
  }
});

test('a worker that dies after it has taken a batch takes it along', () => {
  const rig = new WorkersRig();
  rig.client(1);
  rig.batch(1);
  rig.taker.onTaken('a', taken(1));
  rig.taker.onEnded('a');
  rig.go(1);
  assert.deepEqual(rig.sent, [taken(1)]);
});

test('without workers a batch is refused as a whole', () => {
  const rig = new WorkersRig();
  rig.serving = [];
  rig.client(1);
  rig.taker.onMark(1);
  rig.batch(1);
  assert.deepEqual([rig.sent, rig.told, rig.closed], [[taken(1, null)], [], 1]);
});

test('the worker of a batch hears that the old process has ended, and all hear that no further clients come', () => {
  const rig = new WorkersRig();
  rig.client(1);
  rig.taker.onGiverGone();
  rig.taker.end();
  assert.deepEqual(rig.told, ['a client', 'a orphaned', 'a end', 'b end']);
  assert.equal(rig.takesAll, false);
});
