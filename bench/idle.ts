import type { Bench, Run } from './support/bench.ts';
import { CONDURE, type EdgeProgram, holdfastEdge, startEdge } from './support/edges.ts';
import { describeIdleness, IDLE_COLUMNS, type IdleKind, measureIdle } from './support/idleness.ts';
import { condureVersion, nginxVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { type Comparison, compare } from './support/rounds.ts';
import { type Server, startBare, startGripOrigin, startHoldfast, startNginxOrigin } from './support/servers.ts';

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
    describeIdleness(run, kindOf(run.part));
    const { subjects, targets } = await comparisonOf(run);
    return compare({
      rounds: run.rounds,
      starts: run.starts,
      subjects,
      columns: IDLE_COLUMNS,
      targets,
    });
  },
};

function kindOf(part: string): IdleKind {
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
  const turn = async (server: Server) =>
    measureIdle(run, { ...server, stop: () => server.child.stop() }, kindOf(run.part));
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
  const turn = async (server: Server) =>
    measureIdle(run, { ...server, stop: () => server.child.stop() }, kindOf(run.part));
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
  const turn = async (program: EdgeProgram) =>
    measureIdle(run, await startEdge(run.children, program, edge), kindOf(run.part));
  return {
    subjects: [
      { name: 'holdfast', turn: () => turn(holdfastEdge(run.launcher)) },
      { name: 'condure', turn: () => turn(CONDURE) },
    ],
    targets: [{ column: 'kilobytes', peer: null, atMost: run.part === 'edge' ? 8 : 10 }],
  };
}
