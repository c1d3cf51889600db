import type { EchoLoad } from '../programs/echo-load.ts';
import type { Run } from './bench.ts';
import { startProgram } from './program.ts';
import { WARM_UP_SECONDS } from './requests.ts';
import type { Column, Turn } from './rounds.ts';
import { BUSY_COLUMN, cpuColumns, cpuFigures, measureCpu } from './usage.ts';

/** A server whose clients get back what they send. */
export interface EchoServer {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The columns that `measureEchoes` fills. */
export const ECHO_COLUMNS: readonly Column[] = [
  ...cpuColumns('message'),
  { key: 'rate', title: 'messages/s', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 2 },
  { key: 'p99', title: 'p99 ms', digits: 2 },
  BUSY_COLUMN,
];

/** Lets WebSockets send messages of so many bytes, each when the last came back, and stops the server. */
export async function measureEchoes(
  { children, option }: Run,
  server: EchoServer,
  clients: number,
  bytes: number,
): Promise<Turn> {
  const load = startProgram<EchoLoad>(children, 'load', 'echo-load');
  await load.call('connect', { port: server.port, clients, bytes });
  const echo = (seconds: number) => measureCpu(server.pid, () => load.call('echo', { seconds }));
  const warmed = await echo(WARM_UP_SECONDS);
  const counted = await echo(option('seconds'));
  const warm = warmed.result;
  const { result, cpuSeconds, wallSeconds } = counted;
  await load.child.stop();
  await server.stop();
  const missing = warm.missing + result.missing;
  return {
    figures: {
      ...cpuFigures(counted, result.messages, warmed, warm.messages),
      rate: result.messages / result.seconds,
      p50: result.p50,
      p99: result.p99,
      busy: (cpuSeconds / wallSeconds) * 100,
    },
    problems: missing > 0 ? [`${missing} messages have not come back`] : [],
  };
}
