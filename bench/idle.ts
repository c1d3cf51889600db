import { setTimeout as delay } from 'node:timers/promises';
import type { IdleLoad } from './programs/idle-load.ts';
import type { Bench, Run } from './support/bench.ts';
import { nginxVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { startProgram } from './support/program.ts';
import { compare, type Turn } from './support/rounds.ts';
import { type Server, SMALL_BODY, startBare, startHoldfast, startNginxOrigin } from './support/servers.ts';
import { measureCpu, residentBytes } from './support/usage.ts';

/** Connections of one client process: far from the usual limit of open files. */
const CONNECTIONS_PER_PROCESS = 5000;
/** Until memory and timers have come to rest, in milliseconds. */
const SETTLE_MS = 3000;

/** What clients cost that are connected and do nothing. */
export const idle: Bench = {
  summary: 'memory and CPU of idle keep-alive connections that have made one request each',
  options: {
    connections: { help: 'idle connections', default: 10_000, min: 100, max: 19_000 },
    seconds: { help: 'how long the idleness is watched', default: 10, min: 1, max: 60 },
  },
  commands: ['nginx'],
  peers: () => [nginxVersion()],

  async run(run) {
    requireOpenFiles(run.option('connections'));
    const { children, launcher, rounds } = run;
    const settle = SETTLE_MS / 1000;
    console.log(
      `load      ${run.option('connections')} connections, one GET on each; ${settle} s to settle; ${run.option('seconds')} s of idleness`,
    );
    console.log(`memory    resident when settled, less what it was ${settle} s after the start with no connection yet`);
    console.log('holdfast  forwards the GETs to an nginx; default timeouts');
    console.log(
      'bare      Node, node:net sockets with a fixed answer; no HTTP parser, no timeouts; for orientation only',
    );
    const origin = await startNginxOrigin(children);
    return compare({
      rounds,
      subjects: [
        { name: 'holdfast', turn: async () => measure(run, await startHoldfast(children, launcher, origin.port)) },
        { name: 'bare', turn: async () => measure(run, await startBare(children)) },
      ],
      columns: [
        { key: 'kilobytes', title: 'KB/connection', digits: 2 },
        { key: 'busy', title: 'idle CPU %', digits: 2 },
        { key: 'before', title: 'MB before', digits: 1 },
        { key: 'after', title: 'MB after', digits: 1 },
        { key: 'rate', title: 'connections/s', digits: 0 },
      ],
      targets: [
        { column: 'kilobytes', peer: null, atMost: 8 },
        { column: 'busy', peer: null, atMost: 1 },
      ],
    });
  },
};

async function measure({ children, option }: Run, { child, port }: Server): Promise<Turn> {
  const connections = option('connections');
  await delay(SETTLE_MS);
  const before = residentBytes(child.pid);

  const programs = Array.from({ length: Math.ceil(connections / CONNECTIONS_PER_PROCESS) }, () =>
    startProgram<IdleLoad>(children, 'load', 'idle-load'),
  );
  // The first answer to a call also says that the program has started, which is no part of connecting.
  await Promise.all(programs.map((program) => program.call('closed', null)));
  const start = performance.now();
  await Promise.all(
    programs.map((program, i) => {
      const share = Math.floor((connections + i) / programs.length);
      return program.call('open', { port, connections: share, body: SMALL_BODY });
    }),
  );
  const connectSeconds = (performance.now() - start) / 1000;

  await delay(SETTLE_MS);
  const after = residentBytes(child.pid);
  const { cpuSeconds, wallSeconds } = await measureCpu(child.pid, () => delay(option('seconds') * 1000));
  const closed = await Promise.all(programs.map((program) => program.call('closed', null)));
  await Promise.all(programs.map((program) => program.child.stop()));
  await child.stop();

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
