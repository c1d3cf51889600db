import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientGiverMessage, MovedClient, MovingOrder } from '../../../src/app/upgrade/upgrade-messages.ts';
import { WorkerGiver } from '../../../src/app/upgrade/worker-giver.ts';

/** The giver of a worker that the test plays. */
class WorkerRig {
  readonly orders: MovingOrder[] = [];
  readonly marks: number[] = [];
  readonly sent: ClientGiverMessage[] = [];
  closed = 0;
  readonly giver = new WorkerGiver(
    { order: (order) => this.orders.push(order), mark: (mark) => this.marks.push(mark) },
    (message, _handle, onSent) => {
      this.sent.push(message);
      onSent?.();
    },
  );

  get handle() {
    return { close: () => this.closed++ };
  }

  /** The worker has sent a handle, and says so. */
  async offer(batch = 1): Promise<number> {
    const offered = this.giver.offer(batch);
    this.giver.onReport({ kind: 'client', batch, id: 'x' }, this.handle);
    this.giver.onReport({ kind: 'offered', batch, count: 1 }, undefined);
    return offered;
  }

  describe(): void {
    const clients = [{ id: 'x', state: {} }] as unknown as MovedClient[];
    this.giver.onReport({ kind: 'batch', batch: 1, clients, lastIds: [] }, undefined);
  }

  get kinds(): string[] {
    return this.sent.map(({ kind }) => kind);
  }
}

const TAKEN = { kind: 'taken', batch: 1, refused: [] } as const;
const NOTHING = { kind: 'batch', batch: 1, clients: [], lastIds: [] } as const;

test('what a worker says passes, and sockets are closed here once they have been passed on', async () => {
  const rig = new WorkerRig();
  const looked = rig.giver.look();
  rig.giver.onReport({ kind: 'looked', movable: 1, open: 2 }, undefined);
  assert.deepEqual(await looked, { movable: 1, open: 2 });
  assert.equal(await rig.offer(), 1);
  assert.equal(rig.closed, 1);
  rig.giver.onMark(1);
  assert.deepEqual(rig.marks, [1]);
  rig.describe();
  rig.giver.onTaken(TAKEN);
  rig.giver.onReport({ kind: 'go', batch: 1, moved: 1 }, undefined);
  assert.deepEqual(rig.kinds, ['client', 'batch', 'go']);
  assert.deepEqual(
    rig.orders.map(({ kind }) => kind),
    ['look', 'offer', 'taken'],
  );
});

test('a worker that dies before its clients are described loses them, and its batch takes its way', async () => {
  const rig = new WorkerRig();
  const offered = rig.giver.offer(1);
  rig.giver.onReport({ kind: 'client', batch: 1, id: 'x' }, rig.handle);
  rig.giver.onEnded();
  assert.equal(await offered, 1);
  rig.giver.onMark(1);
  assert.deepEqual(rig.sent.at(-1), NOTHING);
  rig.giver.onTaken(TAKEN);
  assert.deepEqual(rig.sent.at(-1), { kind: 'go', batch: 1, moved: 0 });
  assert.deepEqual(await rig.giver.look(), { movable: 0, open: 0 });
  assert.equal(await rig.giver.offer(2), 0);
});

test('a worker that dies after the mark has nobody described, whatever comes of it later', async () => {
  const rig = new WorkerRig();
  await rig.offer();
  rig.giver.onMark(1);
  rig.giver.onEnded();
  assert.deepEqual(rig.sent.at(-1), NOTHING);
  rig.describe();
  rig.giver.onReport({ kind: 'client', batch: 1, id: 'late' }, rig.handle);
  assert.equal(rig.closed, 2);
  assert.deepEqual(rig.kinds, ['client', 'batch']);
});

test('clients that were described live on in the new process when their worker dies', async () => {
  for (const first of ['taken', 'ended']) {
    const rig = new WorkerRig();
    await rig.offer();
    rig.giver.onMark(1);
    rig.describe();
    if (first === 'ended') rig.giver.onEnded();
    rig.giver.onTaken(TAKEN);
    if (first === 'taken') rig.giver.onEnded();
    assert.deepEqual(rig.sent.at(-1), { kind: 'go', batch: 1, moved: 1 });
    rig.giver.onReport({ kind: 'go', batch: 1, moved: 1 }, undefined);
    assert.deepEqual(rig.kinds, ['client', 'batch', 'go']);
  }
});

test('when the upgrade is given up, nobody waits for the worker any more', async () => {
  const rig = new WorkerRig();
  const looked = rig.giver.look();
  rig.giver.keep();
  assert.deepEqual(await looked, { movable: 0, open: 0 });
  const offered = rig.giver.offer(1);
  rig.giver.keep();
  assert.equal(await offered, 0);
  rig.giver.onReport({ kind: 'client', batch: 1, id: 'x' }, rig.handle);
  assert.deepEqual([rig.closed, rig.sent.length], [1, 0]);
});
