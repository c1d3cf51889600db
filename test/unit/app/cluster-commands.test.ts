import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterCommands } from '../../../src/app/cluster-commands.ts';
import type { HubCommands } from '../../../src/app/publishing.ts';
import type { NodeCalls } from '../../../src/cluster/index.ts';
import { Counters } from '../../../src/exchange/index.ts';
import type { KnownReceivers, ReceivedFormats } from '../../../src/hub/index.ts';
import { type BusNode, busNode } from '../../support/cluster/bus-node.ts';
import { NodeBus } from '../../support/cluster/node-bus.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { manualClock } from '../../support/manual-clock.ts';

/** The clients of a node: some of channel `c`, and some that have ids. */
class OwnHub implements HubCommands {
  readonly asked: ReceivedFormats[] = [];
  recovered = 0;
  readonly #receivers: number;
  readonly #ids: readonly string[];

  constructor(receivers: number, ids: readonly string[]) {
    this.#receivers = receivers;
    this.#ids = ids;
  }

  recover(): void {
    this.recovered++;
  }

  countReceivers(items: readonly ReceivedFormats[], done: (counts: readonly number[]) => void): void {
    this.asked.push(...items);
    done(items.map(({ channel, httpStream }) => (channel === 'c' && httpStream !== null ? this.#receivers : 0)));
  }

  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    done(this.#ids.filter((id) => ids.has(id)));
  }

  refresh(id: string, done: (found: boolean) => void): void {
    done(this.#ids.includes(id));
  }
}

const NOTED: (readonly [string | null, number])[] = [];

/** Items with the id `known` are repeats, which had 7 receivers. */
const RECEIVERS = {
  of: ({ id }: ReceivedFormats) => (id === 'known' ? 7 : null),
  note: ({ id }: ReceivedFormats, count: number) => {
    NOTED.push([id, count]);
    return count;
  },
} as KnownReceivers;

function commands(node: BusNode, hub: OwnHub): ClusterCommands {
  const report = { counters: new Counters(), log: new FakeLog() };
  return new ClusterCommands(() => hub, RECEIVERS, node.calls as NodeCalls, report);
}

/** Two nodes, with 2 and 3 clients. */
function two(pass: (seconds: number) => void) {
  const bus = new NodeBus();
  const [a, b] = [busNode(bus, 'a'), busNode(bus, 'b')];
  pass(1);
  const hubs = [new OwnHub(2, ['1', '2']), new OwnHub(3, ['3'])] as const;
  const [ofA] = [commands(a, hubs[0]), commands(b, hubs[1])];
  return { bus, a, b, ofA, hubs };
}

function item(channel: string, id: string | null = null, httpStream: object | null = {}): ReceivedFormats {
  return { channel, id, httpResponse: null, httpStream, wsMessage: null };
}

/** The receivers of items, and which nodes are missing. */
function counted(hub: HubCommands, items: readonly ReceivedFormats[]): Promise<[readonly number[], readonly string[]]> {
  return new Promise((resolve) => {
    hub.countReceivers(items, (counts, missing = []) => resolve([counts, missing]));
  });
}

test('receivers are those of all nodes, and what other nodes have counts for repeats too', async (t) => {
  const { ofA } = two(manualClock(t));
  NOTED.length = 0;
  const items = [item('c', 'x'), item('other'), item('c', 'known'), item('c', null, null)];
  assert.deepEqual(await counted(ofA, items), [[5, 0, 7, 0], []]);
  assert.deepEqual(NOTED, [
    ['x', 5],
    [null, 0],
    [null, 0],
  ]);
});

test('other nodes are not asked for repeats, and not for their ids', async (t) => {
  const { ofA, hubs } = two(manualClock(t));
  assert.deepEqual(await counted(ofA, [item('c', 'known')]), [[7], []]);
  assert.deepEqual(hubs[1].asked, []);
  await counted(ofA, [item('c', 'secret')]);
  assert.deepEqual(hubs[1].asked, [item('c')]);
});

test('many items are asked for in several questions', async (t) => {
  const { ofA, a } = two(manualClock(t));
  const items = Array.from({ length: 1_000 }, (_, i) => item(i % 2 === 0 ? 'c' : 'other'));
  assert.deepEqual(await counted(ofA, items), [items.map((_, i) => (i % 2 === 0 ? 5 : 0)), []]);
  assert.equal(a.counters.questions, 4);
});

test('receivers of a node that does not answer are missing, once', async (t) => {
  const { ofA, b } = two(manualClock(t));
  b.calls.handle('receivers', () => undefined);
  const items = Array.from({ length: 300 }, () => item('c'));
  assert.deepEqual(await counted(ofA, items), [items.map(() => 2), ['b']]);
  b.calls.handle('receivers', () => [1]);
  assert.deepEqual(await counted(ofA, [item('c'), item('c')]), [[2, 2], ['b']], 'not as many as items');
});

test('held clients are found at all nodes, and the log says which nodes have not answered', async (t) => {
  const { ofA, a, b } = two(manualClock(t));
  const find = (...ids: string[]) =>
    new Promise<readonly string[]>((resolve) => {
      ofA.findHeld(new Set(ids), resolve);
    });
  assert.deepEqual(await find('1', '3', '4'), ['1', '3']);
  assert.equal(a.counters.questions, 1);
  assert.deepEqual(await find('1', '2'), ['1', '2']);
  assert.equal(a.counters.questions, 1, 'no other node can have them');
  assert.deepEqual(a.log.of('no answer of nodes'), []);
  b.calls.handle('held', () => undefined);
  assert.deepEqual(await find('1', '3'), ['1']);
  const reason = 'it does not understand the question';
  assert.deepEqual(a.log.of('no answer of nodes'), [{ nodes: 'b', about: 'held', reason }]);
});

test('a WebSocket is refreshed at whichever node it is', async (t) => {
  const { ofA } = two(manualClock(t));
  const refresh = (id: string) =>
    new Promise<boolean>((resolve) => {
      ofA.refresh(id, resolve);
    });
  assert.deepEqual([await refresh('1'), await refresh('3'), await refresh('4')], [true, true, false]);
});

test('a recovery is that of all nodes', async (t) => {
  const { ofA, hubs } = two(manualClock(t));
  ofA.recover();
  assert.deepEqual(
    hubs.map(({ recovered }) => recovered),
    [1, 1],
  );
});

for (const [about, inputs] of Object.entries({
  receivers: [null, {}, [{ channel: 1 }], 'c'],
  held: [null, {}, [1]],
  refresh: [null, 'x', { id: 1 }],
})) {
  test(`a question ${about} with anything else is not understood`, async (t) => {
    const { a, b } = two(manualClock(t));
    for (const input of inputs) {
      const asked = await a.calls.ask(about, input, (value) => value);
      assert.deepEqual(asked, { values: [], missing: ['b'] }, JSON.stringify(input));
    }
    assert.equal(b.counters.faults, 0);
  });
}
