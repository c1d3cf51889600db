import type { ConnectOptions, PublishOptions, StreamLoad } from '../programs/stream-load.ts';
import type { Run } from './bench.ts';
import type { Child } from './children.ts';
import { startProgram } from './program.ts';
import type { Column, Turn } from './rounds.ts';
import type { Server } from './servers.ts';
import { BUSY_COLUMN, cpuColumns, cpuFigures, measureCpu, ownCpuSeconds } from './usage.ts';

/** Clients that subscribe, and what is published to them. */
export interface DeliveryPlan {
  readonly connect: Omit<ConnectOptions, 'ports'>;
  readonly publish: Omit<PublishOptions, 'port'>;
  /** Items that are published first, while code is being compiled. */
  readonly warmUp: number;
}

/** How an item is put into a publish request, and where the request goes. */
export type Publishing = Pick<PublishOptions, 'path' | 'first' | 'between' | 'last' | 'before' | 'after'>;

/** Publish requests of Holdfast with content for streams. @param channel may have `{channel}` in it */
export function gripPublishing(format: 'http-stream' | 'ws-message', channel = 'bench'): Publishing {
  const [start, end] = format === 'http-stream' ? ['data: ', '\\n\\n'] : ['', ''];
  return {
    path: '/publish/',
    first: '{"items":[',
    between: ',',
    last: ']}',
    before: `{"channel":"${channel}","formats":{"${format}":{"content":"${start}`,
    after: `${end}"}}}`,
  };
}

/** Publish requests that are nothing but the item. */
export function plainPublishing(path: string, before = '', after = ''): Publishing {
  return { path, first: '', between: '', last: '', before, after };
}

/** A fifth as many items are published before those that count, while code is being compiled. */
const WARM_UP_SHARE = 5;

/** How many items are published before so many that count, in whole batches. */
export function warmUpOf(items: number, batch = 1): number {
  return Math.ceil(items / WARM_UP_SHARE / batch) * batch;
}

/** Items over HTTP, one a request, for clients that get all of them. */
export function deliveryPlan(
  connect: DeliveryPlan['connect'],
  publish: Publishing & Pick<PublishOptions, 'items' | 'rate' | 'inFlight'>,
): DeliveryPlan {
  return {
    connect,
    publish: { ...publish, transport: 'http', receivers: 'all', batch: 1 },
    warmUp: warmUpOf(publish.items),
  };
}

/** The columns that `measureDeliveries` fills. */
export const DELIVERY_COLUMNS: readonly Column[] = [
  ...cpuColumns('delivery'),
  { key: 'rate', title: 'deliveries/s', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 1 },
  { key: 'p99', title: 'p99 ms', digits: 1 },
  { key: 'bytes', title: 'wire bytes/delivery', digits: 1 },
  BUSY_COLUMN,
];

/** Servers that share their channels. */
export interface Nodes {
  /** Where items are published. */
  readonly publishAt: Server;
  /** Where the clients are, as many at each. */
  readonly clientsAt: readonly Server[];
  /** Those that have neither: their CPU time does not count. */
  readonly idle: readonly Server[];
  /** What is between them, whose CPU time is a figure of its own. */
  readonly broker: Child;
}

/** The column that `measureDeliveries` fills for nodes. */
export const BROKER_COLUMN: Column = { key: 'broker', title: 'broker µs', digits: 2 };

/** Connects the clients, publishes the warm-up and then what counts, and stops the server, or the nodes but not their broker. */
export async function measureDeliveries({ children }: Run, server: Server | Nodes, plan: DeliveryPlan): Promise<Turn> {
  const nodes = 'child' in server ? { publishAt: server, clientsAt: [server], idle: [], broker: null } : server;
  const { publishAt, clientsAt, idle, broker } = nodes;
  const servers = [...new Set([publishAt, ...clientsAt])];
  const load = startProgram<StreamLoad>(children, 'load', 'stream-load');
  await load.call('connect', { ports: clientsAt.map((each) => each.port), ...plan.connect });
  const port = plan.publish.transport === 'push' ? publishAt.pullPort : publishAt.publishPort;
  const pids = servers.map(({ child }) => child.pid);
  const publish = (items: number) => measureCpu(pids, () => load.call('publish', { port, ...plan.publish, items }));
  const warmed = await publish(plan.warmUp);
  const brokerBefore = broker === null ? 0 : ownCpuSeconds(broker.pid);
  const counted = await publish(plan.publish.items);
  const brokerSeconds = broker === null ? 0 : ownCpuSeconds(broker.pid) - brokerBefore;
  const warm = warmed.result;
  const { result, cpuSeconds, wallSeconds } = counted;
  await load.child.stop();
  await Promise.all([...servers, ...idle].map(({ child }) => child.stop()));

  const problems: string[] = [];
  if (warm.incomplete > 0) problems.push(`${warm.incomplete} clients missed items of the warm-up`);
  if (result.incomplete > 0) {
    problems.push(`${result.incomplete} clients have not got every item once; ${result.delivered} deliveries in all`);
  }
  if (result.closed > 0) problems.push(`${result.closed} clients were disconnected by the server`);
  return {
    figures: {
      ...cpuFigures(counted, result.delivered, warmed, warm.delivered),
      rate: result.delivered / result.seconds,
      p50: result.p50,
      p99: result.p99,
      bytes: result.bytes / result.delivered,
      busy: (cpuSeconds / wallSeconds) * 100,
      broker: (brokerSeconds / result.delivered) * 1e6,
    },
    problems,
  };
}
