import { existsSync } from 'node:fs';
import type { Bench, Run } from './support/bench.ts';
import {
  DELIVERY_COLUMNS,
  type DeliveryPlan,
  deliveryPlan,
  gripPublishing,
  measureDeliveries,
  type Publishing,
  plainPublishing,
} from './support/deliveries.ts';
import { nchanVersion, nginxVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { compare, type Subject, type Turn, type Verdict } from './support/rounds.ts';
import { scraped } from './support/scraped.ts';
import { nchanModule, type Server, startBare, startGripOrigin, startHoldfast, startNchan } from './support/servers.ts';

/** Every channel keeps its last 100 items. */
export const HUNDRED_ITEMS = '[[channel]]\nmatch = ">"\nhistory_items = 100';

/** Deliveries of a turn back to back. */
const DELIVERIES = 500_000;
/** Length of a turn at a rate. */
const SECONDS = 5;
/** Numbers of streams whose deliveries must cost the same. */
const GROWTH = [100, 1_000, 5_000, 15_000] as const;

/** What one delivery of a published item to a held stream costs. */
export const fanout: Bench = {
  summary: 'CPU per delivery of a 100-byte item to held streams, against a bare socket.write loop and nginx with nchan',
  parts: {
    streams: 'items back to back, or at --rate, to all streams of one channel',
    latency: 'the same at half of the rate that nchan reaches',
    growth: `the same to ${GROWTH.join(', ')} streams`,
    workers: 'the same with several worker processes, and with one',
    history: 'the same where the channel keeps 100 items, and where it keeps none',
    metrics: 'items over ZeroMQ, with metrics that are read once a second, and without a control port',
  },
  options: {
    clients: { help: 'streams that are held on the one channel', default: 5000, min: 1, max: 19_000 },
    items: {
      help: `items published in a turn; 0 for half a million deliveries, or ${SECONDS} s at a rate`,
      default: 0,
      min: 0,
      max: 10_000_000,
    },
    rate: { help: 'items a second in streams and workers; 0 for back to back', default: 0, min: 0, max: 100_000 },
    'in-flight': { help: 'items that may be on their way when publishing back to back', default: 4, min: 1, max: 100 },
    workers: { help: 'worker processes in the part of this name', default: 2, min: 2, max: 64 },
  },
  commands: ['nginx'],
  peers() {
    if (!existsSync(nchanModule())) throw new Error(`${nchanModule()} is missing: install libnginx-mod-nchan`);
    return [nginxVersion(), nchanVersion()];
  },

  async run(run) {
    requireOpenFiles(run.part === 'growth' ? Math.max(...GROWTH) : run.option('clients'));
    console.log('publish   one HTTP POST an item over one connection; the same load program for all');
    console.log('holdfast  Grip-Hold: stream by an origin; content "data: ITEM\\n\\n"');
    const rooms = { streams, latency, growth, workers, history, metrics };
    return rooms[run.part as keyof typeof rooms](run);
  },
};

async function streams(run: Run): Promise<Verdict> {
  console.log(
    'bare      Node, a loop of socket.write with one Buffer of "data: ITEM\\n\\n" as a chunk; no HTTP parser, no channels, no timeouts',
  );
  describeNchan();
  const { children } = run;
  const rate = run.option('rate');
  return compare({
    ...run,
    subjects: [
      await holdfast(run, rate),
      subject(run, 'bare', () => startBare(children), plainPublishing('/', 'data: ', '\n\n'), rate),
      nchan(run, rate),
    ],
    columns: DELIVERY_COLUMNS,
    targets: [
      { column: 'cpu', peer: 'bare', atMost: 1.15 },
      { column: 'cpu', peer: 'nchan', atMost: 0.8 },
    ],
  });
}

async function latency(run: Run): Promise<Verdict> {
  describeNchan();
  const fastest = (await nchan(run, 0).turn()).figures.rate as number;
  const rate = Math.max(1, Math.floor(fastest / 2 / run.option('clients')));
  console.log(`rate      ${rate} items/s: nchan has just made ${Math.round(fastest)} deliveries/s`);
  return compare({
    ...run,
    subjects: [await holdfast(run, rate), nchan(run, rate)],
    columns: DELIVERY_COLUMNS,
    targets: [{ column: 'p99', peer: 'nchan', atMost: 1 }],
  });
}

async function growth(run: Run): Promise<Verdict> {
  const { children, launcher } = run;
  const origin = await startGripOrigin(children);
  const publishing = gripPublishing('http-stream');
  const [least, ...more] = GROWTH.map((clients) =>
    subject(run, String(clients), () => startHoldfast(children, launcher, origin), publishing, 0, clients),
  ) as [Subject, ...Subject[]];
  return compare({
    ...run,
    subjects: [least, ...more],
    columns: DELIVERY_COLUMNS,
    targets: more.map(({ name }) => ({ subject: name, column: 'cpu', peer: least.name, atMost: 1.2 })),
  });
}

async function workers(run: Run): Promise<Verdict> {
  const count = run.option('workers');
  const rate = run.option('rate');
  return compare({
    ...run,
    subjects: [await holdfast(run, rate, count), await holdfast(run, rate)],
    columns: DELIVERY_COLUMNS,
    targets: [{ column: 'cpu', peer: 'holdfast', atMost: 1.1 }],
  });
}

async function history(run: Run): Promise<Verdict> {
  const { children, launcher } = run;
  const origin = await startGripOrigin(children);
  const publishing = gripPublishing('http-stream');
  const start = (tables: string) => () => startHoldfast(children, launcher, origin, { tables });
  return compare({
    ...run,
    subjects: [
      subject(run, 'history', start(HUNDRED_ITEMS), publishing, run.option('rate')),
      subject(run, 'none', start(''), publishing, run.option('rate')),
    ],
    columns: DELIVERY_COLUMNS,
    targets: [{ column: 'cpu', peer: 'none', atMost: 1.1 }],
  });
}

/** Items come over ZeroMQ, for without a control port there is no other way. */
async function metrics(run: Run): Promise<Verdict> {
  const { children, launcher } = run;
  const origin = await startGripOrigin(children);
  const publishing = { ...gripPublishing('http-stream'), first: 'J', between: '', last: '' };
  const plan = planOf(run, publishing, run.option('rate'), run.option('clients'));
  const overZmq: DeliveryPlan = { ...plan, publish: { ...plan.publish, transport: 'push' } };
  const start = (control: boolean) => startHoldfast(children, launcher, origin, { pull: true, control });
  const measure = (server: Server) => measureDeliveries(run, server, overZmq);
  return compare({
    ...run,
    subjects: [
      { name: 'metrics', turn: async () => scraped(await start(true), measure) },
      { name: 'none', turn: async () => measure(await start(false)) },
    ],
    columns: DELIVERY_COLUMNS,
    targets: [{ column: 'cpu', peer: 'none', atMost: 1.1 }],
  });
}

function describeNchan(): void {
  console.log('nchan     nginx with 1 worker, EventSource; it adds "id: …" to each item and keeps 100 items');
}

async function holdfast(run: Run, rate: number, count = 1): Promise<Subject> {
  const { children, launcher } = run;
  const origin = await startGripOrigin(children);
  const name = count === 1 ? 'holdfast' : `${count} workers`;
  const start = () => startHoldfast(children, launcher, origin, { workers: count });
  return subject(run, name, start, gripPublishing('http-stream'), rate);
}

function nchan(run: Run, rate: number): Subject {
  return subject(run, 'nchan', () => startNchan(run.children), plainPublishing('/publish'), rate);
}

function subject(
  run: Run,
  name: string,
  start: () => Promise<Server>,
  publishing: Publishing,
  rate: number,
  clients = run.option('clients'),
): Subject {
  const turn = async (): Promise<Turn> => measureDeliveries(run, await start(), planOf(run, publishing, rate, clients));
  return { name, turn };
}

function planOf({ option }: Run, publishing: Publishing, rate: number, clients: number): DeliveryPlan {
  const items = option('items') || (rate > 0 ? rate * SECONDS : Math.ceil(DELIVERIES / clients));
  const connect = { clients, transport: 'stream', path: '/stream' } as const;
  return deliveryPlan(connect, { ...publishing, items, rate, inFlight: option('in-flight') });
}
