import { checkResponse, SMALL_RESPONSE } from './check-response.ts';
import type { Children } from './children.ts';
import type { Column, Turn } from './rounds.ts';
import type { Server } from './servers.ts';
import { BUSY_COLUMN, cpuColumns, cpuFigures, measureCpu } from './usage.ts';
import { runWrk } from './wrk.ts';

/** Seconds of warm-up before the requests that count. */
export const WARM_UP_SECONDS = 2;

/** The columns that `measureRequests` fills. */
export const REQUEST_COLUMNS: readonly Column[] = [
  ...cpuColumns('request'),
  { key: 'rate', title: 'requests/s', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 2 },
  { key: 'p99', title: 'p99 ms', digits: 2 },
  BUSY_COLUMN,
];

/** Lets `wrk` send GETs over keep-alive connections, and stops the server. By default they are small ones. */
export async function measureRequests(
  children: Children,
  server: Server,
  connections: number,
  seconds: number,
  expected = SMALL_RESPONSE,
): Promise<Turn> {
  const url = `http://127.0.0.1:${server.port}${expected.path}`;
  await checkResponse(server.port, server.child.name, expected);
  const load = (length: number) => measureCpu(server.child.pid, () => runWrk(children, url, connections, length));
  const warmUp = await load(WARM_UP_SECONDS);
  const counted = await load(seconds);
  const { result, cpuSeconds, wallSeconds } = counted;
  await server.child.stop();
  return {
    figures: {
      ...cpuFigures(counted, result.requests, warmUp, warmUp.result.requests),
      requests: result.requests,
      rate: result.perSecond,
      p50: result.p50,
      p99: result.p99,
      busy: (cpuSeconds / wallSeconds) * 100,
    },
    problems: result.problems,
  };
}
