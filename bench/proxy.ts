import type { Bench } from './support/bench.ts';
import { checkResponse } from './support/check-response.ts';
import type { Children } from './support/children.ts';
import { nginxVersion, wrkVersion } from './support/machine.ts';
import { compare, type Turn } from './support/rounds.ts';
import { type Server, SMALL_BODY, startHoldfast, startNginxOrigin, startNginxProxy } from './support/servers.ts';
import { cpuColumns, cpuFigures, measureCpu } from './support/usage.ts';
import { runWrk } from './support/wrk.ts';

/** What a small request costs a reverse proxy, compared with nginx. */
export const proxy: Bench = {
  summary: 'CPU per small GET forwarded to an origin, against nginx proxy_pass',
  options: {
    connections: { help: 'keep-alive connections of clients', default: 50, min: 1, max: 10_000 },
    seconds: { help: 'length of a turn', default: 5, min: 1, max: 600 },
  },
  commands: ['nginx', 'wrk'],
  peers: () => [nginxVersion(), wrkVersion()],

  async run({ children, launcher, rounds, starts, option }) {
    const [connections, seconds] = [option('connections'), option('seconds')];
    console.log(`load      wrk, 1 thread, ${connections} keep-alive connections, ${seconds} s after 2 s of warm-up`);
    console.log(`origin    nginx, 1 worker, responds with ${SMALL_BODY.length} bytes; the same for all`);
    console.log('nginx     1 worker, 64 idle connections kept to the origin, no access log');
    const origin = await startNginxOrigin(children);
    const turn = async (start: Promise<Server>) => measure(children, await start, connections, seconds);
    return compare({
      rounds,
      starts,
      subjects: [
        { name: 'holdfast', turn: () => turn(startHoldfast(children, launcher, origin.port, { path: '/' })) },
        { name: 'nginx', turn: () => turn(startNginxProxy(children, origin.port)) },
      ],
      columns: [
        ...cpuColumns('request'),
        { key: 'rate', title: 'requests/s', digits: 0 },
        { key: 'p50', title: 'p50 ms', digits: 2 },
        { key: 'p99', title: 'p99 ms', digits: 2 },
        { key: 'busy', title: 'core used %', digits: 0 },
      ],
      targets: [
        { column: 'cpu', peer: 'nginx', atMost: 1.8 },
        { column: 'p50', peer: 'nginx', atMost: 1.5 },
      ],
    });
  },
};

async function measure(children: Children, server: Server, connections: number, seconds: number): Promise<Turn> {
  const url = `http://127.0.0.1:${server.port}/`;
  await checkResponse(server.port, server.child.name);
  const load = (length: number) => runWrk(children, url, connections, length);
  const warmUp = await measureCpu(server.child.pid, () => load(2));
  const counted = await measureCpu(server.child.pid, () => load(seconds));
  const { result, cpuSeconds, wallSeconds } = counted;
  await server.child.stop();
  return {
    figures: {
      ...cpuFigures(counted, result.requests, warmUp, warmUp.result.requests),
      rate: result.perSecond,
      p50: result.p50,
      p99: result.p99,
      busy: (cpuSeconds / wallSeconds) * 100,
    },
    problems: result.problems,
  };
}
