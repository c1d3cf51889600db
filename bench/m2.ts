import type { Bench, Run } from './support/bench.ts';
import { DELIVERY_COLUMNS, deliveryPlan, measureDeliveries, plainPublishing } from './support/deliveries.ts';
import { CONDURE, type Edge, type EdgeProgram, holdfastEdge, startEdge } from './support/edges.ts';
import { describeIdleness, IDLE_COLUMNS, measureIdle } from './support/idleness.ts';
import { condureVersion, wrkVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { measureRequests, REQUEST_COLUMNS, WARM_UP_SECONDS } from './support/requests.ts';
import { compare, type Turn, type Verdict } from './support/rounds.ts';
import { startSite } from './support/sites.ts';

/** Deliveries of a turn of broadcast; a fifth as many before, as warm-up. */
const DELIVERIES = 300_000;
/** Items that may be on their way. */
const IN_FLIGHT = 4;

/** What Mongrel2's protocol costs, compared with ZHTTP. */
export const m2: Bench = {
  summary: 'CPU per request, delivery and idle connection of a Mongrel2 site, against our own edge and Condure',
  parts: {
    stream: 'small GETs to a handler over ZeroMQ, keep-alive connections',
    broadcast: 'items of 100 bytes to held streams, in messages for up to 128 each',
    idle: 'keep-alive connections that have made one request each',
  },
  options: {
    requests: { help: 'connections of clients at a time in stream', default: 50, min: 1, max: 10_000 },
    seconds: { help: 'length of a turn of stream, and how long idleness is watched', default: 5, min: 1, max: 45 },
    clients: { help: 'streams of broadcast', default: 1000, min: 1, max: 19_000 },
    connections: { help: 'idle connections', default: 10_000, min: 100, max: 19_000 },
  },
  commands: ['condure', 'wrk', 'cc'],
  peers: () => [condureVersion(), wrkVersion()],

  run(run) {
    console.log('mongrel2  holdfast run with [[edge.mongrel2]], headers in JSON');
    console.log('handlers  C with libzmq over ipc: one for Mongrel2, and one for ZHTTP, with the same responses');
    const rooms = { stream, broadcast, idle };
    return rooms[run.part as keyof typeof rooms](run);
  },
};

function site({ children, launcher }: Run): Promise<Edge> {
  return startSite(children, launcher);
}

function zhttp({ children }: Run, program: EdgeProgram, connections: number): Promise<Edge> {
  return startEdge(children, program, { mode: 'stream', connections, workers: 1 });
}

function stream(run: Run): Promise<Verdict> {
  const connections = run.option('requests');
  const seconds = run.option('seconds');
  console.log(
    `load      wrk, 1 thread, ${connections} connections kept alive, ${seconds} s after ${WARM_UP_SECONDS} s of warm-up`,
  );
  const measure = async (edge: Edge): Promise<Turn> => {
    const server = { ...edge, publishPort: edge.port, pullPort: 0 };
    const turn = await measureRequests(run.children, server, connections, seconds);
    await edge.stop();
    return turn;
  };
  return compare({
    ...run,
    subjects: [
      { name: 'mongrel2', turn: async () => measure(await site(run)) },
      { name: 'zhttp', turn: async () => measure(await zhttp(run, holdfastEdge(run.launcher), connections)) },
      { name: 'condure', turn: async () => measure(await zhttp(run, CONDURE, connections)) },
    ],
    columns: REQUEST_COLUMNS,
    targets: [
      { column: 'cpu', peer: 'zhttp', atMost: 1.05 },
      { column: 'cpu', peer: 'condure', atMost: 0.45 },
    ],
  });
}

function broadcast(run: Run): Promise<Verdict> {
  const clients = run.option('clients');
  requireOpenFiles(clients);
  const items = Math.ceil(DELIVERIES / clients);
  console.log(`load      ${clients} streams, ${items} items back to back, at most ${IN_FLIGHT} on their way`);
  console.log('publish   with a POST to the Mongrel2 handler, and on a WebSocket to that for ZHTTP');
  const turn = (edge: Edge, transport: 'http' | 'websocket') => measureBroadcast(run, edge, transport, items);
  return compare({
    ...run,
    subjects: [
      { name: 'mongrel2', turn: async () => turn(await site(run), 'http') },
      {
        name: 'zhttp',
        turn: async () => turn(await zhttp(run, holdfastEdge(run.launcher), clients + 1), 'websocket'),
      },
    ],
    columns: DELIVERY_COLUMNS,
    targets: [{ column: 'cpu', peer: 'zhttp', atMost: 1.1 }],
  });
}

async function measureBroadcast(run: Run, edge: Edge, transport: 'http' | 'websocket', items: number): Promise<Turn> {
  const { port, child } = edge;
  const connect = { clients: run.option('clients'), transport: 'stream', path: '/subscribe' } as const;
  const plan = deliveryPlan(connect, { ...plainPublishing('/publish'), items, rate: 0, inFlight: IN_FLIGHT });
  const publish = { ...plan.publish, transport };
  const turn = await measureDeliveries(run, { port, publishPort: port, pullPort: 0, child }, { ...plan, publish });
  await edge.stop();
  return turn;
}

function idle(run: Run): Promise<Verdict> {
  const connections = run.option('connections');
  requireOpenFiles(connections);
  describeIdleness(run, 'get');
  return compare({
    ...run,
    subjects: [
      { name: 'mongrel2', turn: async () => measureIdle(run, await site(run), 'get') },
      {
        name: 'zhttp',
        turn: async () => measureIdle(run, await zhttp(run, holdfastEdge(run.launcher), connections), 'get'),
      },
    ],
    columns: IDLE_COLUMNS,
    targets: [{ column: 'kilobytes', peer: null, atMost: 5 }],
  });
}
