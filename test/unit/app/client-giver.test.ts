import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientGiver, type GivenClients } from '../../../src/app/upgrade/client-giver.ts';
import type { ClientGiverMessage } from '../../../src/app/upgrade/upgrade-messages.ts';
import type { Connection, ConnectionState } from '../../../src/server/index.ts';

/** A connection that the test plays, and what has become of it. */
class FakeConnection {
  readonly handle = {};
  mayMove = true;
  /** Whether it can be suspended. */
  yields = true;
  fate: 'open' | 'suspended' | 'forgotten' = 'open';
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  suspend() {
    if (!this.yields) return null;
    this.fate = 'suspended';
    return {
      state: { kind: 'http1', stream: { responder: { channels: [this.#name] } } } as unknown as ConnectionState,
      resume: () => {
        this.fate = 'open';
      },
      forget: () => {
        this.fate = 'forgotten';
      },
    };
  }
}

/** A giver of connections, and what it has sent. */
class GiverRig {
  readonly connections: FakeConnection[];
  readonly sent: ClientGiverMessage[] = [];
  readonly giver: ClientGiver;
  readonly hub = {
    phase: 'still' as 'still' | 'moving' | 'adopting',
    shaped: 0,
    lastIdsOf: (names: Iterable<string>) => [...names].flatMap((name) => [name, `${name}!`]),
  };

  constructor(count: number) {
    this.connections = Array.from({ length: count }, (_, i) => new FakeConnection(`c${i}`));
    const clients = { hub: this.hub, connections: this.connections as unknown as Connection[] };
    this.giver = new ClientGiver(clients as unknown as GivenClients, (message, _handle, onSent) => {
      this.sent.push(message);
      if (onSent !== undefined) setImmediate(onSent);
    });
  }

  get fates(): string[] {
    return this.connections.map(({ fate }) => fate);
  }

  /** Offers a batch and reaches its mark. */
  async give(batch: number): Promise<number> {
    const count = await this.giver.offer(batch);
    this.giver.onMark(batch);
    return count;
  }
}

test('a batch has its handles sent, is described at its mark, and is forgotten when it is taken', async () => {
  const rig = new GiverRig(2);
  assert.deepEqual(await rig.giver.look(), { movable: 2, open: 2 });
  assert.equal(rig.hub.phase, 'moving');
  assert.equal(await rig.giver.offer(1), 2);
  assert.deepEqual(rig.sent, [
    { kind: 'client', batch: 1, id: '1-0' },
    { kind: 'client', batch: 1, id: '1-1' },
  ]);
  assert.deepEqual(rig.fates, ['open', 'open']);
  rig.giver.onMark(1);
  assert.deepEqual(rig.fates, ['suspended', 'suspended']);
  const described = rig.sent.at(-1) as ClientGiverMessage & { kind: 'batch' };
  assert.deepEqual(
    described.clients.map(({ id }) => id),
    ['1-0', '1-1'],
  );
  assert.deepEqual(described.lastIds, ['c0', 'c0!', 'c1', 'c1!']);
  rig.giver.onTaken({ kind: 'taken', batch: 1, refused: [] });
  assert.deepEqual(rig.fates, ['forgotten', 'forgotten']);
  assert.deepEqual(rig.sent.at(-1), { kind: 'go', batch: 1, moved: 2 });
});

test('at most 64 clients are a batch, and each is tried once after a look', async () => {
  const rig = new GiverRig(150);
  await rig.giver.look();
  assert.deepEqual([await rig.giver.offer(1), await rig.giver.offer(2), await rig.giver.offer(3)], [64, 64, 22]);
  assert.equal(await rig.giver.offer(4), 0);
});

test('clients that are refused go on, and are not tried again', async () => {
  const rig = new GiverRig(2);
  await rig.giver.look();
  await rig.give(1);
  rig.giver.onTaken({ kind: 'taken', batch: 1, refused: ['1-0'] });
  assert.deepEqual(rig.fates, ['open', 'forgotten']);
  assert.deepEqual(rig.sent.at(-1), { kind: 'go', batch: 1, moved: 1 });
  rig.connections.pop();
  assert.deepEqual(await rig.giver.look(), { movable: 0, open: 1 });
});

test('a batch that is taken by nobody at present goes on, and is tried again', async () => {
  const rig = new GiverRig(2);
  await rig.giver.look();
  await rig.give(1);
  rig.giver.onTaken({ kind: 'taken', batch: 1, refused: null });
  assert.deepEqual(rig.fates, ['open', 'open']);
  assert.deepEqual(rig.sent.at(-1), { kind: 'go', batch: 1, moved: 0 });
  assert.equal((await rig.giver.look()).movable, 2);
});

test('clients that cannot be suspended stay, as do all while deliveries wait for a rate', async () => {
  const rig = new GiverRig(2);
  (rig.connections[0] as FakeConnection).yields = false;
  await rig.giver.look();
  await rig.give(1);
  assert.deepEqual(rig.fates, ['open', 'suspended']);
  rig.giver.onTaken({ kind: 'taken', batch: 1, refused: [] });
  rig.hub.shaped = 1;
  await rig.giver.look();
  await rig.give(2);
  assert.deepEqual(rig.sent.at(-1), { kind: 'batch', batch: 2, clients: [], lastIds: [] });
});

test('when the upgrade is given up, the batch under way goes on, and nothing that comes later touches it', async () => {
  const rig = new GiverRig(2);
  await rig.giver.look();
  await rig.give(1);
  rig.giver.keep();
  assert.deepEqual(rig.fates, ['open', 'open']);
  assert.equal(rig.hub.phase, 'still');
  rig.giver.onTaken({ kind: 'taken', batch: 1, refused: [] });
  rig.giver.onMark(1);
  assert.deepEqual(rig.fates, ['open', 'open']);
  assert.equal((await rig.giver.look()).movable, 2);
});
