import { setTimeout as delay } from 'node:timers/promises';
import { fanout } from './fanout.ts';
import type { StreamLoad } from './programs/stream-load.ts';
import type { Bench, Run } from './support/bench.ts';
import { DELIVERY_COLUMNS, gripPublishing, measureDeliveries, plainPublishing } from './support/deliveries.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { startProgram } from './support/program.ts';
import { compare, type Turn } from './support/rounds.ts';
import { type Server, startGripOrigin, startHoldfast, startNchan } from './support/servers.ts';
import { residentBytes } from './support/usage.ts';

/** Items of one request. */
const BATCH = 100;
/** Times that each client gets an item in a turn; once before, as warm-up. */
const TIMES = 5;
/** Until memory has come to rest, in milliseconds. */
const SETTLE_MS = 3_000;

/** What clients cost that have a channel each. */
export const channels: Bench = {
  summary: 'clients on a channel of their own: CPU per delivery against nginx with nchan, and memory of a subscription',
  parts: {
    deliveries: `one item to each, in batches of ${BATCH}, ${TIMES} times`,
    memory: 'resident memory of a client on a channel of its own, less that of one on a channel that all share',
  },
  options: {
    clients: { help: 'clients', default: 15_000, min: 100, max: 19_000 },
  },
  commands: fanout.commands,
  peers: fanout.peers,

  async run(run) {
    requireOpenFiles(run.option('clients'));
    const origin = await startGripOrigin(run.children);
    const start = () => startHoldfast(run.children, run.launcher, origin);
    return run.part === 'memory' ? memory(run, start) : deliveries(run, start);
  },
};

function deliveries(run: Run, start: () => Promise<Server>) {
  const clients = Math.floor(run.option('clients') / BATCH) * BATCH;
  console.log(`load      ${clients} streams, a channel each; the same load program for all`);
  console.log(`holdfast  ${BATCH} items a request`);
  console.log('nchan     nginx with 1 worker, EventSource, one item a request: it publishes to one channel at a time');
  const publish = { transport: 'http', receivers: 'one', items: clients * TIMES, rate: 0 } as const;
  const ours = {
    connect: { clients, transport: 'stream', path: '/stream?channel={channel}' } as const,
    publish: { ...publish, ...gripPublishing('http-stream', '{channel}'), batch: BATCH, inFlight: 4 * BATCH },
    warmUp: clients,
  };
  const theirs = {
    connect: { clients, transport: 'stream', path: '/stream/{channel}' } as const,
    publish: { ...publish, ...plainPublishing('/publish/{channel}'), batch: 1, inFlight: 4 },
    warmUp: clients,
  };
  return compare({
    ...run,
    subjects: [
      { name: 'holdfast', turn: async () => measureDeliveries(run, await start(), ours) },
      { name: 'nchan', turn: async () => measureDeliveries(run, await startNchan(run.children), theirs) },
    ],
    columns: DELIVERY_COLUMNS,
    targets: [{ column: 'cpu', peer: 'nchan', atMost: 1 }],
  });
}

function memory(run: Run, start: () => Promise<Server>) {
  console.log(`load      ${run.option('clients')} streams; ${SETTLE_MS / 1000} s to settle`);
  const turn = async (): Promise<Turn> => {
    const own = await bytesOfClient(run, await start(), '/stream?channel=channel-{channel}');
    const shared = await bytesOfClient(run, await start(), '/stream');
    return { figures: { subscription: (own - shared) / 1024, shared: shared / 1024 }, problems: [] };
  };
  return compare({
    ...run,
    subjects: [{ name: 'holdfast', turn }],
    columns: [
      { key: 'subscription', title: 'KB/subscription', digits: 2 },
      { key: 'shared', title: 'KB/client on one channel', digits: 2 },
    ],
    targets: [{ column: 'subscription', peer: null, atMost: 1.5 }],
  });
}

async function bytesOfClient({ children, option }: Run, server: Server, path: string): Promise<number> {
  const clients = option('clients');
  await delay(SETTLE_MS);
  const before = residentBytes(server.child.pid);
  const load = startProgram<StreamLoad>(children, 'load', 'stream-load');
  await load.call('connect', { ports: [server.port], clients, transport: 'stream', path });
  await delay(SETTLE_MS);
  const after = residentBytes(server.child.pid);
  await load.child.stop();
  await server.child.stop();
  return (after - before) / clients;
}
