import type { Bench, Run } from './support/bench.ts';
import { ECHO_COLUMNS, measureEchoes } from './support/echoes.ts';
import { wrkVersion } from './support/machine.ts';
import { measureRequests, WARM_UP_SECONDS } from './support/requests.ts';
import { compare, type Turn } from './support/rounds.ts';
import { type Server, startGripOrigin, startHoldfast } from './support/servers.ts';

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
        {
          name: 'gets',
          turn: async () => measureRequests(children, await start(''), option('clients'), option('seconds')),
        },
      ],
      columns: ECHO_COLUMNS,
      targets: [{ column: 'cpu', peer: 'gets', atMost: 3 }],
    });
  },
};

function messages(run: Run, { port, child }: Server): Promise<Turn> {
  return measureEchoes(run, { port, pid: child.pid, stop: () => child.stop() }, run.option('clients'), BYTES);
}
