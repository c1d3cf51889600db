import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HUNDRED_ITEMS } from './fanout.ts';
import type { PublishOptions, ResumeLoad } from './programs/resume-load.ts';
import type { Bench, Run } from './support/bench.ts';
import { gripPublishing, plainPublishing } from './support/deliveries.ts';
import { nchanVersion, nginxVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { startProgram } from './support/program.ts';
import { compare, type Turn } from './support/rounds.ts';
import { nchanModule, type Server, startHoldfast, startNchan, startNginxOrigin } from './support/servers.ts';
import { BUSY_COLUMN, cpuColumns, cpuFigures, measureCpu, type Window } from './support/usage.ts';

/** Until the clients of the last time are gone, in milliseconds. */
const SETTLE_MS = 1_000;
/** How often all clients come back before it counts, while code is being compiled. */
const WARM_UP = 2;

/** What it costs to let clients go on where they were. */
export const resume: Bench = {
  summary:
    'CPU per EventSource client that comes back with all others at once and gets what it has missed, against nginx with nchan',
  options: {
    clients: { help: 'clients that come back', default: 5_000, min: 1, max: 9_000 },
    items: { help: 'items that each has missed', default: 20, min: 1, max: 90 },
    times: { help: 'how often they come back', default: 3, min: 1, max: 100 },
  },
  commands: ['nginx'],
  peers() {
    if (!existsSync(nchanModule())) throw new Error(`${nchanModule()} is missing: install libnginx-mod-nchan`);
    return [nginxVersion(), nchanVersion()];
  },

  async run(run) {
    requireOpenFiles(run.option('clients') * 2);
    console.log(
      `load      ${run.option('clients')} clients with Last-Event-ID, and the publisher, in one process; ` +
        `${run.option('times')} times after ${WARM_UP} of warm-up, ${SETTLE_MS / 1000} s apart`,
    );
    console.log('origin    nginx; it allows each request, and names the channel by GRIP');
    console.log('holdfast  the channel keeps 100 items in memory');
    console.log(
      'nchan     nginx with 1 worker and nchan_authorize_request to the same origin; it keeps 100 items in memory',
    );
    const { children, launcher } = run;
    const origin = await startNginxOrigin(children);
    const grip = gripPublishing('http-stream');
    // One item a request: the list has one item.
    const own = { ...grip, before: `${grip.first}${grip.before}`, after: `${grip.after}${grip.last}` };
    const plain = plainPublishing('/publish');
    const start = () => startHoldfast(children, launcher, origin.port, { tables: HUNDRED_ITEMS });
    return compare({
      ...run,
      subjects: [
        { name: 'holdfast', turn: async () => measure(run, await start(), own) },
        { name: 'nchan', turn: async () => measure(run, await startNchan(children, origin.port), plain) },
      ],
      columns: [
        ...cpuColumns('client'),
        { key: 'p50', title: 'p50 ms', digits: 0 },
        { key: 'p99', title: 'p99 ms', digits: 0 },
        { key: 'rate', title: 'clients/s', digits: 0 },
        { key: 'bytes', title: 'wire bytes/client', digits: 0 },
        BUSY_COLUMN,
      ],
      targets: [
        { column: 'cpu', peer: 'nchan', atMost: 1 },
        { column: 'p99', peer: 'nchan', atMost: 1 },
      ],
    });
  },
};

async function measure(
  { children, option }: Run,
  server: Server,
  { path, before, after }: Pick<PublishOptions, 'path' | 'before' | 'after'>,
): Promise<Turn> {
  const [clients, items, times] = [option('clients'), option('items'), option('times')];
  const load = startProgram<ResumeLoad>(children, 'load', 'resume-load');
  const { port } = server;
  const publish = { port: server.publishPort, path, before, after, items };
  await load.call('begin', { port, publish });
  const problems: string[] = [];
  const comeBack = async () => {
    await load.call('publish', publish);
    const window = await measureCpu(server.child.pid, () => load.call('comeBack', { port, clients, items }));
    const { incomplete, closed } = window.result;
    if (incomplete > 0) problems.push(`${incomplete} clients have not got every item once`);
    if (closed > 0) problems.push(`${closed} clients were disconnected by the server`);
    await delay(SETTLE_MS);
    return window;
  };
  const several = async (count: number) => {
    const windows = [];
    for (let time = 0; time < count; time++) windows.push(await comeBack());
    return windows;
  };
  const warmed = await several(WARM_UP);
  const counted = await several(times);
  await load.child.stop();
  await server.child.stop();

  const results = counted.map(({ result }) => result);
  const mean = (key: 'p50' | 'p99' | 'seconds' | 'bytes') =>
    results.reduce((sum, result) => sum + result[key], 0) / times;
  const sum = together(counted);
  return {
    figures: {
      ...cpuFigures(sum, clients * times, together(warmed), clients * WARM_UP),
      p50: mean('p50'),
      p99: mean('p99'),
      rate: clients / mean('seconds'),
      bytes: mean('bytes') / clients,
      busy: (sum.cpuSeconds / sum.wallSeconds) * 100,
    },
    problems,
  };
}

/** Several windows as one. */
function together(windows: readonly Window<unknown>[]): Window<null> {
  const sum = (key: 'cpuSeconds' | 'userSeconds' | 'kernelSeconds' | 'wallSeconds') =>
    windows.reduce((total, window) => total + window[key], 0);
  return {
    result: null,
    cpuSeconds: sum('cpuSeconds'),
    userSeconds: sum('userSeconds'),
    kernelSeconds: sum('kernelSeconds'),
    wallSeconds: sum('wallSeconds'),
  };
}
