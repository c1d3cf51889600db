import type { Bench } from './support/bench.ts';
import { nginxVersion, wrkVersion } from './support/machine.ts';
import { measureRequests, WARM_UP_SECONDS } from './support/requests.ts';
import { compare } from './support/rounds.ts';
import { type Server, SMALL_BODY, startHoldfast, startNginxOrigin, startNginxProxy } from './support/servers.ts';
import { cpuColumns } from './support/usage.ts';

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
    console.log(
      `load      wrk, 1 thread, ${connections} keep-alive connections, ${seconds} s after ${WARM_UP_SECONDS} s of warm-up`,
    );
    console.log(`origin    nginx, 1 worker, responds with ${SMALL_BODY.length} bytes; the same for all`);
    console.log('nginx     1 worker, 64 idle connections kept to the origin, no access log');
    const origin = await startNginxOrigin(children);
    const turn = async (start: Promise<Server>) => measureRequests(children, await start, connections, seconds);
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
