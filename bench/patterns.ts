import type { Bench } from './support/bench.ts';
import {
  DELIVERY_COLUMNS,
  type DeliveryPlan,
  gripPublishing,
  measureDeliveries,
  warmUpOf,
} from './support/deliveries.ts';
import { compare } from './support/rounds.ts';
import { startGripOrigin, startHoldfast } from './support/servers.ts';

/** Items of one request. */
const BATCH = 100;

/** Patterns of each client: of few, and of many. */
const FEW = 1;
const MANY = 100;

/** What an item costs among many patterns. */
export const patterns: Bench = {
  summary: 'publishing among 100 patterns of each client, against one of each',
  options: {
    clients: { help: 'clients', default: 1_000, min: 100, max: 19_000 },
    items: { help: 'items published in a turn', default: 100_000, min: 1_000, max: 10_000_000 },
  },
  commands: [],
  peers: () => [],

  async run(run) {
    const clients = run.option('clients');
    console.log(`load      ${clients} streams; each item matches one pattern of one of them; ${BATCH} items a request`);
    const origin = await startGripOrigin(run.children);
    const subject = (each: number) => ({
      name: `${clients * each} patterns`,
      turn: async () => {
        const tables = `[hub]\nconnection_subscription_max = ${each}`;
        const server = await startHoldfast(run.children, run.launcher, origin, { tables });
        return measureDeliveries(run, server, planOf(clients, each, run.option('items')));
      },
    });
    return compare({
      ...run,
      subjects: [subject(MANY), subject(FEW)],
      columns: DELIVERY_COLUMNS,
      targets: [{ column: 'cpu', peer: `${clients * FEW} patterns`, atMost: 1.2 }],
    });
  },
};

function planOf(clients: number, each: number, wanted: number): DeliveryPlan {
  const items = Math.ceil(wanted / BATCH) * BATCH;
  return {
    connect: { clients, transport: 'stream', path: `/stream?client={channel}&patterns=${each}` },
    publish: {
      ...gripPublishing('http-stream', 'client.{channel}.0.item'),
      ...{ transport: 'http', receivers: 'one', items, rate: 0, batch: BATCH, inFlight: 4 * BATCH },
    },
    warmUp: warmUpOf(items, BATCH),
  };
}
