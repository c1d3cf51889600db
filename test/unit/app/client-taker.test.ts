import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientTaker, type TakenClients } from '../../../src/app/upgrade/client-taker.ts';
import type { ClientGiverMessage, ClientTakerMessage } from '../../../src/app/upgrade/upgrade-messages.ts';
import type { ConnectionState } from '../../../src/server/index.ts';
import { FakeLog } from '../../support/fake-log.ts';

/** A taker, what it has answered, and the clients that have come. */
class TakerRig {
  readonly sent: ClientTakerMessage[] = [];
  readonly adopted: string[] = [];
  readonly closed: string[] = [];
  readonly noted: string[] = [];
  resumed = 0;
  readonly taker: ClientTaker;

  constructor() {
    const clients = {
      hub: { phase: 'still', noteLastIds: (ids: readonly string[]) => this.noted.push(...ids) },
      check: ({ kind }: ConnectionState) => {
        if ((kind as string) === 'no') throw new Error('not here');
      },
      adopt: (handle: { readonly id: string }) => {
        if (handle.id === 'bad') throw new Error('cannot be made');
        this.adopted.push(handle.id);
      },
    } as unknown as TakenClients;
    const report = { log: new FakeLog(false), counters: { faults: 0 } };
    this.taker = new ClientTaker(
      clients,
      report,
      (message) => this.sent.push(message),
      () => {
        this.resumed++;
      },
    );
  }

  client(id: string): void {
    const handle = { id, close: () => this.closed.push(id) };
    this.taker.onMessage({ kind: 'client', batch: 1, id }, handle);
  }

  batch(...clients: readonly (readonly [id: string, kind: string])[]): void {
    const states = clients.map(([id, kind]) => ({ id, state: { kind } as unknown as ConnectionState }));
    this.taker.onMessage({ kind: 'batch', batch: 1, clients: states, lastIds: ['a', '7'] }, undefined);
  }

  go(): void {
    const go: ClientGiverMessage = { kind: 'go', batch: 1, moved: 1 };
    this.taker.onMessage(go, undefined);
  }
}

for (const first of ['mark', 'batch']) {
  test(`clients come when the batch and its mark are here, the ${first} first, and they are forgotten there`, () => {
    const rig = new TakerRig();
    rig.client('x');
    rig.client('y');
    if (first === 'mark') rig.taker.onMark(1);
    rig.batch(['x', 'ok'], ['y', 'ok']);
    if (first === 'batch') {
      assert.deepEqual(rig.sent, []);
      rig.taker.onMark(1);
    }
    assert.deepEqual(rig.sent, [{ kind: 'taken', batch: 1, refused: [] }]);
    assert.deepEqual([rig.adopted, rig.resumed], [[], 0]);
    rig.go();
    assert.deepEqual([rig.adopted, rig.resumed, rig.noted], [['x', 'y'], 1, ['a', '7']]);
  });
}

test('clients that cannot be made here, or have no socket, are refused, and the sockets that are left are closed', () => {
  const rig = new TakerRig();
  for (const id of ['x', 'y', 'z']) rig.client(id);
  rig.taker.onMark(1);
  rig.batch(['x', 'ok'], ['y', 'no'], ['none', 'ok']);
  assert.deepEqual(rig.sent, [{ kind: 'taken', batch: 1, refused: ['y', 'none'] }]);
  rig.go();
  assert.deepEqual([rig.adopted, rig.closed], [['x'], ['y', 'z']]);
});

test('a client whose adoption fails does not keep the others from coming', () => {
  const rig = new TakerRig();
  rig.client('bad');
  rig.client('x');
  rig.taker.onMark(1);
  rig.batch(['bad', 'ok'], ['x', 'ok']);
  rig.go();
  assert.deepEqual([rig.adopted, rig.resumed], [['x'], 1]);
});

test('an empty batch ends what is held back', () => {
  const rig = new TakerRig();
  rig.client('x');
  rig.taker.onMark(1);
  rig.batch();
  rig.go();
  assert.deepEqual([rig.adopted, rig.closed, rig.resumed], [[], ['x'], 1]);
});

test('when the old process has ended, clients that were described come, also when the mark is reached only then', () => {
  const said = new TakerRig();
  said.client('x');
  said.taker.onMark(1);
  said.batch(['x', 'ok']);
  said.taker.onGiverGone();
  assert.deepEqual([said.adopted, said.resumed], [['x'], 1]);
  const late = new TakerRig();
  late.client('x');
  late.batch(['x', 'ok']);
  late.taker.onGiverGone();
  assert.deepEqual(late.adopted, []);
  late.taker.onMark(1);
  assert.deepEqual([late.adopted, late.resumed, late.sent], [['x'], 1, []]);
});

test('when the old process has ended, clients that were not described are lost, and nothing is held back', () => {
  const rig = new TakerRig();
  rig.client('x');
  rig.taker.onMark(1);
  rig.taker.onGiverGone();
  assert.deepEqual([rig.adopted, rig.closed, rig.resumed], [[], ['x'], 1]);
});
