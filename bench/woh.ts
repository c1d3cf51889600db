import type { Bench, Run } from './support/bench.ts';
import { checkResponse } from './support/check-response.ts';
import { ECHO_COLUMNS, measureEchoes, WARM_UP_SECONDS } from './support/echoes.ts';
import { wrkVersion } from './support/machine.ts';
import { compare, type Turn } from './support/rounds.ts';
import { type Server, startGripOrigin, startHoldfast } from './support/servers.ts';
import { cpuFigures, measureCpu } from './support/usage.ts';
import { runWrk } from './support/wrk.ts';

/** Bytes of a message. */
const BYTES = 64;

/** What a WebSocket message costs that goes to an origin in one HTTP request and comes back in its response. */
export const woh: Bench = {
  summary: 'CPU per message of WebSocket-over-HTTP, against a GET that is forwarded to the same origin',
  options: {
    clients: { help: 'WebSockets, and keep-alive connections of the GETs', default: 200, min: 1, max: 5_000 },
    seconds: { help: 'length of a turn', default: 5, min: 1, max: 600 },
  },
  commands: ['wrk'],
  peers: () => [wrkVersion()],

  async run(run) {
    const { children, launcher, option } = run;
    console.log(
      `load      ${option('clients')} WebSockets, ${BYTES} bytes each way, or wrk with as many connections; ${option('seconds')} s after ${WARM_UP_SECONDS} s of warm-up`,
    );
    console.log('origin    Node, node:http; it sends events back as they came');
    const origin = await startGripOrigin(children);
    const start = (target: string) => startHoldfast(children, launcher, origin, { target });
    return compare({
      ...run,
      subjects: [
        { name: 'messages', turn: async () => messages(run, await start('over_http')) },
        { name: 'gets', turn: async () => gets(run, await start('')) },
      ],
      columns: ECHO_COLUMNS,
      targets: [{ column: 'cpu', peer: 'gets', atMost: 3 }],
    });
  },
};

function messages(run: Run, { port, child }: Server): Promise<Turn> {
  return measureEchoes(run, { port, pid: child.pid, stop: () => child.stop() }, run.option('clients'), BYTES);
}

async function gets({ children, option }: Run, server: Server): Promise<Turn> {
  await checkResponse(server.port, server.child.name);
  const url = `http://127.0.0.1:${server.port}/`;
  const load = (seconds: number) =>
    measureCpu(server.child.pid, () => runWrk(children, url, option('clients'), seconds));
  const warmUp = await load(WARM_UP_SECONDS);
  const counted = await load(option('seconds'));
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
