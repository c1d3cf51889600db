import { setTimeout as delay } from 'node:timers/promises';
import type { IdleLoad } from './programs/idle-load.ts';
import type { Bench, Run } from './support/bench.ts';
import { CONDURE, type Edge, type EdgeProgram, holdfastEdge, startEdge } from './support/edges.ts';
import { condureVersion, nginxVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { startProgram } from './support/program.ts';
import { type Comparison, compare, type Turn } from './support/rounds.ts';
import {
  type Server,
  SMALL_BODY,
  startBare,
  startGripOrigin,
  startHoldfast,
  startNginxOrigin,
} from './support/servers.ts';
import { measureCpu, residentBytes } from './support/usage.ts';

/** Connections of one client process: far from the usual limit of open files. */
const CONNECTIONS_PER_PROCESS = 5000;
/** Until memory and timers have come to rest, in milliseconds. */
const SETTLE_MS = 3000;

/** What clients cost that are connected and do nothing. */
export const idle: Bench = {
  summary: 'memory and CPU of idle connections: behind the proxy, and on the edge against condure',
  parts: {
    proxy: 'keep-alive connections that have made one request each, forwarded to an origin',
    streams: 'streams that are held on one channel',
    woh: 'WebSockets that an origin has accepted over HTTP, on one channel',
    edge: 'keep-alive connections that have made one request each, to a handler over ZeroMQ',
    'edge-ws': 'WebSockets that a handler has accepted over ZeroMQ',
  },
  options: {
    connections: { help: 'idle connections', default: 10_000, min: 100, max: 19_000 },
    // condure ends a connection on which nothing was asked for 60 s, however it is configured.
    seconds: { help: 'how long the idleness is watched', default: 10, min: 1, max: 45 },
  },
  commands: ['nginx', 'condure', 'cc'],
  peers: () => [nginxVersion(), condureVersion()],

  async run(run) {
    requireOpenFiles(run.option('connections'));
    const settle = SETTLE_MS / 1000;
    console.log(
      `load      ${run.option('connections')} ${KINDS[kindOf(run.part)]}; ${settle} s to settle; ${run.option('seconds')} s of idleness`,
    );
    console.log(`memory    resident when settled, less what it was ${settle} s after the start with no connection yet`);
    const { subjects, targets } = await comparisonOf(run);
    return compare({
      rounds: run.rounds,
      starts: run.starts,
      subjects,
      columns: [
        { key: 'kilobytes', title: 'KB/connection', digits: 2 },
        { key: 'busy', title: 'idle CPU %', digits: 2 },
        { key: 'before', title: 'MB before', digits: 1 },
        { key: 'after', title: 'MB after', digits: 1 },
        { key: 'rate', title: 'connections/s', digits: 0 },
      ],
      targets,
    });
  },
};

/** What the clients of the load have. */
const KINDS = { get: 'connections, one GET on each', stream: 'streams', websocket: 'WebSockets' } as const;

function kindOf(part: string): keyof typeof KINDS {
  if (part === 'streams') return 'stream';
  return part === 'woh' || part === 'edge-ws' ? 'websocket' : 'get';
}

async function comparisonOf(run: Run): Promise<Pick<Comparison, 'subjects' | 'targets'>> {
  if (run.part === 'proxy') return besideBare(run);
  return run.part === 'streams' || run.part === 'woh' ? held(run) : besideCondure(run);
}

async function held(run: Run): Promise<Pick<Comparison, 'subjects' | 'targets'>> {
  const { children, launcher } = run;
  const target = run.part === 'woh' ? 'over_http' : '';
  const origin = await startGripOrigin(children);
  const turn = async (server: Server) => measure(run, { ...server, stop: () => server.child.stop() });
  return {
    subjects: [
      { name: 'holdfast', turn: async () => turn(await startHoldfast(children, launcher, origin, { target })) },
    ],
    targets: [{ column: 'kilobytes', peer: null, atMost: run.part === 'woh' ? 8 : 6.5 }],
  };
}

async function besideBare(run: Run): Promise<Pick<Comparison, 'subjects' | 'targets'>> {
  const { children, launcher } = run;
  console.log('holdfast  forwards the GETs to an nginx; default timeouts');
  console.log(
    'bare      Node, node:net sockets with a fixed response; no HTTP parser, no timeouts; for comparison only',
  );
  const origin = await startNginxOrigin(children);
  const turn = async (server: Server) => measure(run, { ...server, stop: () => server.child.stop() });
  return {
    subjects: [
      { name: 'holdfast', turn: async () => turn(await startHoldfast(children, launcher, origin.port)) },
      { name: 'bare', turn: async () => turn(await startBare(children)) },
    ],
    targets: [
      { column: 'kilobytes', peer: null, atMost: 8 },
      { column: 'busy', peer: null, atMost: 1 },
    ],
  };
}

function besideCondure(run: Run): Pick<Comparison, 'subjects' | 'targets'> {
  const edge = { mode: 'stream', connections: run.option('connections'), workers: 1 } as const;
  console.log('handler   C with libzmq over ipc, the same for all; it keeps WebSockets alive every 25 s');
  const turn = async (program: EdgeProgram) => measure(run, await startEdge(run.children, program, edge));
  return {
    subjects: [
      { name: 'holdfast', turn: () => turn(holdfastEdge(run.launcher)) },
      { name: 'condure', turn: () => turn(CONDURE) },
    ],
    targets: [{ column: 'kilobytes', peer: null, atMost: run.part === 'edge' ? 8 : 10 }],
  };
}

async function measure({ children, part, option }: Run, { child, port, stop }: Edge): Promise<Turn> {
  const connections = option('connections');
  await delay(SETTLE_MS);
  const before = residentBytes(child.pid);

  const programs = Array.from({ length: Math.ceil(connections / CONNECTIONS_PER_PROCESS) }, () =>
    startProgram<IdleLoad>(children, 'load', 'idle-load'),
  );
  // The first call also waits for the program to start, which is not part of connecting.
  await Promise.all(programs.map((program) => program.call('closed', null)));
  const start = performance.now();
  await Promise.all(
    programs.map((program, i) => {
      const share = Math.floor((connections + i) / programs.length);
      return program.call('open', { port, connections: share, body: SMALL_BODY, kind: kindOf(part) });
    }),
  );
  const connectSeconds = (performance.now() - start) / 1000;

  await delay(SETTLE_MS);
  const after = residentBytes(child.pid);
  const { cpuSeconds, wallSeconds } = await measureCpu(child.pid, () => delay(option('seconds') * 1000));
  const closed = await Promise.all(programs.map((program) => program.call('closed', null)));
  await Promise.all(programs.map((program) => program.child.stop()));
  await stop();

  const lost = closed.reduce((sum, count) => sum + count, 0);
  return {
    figures: {
      kilobytes: (after - before) / connections / 1024,
      busy: (cpuSeconds / wallSeconds) * 100,
      before: before / 2 ** 20,
      after: after / 2 ** 20,
      rate: connections / connectSeconds,
    },
    problems: lost > 0 ? [`${lost} connections were ended by the server while idle`] : [],
  };
}
