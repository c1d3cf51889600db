import { setTimeout as delay } from 'node:timers/promises';
import type { TransferLoad } from './programs/transfer-load.ts';
import type { Bench, Run } from './support/bench.ts';
import { CONDURE, type EdgeProgram, holdfastEdge, startEdge } from './support/edges.ts';
import { condureVersion } from './support/machine.ts';
import { startProgram } from './support/program.ts';
import { compare, type Turn } from './support/rounds.ts';
import { BUSY_COLUMN, measureCpu, peakResidentBytes, resetPeak, residentBytes } from './support/usage.ts';

/** Until a server that was just started has come to rest, in milliseconds. */
const SETTLE_MS = 1000;
/** Transfers before the one that counts: until then a program that is compiled as it runs is still being compiled. */
const WARM_UP = 3;

/** What long bodies cost that are passed on piece by piece, and that they are not kept. */
export const transfer: Bench = {
  summary:
    'bytes per CPU second of a long body to and from a handler over ZeroMQ, against condure, and memory meanwhile',
  parts: { upload: 'a request with a long body', download: 'a response with a long body' },
  options: { megabytes: { help: 'length of the body, in 10^6 bytes', default: 100, min: 1, max: 100_000 } },
  commands: ['condure', 'cc'],
  peers: () => [condureVersion()],

  run(run) {
    const megabytes = run.option('megabytes');
    console.log(`load      one connection, ${megabytes} MB, after ${WARM_UP} times ${megabytes} MB of warm-up`);
    console.log('first     the first of these transfers, right after the start');
    console.log('handler   C with libzmq over ipc, as many bytes as it has credits; the same for all');
    console.log(
      `growth    most memory resident until the end, less what was resident ${SETTLE_MS / 1000} s after the start`,
    );
    return compare({
      rounds: run.rounds,
      starts: run.starts,
      subjects: [
        { name: 'holdfast', turn: () => measure(run, holdfastEdge(run.launcher)) },
        { name: 'condure', turn: () => measure(run, CONDURE) },
      ],
      columns: [
        { key: 'perCpu', title: 'MB/CPU s', digits: 1 },
        { key: 'first', title: 'first MB/CPU s', digits: 1 },
        { key: 'rate', title: 'MB/s', digits: 1 },
        { key: 'growth', title: 'growth MiB', digits: 1 },
        BUSY_COLUMN,
      ],
      targets: [
        { column: 'perCpu', peer: 'condure', atLeast: 1 },
        { column: 'growth', peer: null, atMost: 64 },
      ],
    });
  },
};

async function measure({ children, part, option }: Run, program: EdgeProgram): Promise<Turn> {
  const bytes = option('megabytes') * 1e6;
  const edge = await startEdge(children, program, { mode: 'stream', connections: 1, workers: 1 });
  const load = startProgram<TransferLoad>(children, 'load', 'transfer-load');
  const call = part === 'upload' ? 'upload' : 'download';
  await delay(SETTLE_MS);
  const idle = residentBytes(edge.child.pid);
  resetPeak(edge.child.pid);
  const run = () => measureCpu(edge.child.pid, () => load.call(call, { port: edge.port, bytes }));
  const first = await run();
  for (let i = 1; i < WARM_UP; i++) await run();
  const { result, cpuSeconds } = await run();
  const peak = peakResidentBytes(edge.child.pid);
  await load.child.stop();
  await edge.stop();
  return {
    figures: {
      perCpu: bytes / 1e6 / cpuSeconds,
      first: bytes / 1e6 / first.cpuSeconds,
      rate: bytes / 1e6 / result.seconds,
      growth: (peak - idle) / 2 ** 20,
      busy: (cpuSeconds / result.seconds) * 100,
    },
    problems: [],
  };
}
