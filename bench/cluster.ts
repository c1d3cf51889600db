import { setTimeout as delay } from 'node:timers/promises';
import { HUNDRED_ITEMS } from './fanout.ts';
import type { JetStreamLoad } from './programs/jetstream-load.ts';
import type { StreamLoad } from './programs/stream-load.ts';
import type { Bench, Run } from './support/bench.ts';
import {
  BROKER_COLUMN,
  DELIVERY_COLUMNS,
  type DeliveryPlan,
  deliveryPlan,
  gripPublishing,
  measureDeliveries,
  type Nodes,
  warmUpOf,
} from './support/deliveries.ts';
import { natsVersion } from './support/machine.ts';
import { type Nats, startNats } from './support/nats.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { ROOT, startProgram } from './support/program.ts';
import { type Column, compare, type Subject, type Turn, type Verdict } from './support/rounds.ts';
import { type Server, startGripOrigin, startHoldfast } from './support/servers.ts';
import { cpuFigures, measureCpu, ownCpuSeconds, residentBytes } from './support/usage.ts';

/** Deliveries of a turn of `fanout` back to back. */
const DELIVERIES = 500_000;
/** Items of one request, where there are many. */
const BATCH = 100;
/** Bytes of a message with an item of 100 bytes, as nodes send it to the stream. */
const MESSAGE_BYTES = 153;
/** Length of a turn at a rate. */
const SECONDS = 10;
/** Until memory has come to rest, in milliseconds. */
const SETTLE_MS = 3_000;

const STREAM = gripPublishing('http-stream');
const COLUMNS: readonly Column[] = [...DELIVERY_COLUMNS, BROKER_COLUMN];
const ONE_CLIENT = { clients: 1, transport: 'stream', path: '/stream' } as const;

/** What a node of a cluster costs more than one by itself. */
export const cluster: Bench = {
  summary: 'two nodes over NATS, against one node by itself',
  parts: {
    fanout: 'items to held streams of one channel, half of them at each node, published at one node',
    publish: 'items to a channel with one subscriber, at the node where it is, one or a batch in a request',
    latency: 'from publishing at one node to a client of the other, at a tenth of the rate that one node reaches',
    history: `batches of ${BATCH} items to a channel with history, against a publisher to JetStream with the same library`,
    channels: 'resident memory of streams on a channel of their own, as many at each node',
  },
  options: {
    clients: { help: 'streams in fanout, half of them at each node', default: 5_000, min: 2, max: 19_000 },
    rate: {
      help: 'items a second in fanout; 0 for back to back, when one node puts more items into a write than two',
      default: 5,
      min: 0,
      max: 100_000,
    },
    channels: { help: 'streams of each node in channels', default: 10_000, min: 100, max: 19_000 },
    items: { help: 'items published in a turn of publish and history', default: 50_000, min: 1_000, max: 10_000_000 },
  },
  commands: ['nats-server'],
  peers: () => [natsVersion()],

  async run(run) {
    console.log('nodes     joined by one nats-server with JetStream in files; its CPU time is a column of its own');
    const setting = new Setting(run, await startGripOrigin(run.children), await startNats(run.children));
    const rooms = { fanout, publish, latency, history, channels };
    const verdict = await rooms[run.part as keyof typeof rooms](setting);
    await setting.nats.child.stop();
    return verdict;
  },
};

/** What the nodes of a run have in common. */
class Setting {
  readonly run: Run;
  readonly nats: Nats;
  readonly #origin: number;
  #clusters = 0;

  constructor(run: Run, origin: number, nats: Nats) {
    this.run = run;
    this.nats = nats;
    this.#origin = origin;
  }

  /** Starts one node by itself. */
  single(tables = ''): Promise<Server> {
    return startHoldfast(this.run.children, this.run.launcher, this.#origin, { tables });
  }

  /** Starts two nodes that are a cluster of their own. */
  async pair(tables = ''): Promise<readonly [Server, Server]> {
    const section = `${tables}\n[cluster]\nnats = ["${this.nats.url}"]\nprefix = "${this.name()}"\n`;
    // One by one: the first one makes the stream.
    const first = await this.single(section);
    return [first, await this.single(section)];
  }

  /** A name that no cluster or stream has had. */
  name(): string {
    return `bench${++this.#clusters}`;
  }

  /** Publishes at the first of two nodes. @param clientsAt which of them have the clients */
  subject(name: string, plan: DeliveryPlan, clientsAt: readonly number[], tables = ''): Subject {
    const turn = async (): Promise<Turn> => {
      const nodes = await this.pair(tables);
      const used = nodes.filter((_, index) => clientsAt.includes(index));
      const idle = nodes.filter((node, index) => index > 0 && !used.includes(node));
      const all: Nodes = { publishAt: nodes[0], clientsAt: used, idle, broker: this.nats.child };
      return measureDeliveries(this.run, all, plan);
    };
    return { name, turn };
  }

  /** The same at one node by itself. */
  alone(name: string, plan: DeliveryPlan): Subject {
    return { name, turn: async () => measureDeliveries(this.run, await this.single(), plan) };
  }
}

function fanout(setting: Setting): Promise<Verdict> {
  const { run } = setting;
  const clients = run.option('clients');
  requireOpenFiles(clients);
  const rate = run.option('rate');
  const items = rate > 0 ? rate * SECONDS : Math.ceil(DELIVERIES / clients);
  console.log(
    `load      ${clients} streams; ${items} items, one in a request, ${rate > 0 ? `${rate} a second` : '4 on their way'}`,
  );
  console.log(
    'half      one node by itself with half of the streams: what each of two processes costs more is not all the cluster',
  );
  // Each of two nodes makes half of the deliveries, and has to compile as much code as one.
  const planOf = (count: number): DeliveryPlan => {
    const connect = { clients: count, transport: 'stream', path: '/stream' } as const;
    return { ...deliveryPlan(connect, { ...STREAM, items, rate, inFlight: 4 }), warmUp: items };
  };
  const plan = planOf(clients);
  return compare({
    ...run,
    subjects: [
      setting.subject('two nodes', plan, [0, 1]),
      setting.alone('one', plan),
      setting.alone('half', planOf(Math.ceil(clients / 2))),
    ],
    columns: COLUMNS,
    targets: [
      { column: 'cpu', peer: 'one', atMost: 1.15 },
      { column: 'cpu', peer: 'half', atMost: 1.15 },
    ],
  });
}

function publish(setting: Setting): Promise<Verdict> {
  const { run } = setting;
  console.log('load      one publisher and one subscriber, both at the first node; the second one has no clients');
  const one = publishPlan(run, 1, 4);
  const batch = publishPlan(run, BATCH, 4 * BATCH);
  return compare({
    ...run,
    subjects: [
      setting.subject('node', one, [0]),
      setting.alone('one', one),
      setting.subject('node, batches', batch, [0]),
      setting.alone('one, batches', batch),
    ],
    columns: COLUMNS,
    targets: [
      { subject: 'node', column: 'cpu', peer: 'one', atMost: 2 },
      { subject: 'node, batches', column: 'cpu', peer: 'one, batches', atMost: 2 },
    ],
  });
}

async function latency(setting: Setting): Promise<Verdict> {
  const { run } = setting;
  const fastest = (await setting.alone('one', publishPlan(run, 1, 4)).turn()).figures.rate as number;
  const rate = Math.floor(fastest / 10);
  console.log(`rate      ${rate} items/s, one in a request: one node has just made ${Math.round(fastest)} a second`);
  const plan = deliveryPlan(ONE_CLIENT, { ...STREAM, items: rate * SECONDS, rate, inFlight: 4 });
  return compare({
    ...run,
    subjects: [setting.subject('two nodes', plan, [1]), setting.alone('one', plan)],
    columns: COLUMNS.map((column) => (/^p\d/.test(column.key) ? { ...column, digits: 2 } : column)),
    targets: [
      { column: 'p50', peer: 'one', more: true, atMost: 1 },
      { column: 'p99', peer: 'one', atMost: 3 },
    ],
  });
}

function history(setting: Setting): Promise<Verdict> {
  const { run } = setting;
  console.log('holdfast  100 items a request, to a channel that keeps 100 items and has one subscriber');
  console.log('library   @nats-io/jetstream; 100 messages of the same bytes at a time, awaited together');
  return compare({
    ...run,
    subjects: [
      setting.subject('holdfast', publishPlan(run, BATCH, BATCH), [0], HUNDRED_ITEMS),
      { name: 'library', turn: () => measureLibrary(setting) },
    ],
    columns: COLUMNS.map((column) => (column.key === 'rate' ? { ...column, title: 'items/s' } : column)),
    targets: [{ column: 'rate', peer: 'library', atLeast: 0.6 }],
  });
}

/** What publishing to JetStream costs without us. */
async function measureLibrary(setting: Setting): Promise<Turn> {
  const { run, nats } = setting;
  const { publish, warmUp } = publishPlan(run, BATCH, BATCH);
  const { items } = publish;
  const library = startProgram<JetStreamLoad>(run.children, 'server', 'jetstream-load');
  await library.call('open', { root: ROOT, url: nats.url, stream: setting.name() });
  const send = (count: number) =>
    measureCpu(library.child.pid, () => library.call('publish', { items: count, bytes: MESSAGE_BYTES, batch: BATCH }));
  const warmed = await send(warmUp);
  const before = ownCpuSeconds(nats.child.pid);
  const counted = await send(items);
  const brokerSeconds = ownCpuSeconds(nats.child.pid) - before;
  await library.child.stop();
  return {
    figures: {
      ...cpuFigures(counted, items, warmed, warmUp),
      rate: items / counted.result,
      busy: (counted.cpuSeconds / counted.wallSeconds) * 100,
      broker: (brokerSeconds / items) * 1e6,
    },
    problems: [],
  };
}

function publishPlan({ option }: Run, batch: number, inFlight: number): DeliveryPlan {
  const items = Math.ceil(option('items') / batch) * batch;
  return {
    connect: ONE_CLIENT,
    publish: { ...STREAM, transport: 'http', receivers: 'all', batch, items, rate: 0, inFlight },
    warmUp: warmUpOf(items, batch),
  };
}

function channels(setting: Setting): Promise<Verdict> {
  const { run } = setting;
  const count = run.option('channels');
  requireOpenFiles(count);
  console.log(`load      ${count} streams at each node, each on a channel of its own; ${SETTLE_MS / 1000} s to settle`);
  const subject = (name: string, start: () => Promise<readonly Server[]>): Subject => ({
    name,
    turn: async () => measureChannels(run, await start()),
  });
  return compare({
    ...run,
    subjects: [subject('two nodes', () => setting.pair()), subject('one', async () => [await setting.single()])],
    columns: [{ key: 'kilobytes', title: 'KB/channel of a node', digits: 2 }],
    targets: [{ column: 'kilobytes', peer: 'one', more: true, atMost: 3 }],
  });
}

async function measureChannels({ children, option }: Run, servers: readonly Server[]): Promise<Turn> {
  const clients = option('channels');
  await delay(SETTLE_MS);
  const resident = () => servers.reduce((sum, { child }) => sum + residentBytes(child.pid), 0) / servers.length;
  const before = resident();
  const loads = [];
  for (const { port } of servers) {
    const load = startProgram<StreamLoad>(children, 'load', 'stream-load');
    await load.call('connect', {
      ports: [port],
      clients,
      transport: 'stream',
      path: '/stream?channel=channel-{channel}',
    });
    loads.push(load);
  }
  await delay(SETTLE_MS);
  const after = resident();
  await Promise.all([...loads, ...servers].map(({ child }) => child.stop()));
  return { figures: { kilobytes: (after - before) / clients / 1024 }, problems: [] };
}
