import { join } from 'node:path';
import { fanout, HUNDRED_ITEMS } from './fanout.ts';
import type { PublishOptions } from './programs/stream-load.ts';
import type { Bench, Run } from './support/bench.ts';
import {
  DELIVERY_COLUMNS,
  type DeliveryPlan,
  gripPublishing,
  measureDeliveries,
  type Publishing,
  plainPublishing,
  warmUpOf,
} from './support/deliveries.ts';
import { compare, type Subject, type Verdict } from './support/rounds.ts';
import { startGripOrigin, startHoldfast, startNchan } from './support/servers.ts';

/** How items are published in each part: how many in a request, over what, and how many may be on their way. */
const PARTS = {
  single: { batch: 1, transport: 'http', inFlight: 4, atLeast: 0.6 },
  batch: { batch: 100, transport: 'http', inFlight: 400, atLeast: 4 },
  pull: { batch: 1, transport: 'push', inFlight: 400, atLeast: 1.5 },
} as const;

/** The items of a ZeroMQ message: the publish request's, without its list. */
const PULL: Publishing = { ...gripPublishing('http-stream'), first: 'J', between: '', last: '' };

/** How many items a second a publisher gets rid of. */
export const publish: Bench = {
  summary: 'items a second to a channel with one subscriber, against nginx with nchan and one item a request',
  parts: {
    single: 'one item a request, over one keep-alive connection',
    batch: '100 items a request',
    pull: 'over ZeroMQ, from one PUSH socket to PULL',
    history: '100 items a request, where the channel keeps 100 items, in memory and on disk, and where it keeps none',
  },
  options: {
    items: { help: 'items published in a turn', default: 50_000, min: 1_000, max: 10_000_000 },
  },
  commands: fanout.commands,
  peers: fanout.peers,

  async run(run) {
    if (run.part === 'history') return history(run);
    const { children, launcher } = run;
    const { atLeast, ...ours } = PARTS[run.part as keyof typeof PARTS];
    console.log(
      'load      one publisher and one subscriber in one process; the next request follows the last response',
    );
    console.log('nchan     nginx with 1 worker, one item a request; it keeps 100 items');
    const origin = await startGripOrigin(children);
    const own = planOf(run, ours, ours.transport === 'push' ? PULL : gripPublishing('http-stream'));
    const theirs = planOf(run, PARTS.single, plainPublishing('/publish'));
    const start = () => startHoldfast(children, launcher, origin, { pull: ours.transport === 'push' });
    return compare({
      ...run,
      subjects: [
        { name: 'holdfast', turn: async () => measureDeliveries(run, await start(), own) },
        { name: 'nchan', turn: async () => measureDeliveries(run, await startNchan(children), theirs) },
      ],
      columns: DELIVERY_COLUMNS,
      targets: [{ column: 'rate', peer: 'nchan', atLeast }],
    });
  },
};

async function history(run: Run): Promise<Verdict> {
  const { children, launcher } = run;
  const origin = await startGripOrigin(children);
  const plan = planOf(run, PARTS.batch, gripPublishing('http-stream'));
  let turns = 0;
  const subject = (name: string, tables: () => string): Subject => ({
    name,
    turn: async () =>
      measureDeliveries(run, await startHoldfast(children, launcher, origin, { tables: tables() }), plan),
  });
  const onDisk = (): string => `[history]\nstore = "disk"\npath = "${join(children.directory, `history-${++turns}`)}"`;
  return compare({
    ...run,
    subjects: [
      subject('memory', () => HUNDRED_ITEMS),
      subject('disk', () => `${HUNDRED_ITEMS}\n${onDisk()}`),
      subject('none', () => ''),
    ],
    columns: DELIVERY_COLUMNS,
    targets: [
      { subject: 'memory', column: 'cpu', peer: 'none', atMost: 1.5 },
      { subject: 'disk', column: 'cpu', peer: 'none', atMost: 2.5 },
    ],
  });
}

function planOf(
  { option }: Run,
  { batch, transport, inFlight }: Pick<PublishOptions, 'batch' | 'transport' | 'inFlight'>,
  publishing: Publishing,
): DeliveryPlan {
  const items = Math.ceil(option('items') / batch) * batch;
  return {
    connect: { clients: 1, transport: 'stream', path: '/stream' },
    publish: { ...publishing, transport, receivers: 'all', batch, items, rate: 0, inFlight },
    warmUp: warmUpOf(items, batch),
  };
}
