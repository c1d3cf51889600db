import { TimerWheel } from '../../../src/clock/index.ts';
import type { NodeFacts } from '../../../src/cluster/heartbeat.ts';
import { NodeCalls } from '../../../src/cluster/node-calls.ts';
import { NodeRegistry } from '../../../src/cluster/node-registry.ts';
import { Subjects } from '../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../src/exchange/index.ts';
import { FakeLog } from '../fake-log.ts';
import type { BusConnection, NodeBus } from './node-bus.ts';

export const FACTS: NodeFacts = {
  state: 'ready',
  connections: 3,
  channels: 2,
  published: 10,
  delivered: 20,
  rules: 'same',
  presence: false,
};

/** A node on a bus: it knows the others, asks them and answers. */
export interface BusNode {
  readonly broker: BusConnection;
  readonly registry: NodeRegistry;
  readonly calls: NodeCalls;
  readonly counters: ClusterCounters;
  readonly log: FakeLog;
  /** What it tells of itself. */
  facts: NodeFacts;
  /** Others that have come and gone, as `+id` and `-id`. */
  readonly seen: string[];
}

/** Starts a node. Its name is its id. */
export function busNode(bus: NodeBus, id: string, name = id): BusNode {
  const broker = bus.connect();
  const log = new FakeLog();
  const counters = new ClusterCounters();
  const seen: string[] = [];
  const shared = { broker, subjects: new Subjects('t'), self: { id, name }, wheel: new TimerWheel(), counters, log };
  const registry = new NodeRegistry({ ...shared, version: '1.2.3', facts: () => node.facts });
  const calls = new NodeCalls({ ...shared, registry });
  const node: BusNode = { broker, registry, calls, counters, log, seen, facts: FACTS };
  registry.watch({ nodeCame: (other) => seen.push(`+${other}`), nodeGone: (other) => seen.push(`-${other}`) });
  calls.start();
  registry.start();
  return node;
}
