import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Kvm } from '@nats-io/kv';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Broker } from '../../../src/cluster/broker.ts';
import { NodeRegistry } from '../../../src/cluster/node-registry.ts';
import { ClusterPresence } from '../../../src/cluster/presence/cluster-presence.ts';
import { Subjects } from '../../../src/cluster/subjects.ts';
import { ClusterCounters, Counters } from '../../../src/exchange/index.ts';
import { ClientCounts, PresenceTable } from '../../../src/hub/index.ts';
import { FakeLog } from '../fake-log.ts';
import type { NatsServer } from '../nats.ts';
import { FACTS } from './bus-node.ts';

/** A node with users, on a real broker. What it tells goes to a list that several nodes share. */
export class PresenceNode {
  readonly id: string;
  readonly counts = new ClientCounts();
  readonly counters = new ClusterCounters();
  readonly log = new FakeLog();
  readonly table: PresenceTable;
  readonly registry: NodeRegistry;
  readonly broker: Broker;
  presence!: ClusterPresence;
  readonly #wheel: TimerWheel;

  private constructor(broker: Broker, id: string, grace: number) {
    const wheel = new TimerWheel();
    const { log, counters } = this;
    this.id = id;
    this.broker = broker;
    this.#wheel = wheel;
    this.table = new PresenceTable({
      wheel,
      counters: new Counters(),
      log,
      limits: { current: { presenceGrace: grace } },
    });
    const self = { id, name: id };
    const subjects = new Subjects('test');
    this.registry = new NodeRegistry({
      broker,
      subjects,
      self,
      version: '1',
      facts: () => FACTS,
      wheel,
      counters,
      log,
    });
  }

  /** @param told gets what is told, as `NODE: join CHANNEL USER` @param grace seconds */
  static async start(
    t: TestContext,
    { url }: NatsServer,
    id: string,
    told: string[],
    grace = 1,
  ): Promise<PresenceNode> {
    const broker = await Broker.connect({ servers: [url], name: id, access: {}, tls: null, log: new FakeLog() });
    const node = new PresenceNode(broker, id, grace);
    const { counts, counters, log, registry, table } = node;
    t.after(() => node.kill());
    const options = { broker, subjects: new Subjects('test'), replicas: 1, self: id, registry, counters, log };
    node.presence = await ClusterPresence.start({ ...options, wheel: node.#wheel }, table, {
      counts,
      tell: (events) => {
        for (const { kind, channel, user } of events)
          told.push(`${id}: ${kind} ${channel}${user === null ? '' : ` ${user}`}`);
      },
      requestTurn: (publication) => {
        while (!publication.onTurn());
      },
      cancelTurn: () => {},
    });
    registry.start();
    return node;
  }

  /** Users of a channel, as `ann 2`. */
  users(channel: string): string[] {
    return this.table.usersOf(channel, '', 100).users.map(({ user, connections }) => `${user} ${connections}`);
  }

  /** What the bucket has, by key. */
  async entries(): Promise<Map<string, string>> {
    const bucket = await new Kvm(this.broker.connection).open('test_presence');
    const entries = new Map<string, string>();
    for await (const key of await bucket.keys()) {
      const value = (await bucket.get(key))?.string() ?? '';
      if (value !== '') entries.set(key, value);
    }
    return entries;
  }

  /** Resolves when the bucket says that so many users and channels were told. */
  async written(count: number): Promise<void> {
    const told = async () => [...(await this.entries()).keys()].filter((key) => key.startsWith('t.')).length;
    while ((await told()) !== count) await setTimeout(5);
  }

  /** Ends without a word. */
  async kill(): Promise<void> {
    this.#wheel.stop();
    await this.broker.close();
  }

  /** Stops as a program does. */
  async stop(): Promise<void> {
    await this.presence.stop();
    this.registry.stop();
    await this.broker.flushed();
    await this.kill();
  }
}
