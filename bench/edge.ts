import type { Bench, Run } from './support/bench.ts';
import { CONDURE, type EdgeOptions, type EdgeProgram, holdfastEdge, startEdge } from './support/edges.ts';
import { condureVersion, wrkVersion } from './support/machine.ts';
import { type Column, compare, type Subject, type Target, type Turn, type Verdict } from './support/rounds.ts';
import { SMALL_BODY } from './support/servers.ts';
import { BUSY_COLUMN, cpuColumns, cpuFigures, measureCpu, ownCpuSeconds } from './support/usage.ts';
import { runWrk } from './support/wrk.ts';

const WARM_UP_SECONDS = 2;

const COLUMNS: readonly Column[] = [
  ...cpuColumns('request'),
  { key: 'main', title: 'first process', digits: 2 },
  { key: 'rate', title: 'requests/s', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 3 },
  { key: 'p99', title: 'p99 ms', digits: 2 },
  BUSY_COLUMN,
];

/** How the requests of a part are made. */
interface Plan extends EdgeOptions {
  readonly headers?: readonly string[];
}

/** What a small request costs that is handed to a handler over ZeroMQ, compared with condure. */
export const edge: Bench = {
  summary: 'CPU per small GET to a handler over ZeroMQ, against Condure',
  parts: {
    stream: 'stream mode, keep-alive connections',
    single: 'stream mode, one keep-alive connection',
    connect: 'stream mode, a new connection for each request',
    req: 'req mode, keep-alive connections',
    workers: 'stream mode, keep-alive connections; two workers against one of our own and two of the peer',
    'workers-connect': 'the same with workers that connect to the handler',
  },
  options: {
    connections: { help: 'connections of clients at a time', default: 50, min: 1, max: 10_000 },
    seconds: { help: 'length of a turn', default: 5, min: 1, max: 600 },
  },
  commands: ['condure', 'wrk', 'cc'],
  peers: () => [condureVersion(), wrkVersion()],

  run(run) {
    const stream: Plan = { mode: 'stream', connections: run.option('connections'), workers: 1 };
    const ours = holdfastEdge(run.launcher);
    const againstCondure = (plan: Plan, targets: readonly Target[]) =>
      measureAll(run, plan, [subject(run, ours, plan), subject(run, CONDURE, plan)], targets);
    switch (run.part) {
      case 'single':
        return againstCondure({ ...stream, connections: 1 }, [{ column: 'p50', peer: 'condure', atMost: 0.6 }]);
      case 'connect':
        return againstCondure({ ...stream, headers: ['Connection: close'] }, [
          { column: 'cpu', peer: 'condure', atMost: 0.7 },
        ]);
      case 'req':
        return againstCondure({ ...stream, mode: 'req' }, [{ column: 'cpu', peer: 'condure', atMost: 0.5 }]);
      case 'workers':
      case 'workers-connect': {
        const connect = run.part === 'workers-connect';
        const one = { ...stream, connect };
        const two = { ...one, workers: 2 };
        const [ourTwo, ourOne] = ['holdfast, 2 workers', 'holdfast, 1 worker'];
        const subjects: [Subject, ...Subject[]] = [
          subject(run, ours, two, ourTwo),
          subject(run, ours, one, ourOne),
          subject(run, CONDURE, two, 'condure, 2 workers'),
        ];
        return measureAll(run, two, subjects, [
          { subject: ourTwo, column: 'cpu', peer: ourOne, atMost: connect ? 1.1 : 1.35 },
          ...(connect ? [] : [{ subject: ourTwo, column: 'main', peer: null, atMost: 3 }]),
        ]);
      }
      default:
        return againstCondure(stream, [
          { column: 'cpu', peer: 'condure', atMost: 0.45 },
          { column: 'rate', peer: 'condure', atLeast: 1.7 },
        ]);
    }
  },
};

function measureAll(
  run: Run,
  plan: Plan,
  subjects: readonly [Subject, ...Subject[]],
  targets: readonly Target[],
): Promise<Verdict> {
  const connections = `${plan.connections} ${plan.connections === 1 ? 'connection' : 'connections'}`;
  const kept = plan.headers === undefined ? 'kept alive' : 'at a time, a new one for each request';
  console.log(
    `load      wrk, 1 thread, ${connections} ${kept}, ${run.option('seconds')} s after ${WARM_UP_SECONDS} s of warm-up`,
  );
  console.log(`handler   C with libzmq over ipc, responds with ${SMALL_BODY.length} bytes; the same for all`);
  return compare({ rounds: run.rounds, starts: run.starts, subjects, columns: COLUMNS, targets });
}

function subject(run: Run, program: EdgeProgram, plan: Plan, name = program.name): Subject {
  return { name, turn: () => measure(run, program, plan) };
}

async function measure({ children, option }: Run, program: EdgeProgram, plan: Plan): Promise<Turn> {
  const edge = await startEdge(children, program, plan);
  const load = (seconds: number) =>
    runWrk(children, `http://127.0.0.1:${edge.port}/`, plan.connections, seconds, plan.headers);
  const warmUp = await measureCpu(edge.child.pid, () => load(WARM_UP_SECONDS));
  const mainBefore = ownCpuSeconds(edge.child.pid);
  const counted = await measureCpu(edge.child.pid, () => load(option('seconds')));
  const main = ownCpuSeconds(edge.child.pid) - mainBefore;
  const { result, cpuSeconds, wallSeconds } = counted;
  await edge.stop();
  return {
    figures: {
      ...cpuFigures(counted, result.requests, warmUp, warmUp.result.requests),
      main: (main / result.requests) * 1e6,
      rate: result.perSecond,
      p50: result.p50,
      p99: result.p99,
      busy: (cpuSeconds / wallSeconds) * 100,
    },
    problems: result.problems,
  };
}
