import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Run } from './support/bench.ts';
import { cProgram } from './support/c-program.ts';
import {
  CONDURE_CLIENT,
  type Fetcher,
  type FetchProgram,
  holdfastFetcher,
  startFetcher,
  ZURL,
} from './support/fetchers.ts';
import { condureVersion, nginxVersion, zurlVersion } from './support/machine.ts';
import { type Column, compare, type Subject, type Target, type Turn, type Verdict } from './support/rounds.ts';
import { SMALL_BODY, startNginxOrigin } from './support/servers.ts';
import {
  BUSY_COLUMN,
  cpuColumns,
  cpuFigures,
  measureCpu,
  peakResidentBytes,
  resetPeak,
  residentBytes,
} from './support/usage.ts';

const WARM_UP_SECONDS = 2;
/** Downloads of a turn, one after the other, after one of warm-up. */
const DOWNLOADS = 5;
/** Until a program that was just started has come to rest, in milliseconds. */
const SETTLE_MS = 1000;
const MEGABYTE = 1e6;

const REQUEST_COLUMNS: readonly Column[] = [
  ...cpuColumns('request'),
  { key: 'rate', title: 'requests/s', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 3 },
  { key: 'p99', title: 'p99 ms', digits: 2 },
  BUSY_COLUMN,
];

const DOWNLOAD_COLUMNS: readonly Column[] = [
  { key: 'perCpu', title: 'MB/CPU s', digits: 1 },
  { key: 'rate', title: 'MB/s', digits: 1 },
  { key: 'growth', title: 'growth MiB', digits: 1 },
  BUSY_COLUMN,
];

const AS_ZURL = 'holdfast zurl';
const AS_CONDURE = 'holdfast condure';

/** At the same load, against both: Holdfast takes the place of either. */
const MANY: readonly Target[] = [
  { subject: AS_ZURL, column: 'cpu', peer: 'zurl', atMost: 0.18 },
  { subject: AS_ZURL, column: 'rate', peer: 'zurl', atLeast: 3 },
  { subject: AS_CONDURE, column: 'cpu', peer: 'condure', atMost: 0.45 },
];

/** One that is within the bound of both peers is within that of the better one. */
const SINGLE: readonly Target[] = [AS_ZURL, AS_CONDURE].flatMap((subject) =>
  ['zurl', 'condure'].map((peer) => ({ subject, column: 'p50', peer, atMost: 0.6 })),
);

const DOWNLOAD: readonly Target[] = [
  { subject: AS_ZURL, column: 'perCpu', peer: 'zurl', atLeast: 1.1 },
  { subject: AS_ZURL, column: 'growth', peer: null, atMost: 64 },
  { subject: AS_CONDURE, column: 'growth', peer: null, atMost: 64 },
];

/** What it costs to make a request that came as a message over ZeroMQ, compared with zurl and with condure's client mode. */
export const fetch: Bench = {
  summary: 'CPU per small GET that is asked for over ZeroMQ, against zurl and the client mode of condure',
  parts: {
    req: 'one packet there, one back',
    push: 'requests by PUSH, responses by SUB, not streamed',
    single: 'as req, one request at a time',
    download: 'a long body, streamed under credits',
  },
  options: {
    'in-flight': { help: 'requests under way at a time in req and push', default: 50, min: 1, max: 100 },
    seconds: { help: 'length of a turn', default: 5, min: 1, max: 600 },
    megabytes: { help: 'length of the long body, in 10^6 bytes', default: 100, min: 1, max: 10_000 },
    loglevel: { help: 'what all of them log: 0 errors, 1 warnings, 2 requests, 3 packets', default: 2, min: 0, max: 3 },
  },
  commands: ['zurl', 'condure', 'nginx', 'cc'],
  peers: () => [zurlVersion(), condureVersion(), nginxVersion()],

  run(run) {
    switch (run.part) {
      case 'download':
        return downloads(run);
      case 'single':
        return requests(run, 'req', 1, SINGLE);
      default:
        return requests(run, run.part === 'push' ? 'push' : 'req', run.option('in-flight'), MANY);
    }
  },
};

/** Many small requests, or one after the other. */
async function requests(
  run: Run,
  mode: 'req' | 'push',
  inFlight: number,
  targets: readonly Target[],
): Promise<Verdict> {
  const { children, option, rounds, starts } = run;
  const seconds = option('seconds');
  console.log(
    `load      C with libzmq over ipc, ${inFlight} under way, ${seconds} s after ${WARM_UP_SECONDS} s of warm-up; the same for all`,
  );
  console.log(`origin    nginx, 1 worker, responds with ${SMALL_BODY.length} bytes; the same for all`);
  const origin = await startNginxOrigin(children);
  const uri = `http://127.0.0.1:${origin.port}/`;
  const load = await fetchLoad(run);

  const measure = async ({ child, req, base }: Fetcher): Promise<Turn> => {
    const ask = async (length: number) => {
      const args = [mode, mode === 'req' ? req : base, uri, SMALL_BODY, String(inFlight), String(length)];
      return (await children.run('fetch-load', 'load', load, args)).trim().split(' ').map(Number);
    };
    const warmUp = await measureCpu(child.pid, () => ask(WARM_UP_SECONDS));
    const counted = await measureCpu(child.pid, () => ask(seconds));
    const { result, cpuSeconds } = counted;
    const [answers = 0, took = 0, p50 = Number.NaN, p99 = Number.NaN] = result;
    return {
      figures: {
        ...cpuFigures(counted, answers, warmUp, warmUp.result[0] ?? Number.NaN),
        rate: answers / took,
        p50,
        p99,
        busy: (cpuSeconds / took) * 100,
      },
      problems: [],
    };
  };

  const verdict = await compare({
    rounds,
    starts,
    subjects: subjects(run, measure),
    columns: REQUEST_COLUMNS,
    targets,
  });
  await origin.child.stop();
  return verdict;
}

/** A long body, several times. */
async function downloads(run: Run): Promise<Verdict> {
  const { children, option, rounds, starts } = run;
  const megabytes = option('megabytes');
  console.log(
    `load      C with libzmq over ipc, 200,000 bytes of credits, ${megabytes} MB ${DOWNLOADS} times after once for warm-up; the same for all`,
  );
  console.log('origin    nginx, 1 worker, sends a file; the same for all');
  console.log(
    `growth    most memory resident until the end, less what was resident ${SETTLE_MS / 1000} s after the start`,
  );
  const file = longFile(children.directory, megabytes);
  const origin = await startNginxOrigin(children, file);
  const uri = `http://127.0.0.1:${origin.port}/`;
  const load = await fetchLoad(run);

  const measure = async ({ child, base }: Fetcher): Promise<Turn> => {
    const download = async (times: number) =>
      Number(
        await children.run('fetch-load', 'load', load, ['download', base, uri, `${uri}file`, file, String(times)]),
      );
    await delay(SETTLE_MS);
    const idle = residentBytes(child.pid);
    resetPeak(child.pid);
    await download(1);
    const { result, cpuSeconds } = await measureCpu(child.pid, () => download(DOWNLOADS));
    const peak = peakResidentBytes(child.pid);
    return {
      figures: {
        perCpu: (megabytes * DOWNLOADS) / cpuSeconds,
        rate: (megabytes * DOWNLOADS) / result,
        growth: (peak - idle) / 2 ** 20,
        busy: (cpuSeconds / result) * 100,
      },
      problems: [],
    };
  };

  const verdict = await compare({
    rounds,
    starts,
    subjects: subjects(run, measure),
    columns: DOWNLOAD_COLUMNS,
    targets: DOWNLOAD,
  });
  await origin.child.stop();
  return verdict;
}

/** Each program, started for its turn and stopped after it. */
function subjects(run: Run, measure: (fetcher: Fetcher) => Promise<Turn>): [Subject, ...Subject[]] {
  const subject = (program: FetchProgram): Subject => ({
    name: program.name,
    turn: async () => {
      const fetcher = await startFetcher(run.children, program, run.option('loglevel'));
      const turn = await measure(fetcher);
      await fetcher.child.stop();
      return turn;
    },
  });
  return [
    subject(holdfastFetcher(run.launcher, 'zurl')),
    subject(ZURL),
    subject(holdfastFetcher(run.launcher, 'condure')),
    subject(CONDURE_CLIENT),
  ];
}

function fetchLoad(run: Run): Promise<string> {
  return cProgram(run.children, ['programs/fetch-load.c', 'handlers/zhttp.c'], ['zmq']);
}

/** A file no two parts of which are the same, so that the load notices what is missing, doubled or in the wrong place. */
function longFile(folder: string, megabytes: number): string {
  const path = join(folder, 'long');
  const file = openSync(path, 'w');
  const block = Buffer.allocUnsafe(MEGABYTE);
  for (let i = 0; i < megabytes; i++) writeSync(file, randomFillSync(block));
  closeSync(file);
  return path;
}
