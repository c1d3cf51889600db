import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Run } from './support/bench.ts';
import { nginxVersion, wrkVersion } from './support/machine.ts';
import { measureRequests, REQUEST_COLUMNS, WARM_UP_SECONDS } from './support/requests.ts';
import { compare, type Turn, type Verdict } from './support/rounds.ts';
import { scraped } from './support/scraped.ts';
import { type Server, SMALL_BODY, startHoldfast, startNginxOrigin, startNginxProxy } from './support/servers.ts';

/** What a small request costs a reverse proxy, compared with nginx. */
export const proxy: Bench = {
  summary: 'CPU per small GET forwarded to an origin, against nginx proxy_pass',
  options: {
    connections: { help: 'keep-alive connections of clients', default: 50, min: 1, max: 10_000 },
    seconds: { help: 'length of a turn', default: 5, min: 1, max: 600 },
  },
  parts: {
    nginx: 'against nginx proxy_pass',
    metrics: 'with metrics that are read once a second, and without a control port',
    'access-log': 'with an access log (JSON to a file), and without one',
  },
  commands: ['nginx', 'wrk'],
  peers: () => [nginxVersion(), wrkVersion()],

  async run(run) {
    const [connections, seconds] = [run.option('connections'), run.option('seconds')];
    console.log(
      `load      wrk, 1 thread, ${connections} keep-alive connections, ${seconds} s after ${WARM_UP_SECONDS} s of warm-up`,
    );
    console.log(`origin    nginx, 1 worker, responds with ${SMALL_BODY.length} bytes; the same for all`);
    const origin = await startNginxOrigin(run.children);
    const parts = { nginx: againstNginx, metrics, 'access-log': accessLog };
    return parts[run.part as keyof typeof parts](run, origin);
  },
};

function againstNginx(run: Run, origin: Server): Promise<Verdict> {
  const { children, launcher } = run;
  console.log('nginx     1 worker, 64 idle connections kept to the origin, no access log');
  return compare({
    ...run,
    subjects: [
      { name: 'holdfast', turn: async () => measure(run, await startHoldfast(children, launcher, origin.port, ROUTE)) },
      { name: 'nginx', turn: async () => measure(run, await startNginxProxy(children, origin.port)) },
    ],
    columns: REQUEST_COLUMNS,
    targets: [
      { column: 'cpu', peer: 'nginx', atMost: 1.8 },
      { column: 'p50', peer: 'nginx', atMost: 1.5 },
    ],
  });
}

function metrics(run: Run, origin: Server): Promise<Verdict> {
  const { children, launcher } = run;
  const start = (control: boolean) => startHoldfast(children, launcher, origin.port, { ...ROUTE, control });
  return compare({
    ...run,
    subjects: [
      { name: 'metrics', turn: async () => scraped(await start(true), (server) => measure(run, server)) },
      { name: 'none', turn: async () => measure(run, await start(false)) },
    ],
    columns: REQUEST_COLUMNS,
    targets: [{ column: 'cpu', peer: 'none', atMost: 1.1 }],
  });
}

function accessLog(run: Run, origin: Server): Promise<Verdict> {
  const { children, launcher } = run;
  const file = join(children.directory, 'access.log');
  return compare({
    ...run,
    subjects: [
      {
        name: 'access log',
        turn: async () => {
          const turn = await measure(
            run,
            await startHoldfast(children, launcher, origin.port, { ...ROUTE, accessLog: file }),
          );
          const lines = readFileSync(file, 'latin1').split('\n').length - 1;
          rmSync(file);
          if (lines >= (turn.figures.requests as number)) return turn;
          return { ...turn, problems: [...turn.problems, `the access log has ${lines} lines for more requests`] };
        },
      },
      { name: 'none', turn: async () => measure(run, await startHoldfast(children, launcher, origin.port, ROUTE)) },
    ],
    columns: REQUEST_COLUMNS,
    targets: [{ column: 'cpu', peer: 'none', atMost: 1.15 }],
  });
}

const ROUTE = { path: '/' };

function measure({ children, option }: Run, server: Server): Promise<Turn> {
  return measureRequests(children, server, option('connections'), option('seconds'));
}
