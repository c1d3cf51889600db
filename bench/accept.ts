import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Run } from './support/bench.ts';
import { cProgram } from './support/c-program.ts';
import { CONDURE, type EdgeProgram, holdfastEdge, startEdge } from './support/edges.ts';
import { condureVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { compare, type Turn } from './support/rounds.ts';
import { SMALL_BODY } from './support/servers.ts';
import { BUSY_COLUMN, measureCpu } from './support/usage.ts';

/** Until the clients of the last time are gone, in milliseconds. */
const SETTLE_MS = 1000;
/** How often all clients come before it counts: until then a program that is compiled as it runs is still being compiled. */
const WARM_UP = 2;
/** The server may not have noticed the end of all clients before when the next ones come. */
const ROOM = 1.5;

/** How fast new clients are let in. */
export const accept: Bench = {
  summary: 'clients per second that connect and get one response from a handler over ZeroMQ, against Condure',
  options: {
    clients: { help: 'clients that connect and stay', default: 10_000, min: 100, max: 13_000 },
    'in-flight': { help: 'clients that may wait for a response at a time', default: 100, min: 1, max: 500 },
    times: { help: 'how often all clients connect', default: 3, min: 1, max: 100 },
  },
  commands: ['condure', 'cc'],
  peers: () => [condureVersion()],

  run(run) {
    const clients = run.option('clients');
    requireOpenFiles(clients * ROOM);
    console.log(
      `load      ${clients} clients in C, one GET on each, at most ${run.option('in-flight')} without a response; ` +
        `${run.option('times')} times after ${WARM_UP} of warm-up, ${SETTLE_MS / 1000} s apart`,
    );
    console.log(`handler   C with libzmq over ipc, responds with ${SMALL_BODY.length} bytes; the same for all`);
    return compare({
      rounds: run.rounds,
      starts: run.starts,
      subjects: [
        { name: 'holdfast', turn: () => measure(run, holdfastEdge(run.launcher)) },
        { name: 'condure', turn: () => measure(run, CONDURE) },
      ],
      columns: [
        { key: 'rate', title: 'accepts/s', digits: 0 },
        { key: 'cpu', title: 'CPU µs/accept', digits: 1 },
        BUSY_COLUMN,
      ],
      targets: [{ column: 'rate', peer: 'condure', atLeast: 1.5 }],
    });
  },
};

async function measure({ children, option }: Run, program: EdgeProgram): Promise<Turn> {
  const [clients, times] = [option('clients'), option('times')];
  const load = await cProgram(children, ['programs/accept-load.c'], []);
  const edge = await startEdge(children, program, { mode: 'stream', connections: clients * ROOM, workers: 1 });
  const args = [edge.port, clients, option('in-flight'), SMALL_BODY].map(String);
  const connect = async () => Number(await children.run('accept-load', 'load', load, args));

  for (let time = 0; time < WARM_UP; time++) {
    await connect();
    await delay(SETTLE_MS);
  }
  let seconds = 0;
  let cpu = 0;
  for (let time = 0; time < times; time++) {
    const { result, cpuSeconds } = await measureCpu(edge.child.pid, connect);
    seconds += result;
    cpu += cpuSeconds;
    await delay(SETTLE_MS);
  }
  await edge.stop();
  return {
    figures: {
      rate: (clients * times) / seconds,
      cpu: (cpu / (clients * times)) * 1e6,
      busy: (cpu / seconds) * 100,
    },
    problems: [],
  };
}
