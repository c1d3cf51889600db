import type { Bench } from './support/bench.ts';
import { ECHO_COLUMNS, measureEchoes } from './support/echoes.ts';
import { nginxVersion } from './support/machine.ts';
import { requireOpenFiles } from './support/open-files.ts';
import { WARM_UP_SECONDS } from './support/requests.ts';
import { compare } from './support/rounds.ts';
import { type Server, startEchoOrigin, startHoldfast, startNginxWebSocketProxy } from './support/servers.ts';

/** Bytes of a message. */
const BYTES = 64;

/** What a WebSocket message costs on its way to an origin and back. */
export const proxyWs: Bench = {
  summary: 'CPU per WebSocket message that an origin sends back, against nginx proxy_pass',
  options: {
    clients: { help: 'WebSockets', default: 1000, min: 1, max: 9_000 },
    seconds: { help: 'length of a turn', default: 5, min: 1, max: 600 },
  },
  commands: ['nginx'],
  peers: () => [nginxVersion()],

  async run(run) {
    const { children, launcher, option } = run;
    const clients = option('clients');
    // One for the client and one for the origin.
    requireOpenFiles(2 * clients);
    console.log(
      `load      ${clients} WebSockets, ${BYTES} bytes each way, ${option('seconds')} s after ${WARM_UP_SECONDS} s of warm-up; a message is one there and back`,
    );
    console.log('origin    ws on Node, without compression; the same for all');
    console.log('nginx     1 worker, proxy_pass with Upgrade');
    const origin = await startEchoOrigin(children);
    const turn = async ({ port, child }: Server) =>
      measureEchoes(run, { port, pid: child.pid, stop: () => child.stop() }, clients, BYTES);
    return compare({
      ...run,
      subjects: [
        { name: 'holdfast', turn: async () => turn(await startHoldfast(children, launcher, origin)) },
        { name: 'nginx', turn: async () => turn(await startNginxWebSocketProxy(children, origin)) },
      ],
      columns: ECHO_COLUMNS,
      targets: [{ column: 'cpu', peer: 'nginx', atMost: 2.5 }],
    });
  },
};
