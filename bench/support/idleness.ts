import { setTimeout as delay } from 'node:timers/promises';
import type { IdleLoad } from '../programs/idle-load.ts';
import type { Run } from './bench.ts';
import type { Edge } from './edges.ts';
import { startProgram } from './program.ts';
import type { Column, Turn } from './rounds.ts';
import { SMALL_BODY } from './servers.ts';
import { measureCpu, residentBytes } from './usage.ts';

/** Connections of one client process: far from the usual limit of open files. */
const CONNECTIONS_PER_PROCESS = 5000;
/** Until memory and timers have come to rest, in milliseconds. */
const SETTLE_MS = 3000;

/** What idle clients have. */
const KINDS = { get: 'connections, one GET on each', stream: 'streams', websocket: 'WebSockets' } as const;

export type IdleKind = keyof typeof KINDS;

/** The columns that `measureIdle` fills. */
export const IDLE_COLUMNS: readonly Column[] = [
  { key: 'kilobytes', title: 'KB/connection', digits: 2 },
  { key: 'busy', title: 'idle CPU %', digits: 2 },
  { key: 'before', title: 'MB before', digits: 1 },
  { key: 'after', title: 'MB after', digits: 1 },
  { key: 'rate', title: 'connections/s', digits: 0 },
];

/** Prints what `measureIdle` does with the options `connections` and `seconds`. */
export function describeIdleness({ option }: Run, kind: IdleKind): void {
  const settle = SETTLE_MS / 1000;
  console.log(
    `load      ${option('connections')} ${KINDS[kind]}; ${settle} s to settle; ${option('seconds')} s of idleness`,
  );
  console.log(`memory    resident when settled, less what it was ${settle} s after the start with no connection yet`);
}

/** Opens the connections, lets them be, and stops the server. */
export async function measureIdle(
  { children, option }: Run,
  { child, port, stop }: Edge,
  kind: IdleKind,
): Promise<Turn> {
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
      return program.call('open', { port, connections: share, body: SMALL_BODY, kind });
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
