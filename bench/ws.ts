import type { StreamLoad } from './programs/stream-load.ts';
import type { Bench, Run } from './support/bench.ts';
import { plainPublishing } from './support/deliveries.ts';
import { ECHO_COLUMNS, measureEchoes } from './support/echoes.ts';
import { CONDURE, type EdgeProgram, holdfastEdge, startEdge } from './support/edges.ts';
import { condureVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { startProgram } from './support/program.ts';
import { WARM_UP_SECONDS } from './support/requests.ts';
import { type Column, compare, type Turn } from './support/rounds.ts';
import { BUSY_COLUMN, cpuColumns, cpuFigures, measureCpu } from './support/usage.ts';

/** Bytes of a message. */
const BYTES = 100;
/** Deliveries of a broadcast back to back; a fifth as many before, as warm-up. */
const DELIVERIES = 200_000;
const WARM_UP_SHARE = 5;

/** What a WebSocket message costs on its way to a handler and back, and what one costs that goes to many. */
export const ws: Bench = {
  summary: 'CPU per WebSocket message that a handler echoes or broadcasts over ZeroMQ, against condure',
  parts: {
    echo: 'every client sends 100 bytes, and again when they came back',
    broadcast: 'items of 100 bytes to all clients, in packets for up to 128 each',
  },
  options: {
    clients: { help: 'WebSockets', default: 1000, min: 1, max: 19_000 },
    seconds: { help: 'length of a turn of echo', default: 5, min: 1, max: 600 },
    items: { help: 'items of a turn of broadcast; 0 for 200,000 deliveries', default: 0, min: 0, max: 10_000_000 },
    rate: { help: 'items a second of broadcast; 0 for back to back', default: 0, min: 0, max: 100_000 },
    'in-flight': { help: 'items that may be on their way when broadcasting back to back', default: 4, min: 1, max: 40 },
  },
  commands: ['condure', 'cc'],
  peers: () => [condureVersion()],

  run(run) {
    requireOpenFiles(run.option('clients'));
    const echo = run.part === 'echo';
    console.log(echo ? describeEcho(run) : describeBroadcast(run));
    console.log('handler   C with libzmq over ipc, grants credits for what it gets; the same for all');
    const turn = echo ? measureEcho : measureBroadcast;
    return compare({
      rounds: run.rounds,
      starts: run.starts,
      subjects: [
        { name: 'holdfast', turn: () => turn(run, holdfastEdge(run.launcher)) },
        { name: 'condure', turn: () => turn(run, CONDURE) },
      ],
      columns: echo ? ECHO_COLUMNS : BROADCAST_COLUMNS,
      targets: [{ column: 'cpu', peer: 'condure', atMost: echo ? 0.35 : 0.5 }],
    });
  },
};

const TIMES: readonly Column[] = [
  { key: 'p50', title: 'p50 ms', digits: 2 },
  { key: 'p99', title: 'p99 ms', digits: 2 },
  BUSY_COLUMN,
];

const BROADCAST_COLUMNS: readonly Column[] = [
  ...cpuColumns('delivery'),
  { key: 'rate', title: 'deliveries/s', digits: 0 },
  { key: 'bytes', title: 'wire bytes/delivery', digits: 1 },
  ...TIMES,
];

function describeEcho({ option }: Run): string {
  return `load      ${option('clients')} WebSockets, ${option('seconds')} s after ${WARM_UP_SECONDS} s of warm-up; a message is one there and back`;
}

function describeBroadcast(run: Run): string {
  const items = itemsOf(run);
  const rate = run.option('rate');
  const pace = rate > 0 ? `${rate} items/s` : `back to back, at most ${run.option('in-flight')} items on their way`;
  return `load      ${run.option('clients')} WebSockets and one that publishes, ${items} items, ${pace}, after ${warmUp(items)} of warm-up`;
}

function itemsOf({ option }: Run): number {
  const rate = option('rate');
  return option('items') || (rate > 0 ? rate * 5 : Math.ceil(DELIVERIES / option('clients')));
}

function warmUp(items: number): number {
  return Math.ceil(items / WARM_UP_SHARE);
}

async function measureEcho(run: Run, program: EdgeProgram): Promise<Turn> {
  const clients = run.option('clients');
  const { port, child, stop } = await startEdge(run.children, program, {
    mode: 'stream',
    connections: clients,
    workers: 1,
  });
  return measureEchoes(run, { port, pid: child.pid, stop }, clients, BYTES);
}

async function measureBroadcast(run: Run, program: EdgeProgram): Promise<Turn> {
  const { children, option } = run;
  const [clients, items] = [option('clients'), itemsOf(run)];
  // One more for the publisher.
  const edge = await startEdge(children, program, { mode: 'stream', connections: clients + 1, workers: 1 });
  const load = startProgram<StreamLoad>(children, 'load', 'stream-load');
  await load.call('connect', { ports: [edge.port], clients, transport: 'websocket', path: '/subscribe' });
  const options = {
    port: edge.port,
    transport: 'websocket' as const,
    ...plainPublishing('/publish'),
    receivers: 'all' as const,
    batch: 1,
    items,
    rate: option('rate'),
    inFlight: option('in-flight'),
  };
  const publish = (count: number) =>
    measureCpu(edge.child.pid, () => load.call('publish', { ...options, items: count }));
  const warmed = await publish(warmUp(items));
  const counted = await publish(items);
  const warm = warmed.result;
  const { result, cpuSeconds, wallSeconds } = counted;
  await load.child.stop();
  await edge.stop();

  const problems: string[] = [];
  if (warm.incomplete > 0) problems.push(`${warm.incomplete} clients missed items of the warm-up`);
  if (result.incomplete > 0) problems.push(`${result.incomplete} clients have not got every item once`);
  if (result.closed > 0) problems.push(`${result.closed} WebSockets were ended by the server`);
  return {
    figures: {
      ...cpuFigures(counted, result.delivered, warmed, warm.delivered),
      rate: result.delivered / result.seconds,
      bytes: result.bytes / result.delivered,
      p50: result.p50,
      p99: result.p99,
      busy: (cpuSeconds / wallSeconds) * 100,
    },
    problems,
  };
}
