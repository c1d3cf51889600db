import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './support/bench.ts';
import { nginxVersion, wrkVersion } from './support/machine.ts';
import { measureRequests, REQUEST_COLUMNS, WARM_UP_SECONDS } from './support/requests.ts';
import { compare } from './support/rounds.ts';
import { type Server, startMongrel2Dir, startNginxFiles } from './support/servers.ts';

/** Bytes of the file of each part, and how much more CPU than nginx a response with it may take. */
const PARTS = { small: { bytes: 1_024, atMost: 3 }, large: { bytes: 1_048_576, atMost: 2 } };

/** What a file of a folder costs, compared with nginx. */
export const files: Bench = {
  summary: 'CPU per GET of a file (a Dir of a Mongrel2 site), against nginx with sendfile off',
  parts: { small: 'a file of 1 KiB', large: 'a file of 1 MiB' },
  options: {
    connections: { help: 'keep-alive connections of clients', default: 50, min: 1, max: 10_000 },
    seconds: { help: 'length of a turn', default: 5, min: 1, max: 600 },
  },
  commands: ['nginx', 'wrk'],
  peers: () => [nginxVersion(), wrkVersion()],

  async run({ children, launcher, rounds, starts, part, option }) {
    const [connections, seconds] = [option('connections'), option('seconds')];
    const { bytes, atMost } = part === 'large' ? PARTS.large : PARTS.small;
    console.log(
      `load      wrk, 1 thread, ${connections} keep-alive connections, ${seconds} s after ${WARM_UP_SECONDS} s of warm-up`,
    );
    console.log(`file      ${bytes} bytes, the same for all; no access log`);
    console.log('nginx     1 worker, sendfile off, no open_file_cache');
    const folder = join(children.directory, 'files');
    const body = 'holdfast'.repeat(bytes / 8);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, part), body);
    // A file that was changed a moment ago would not be kept yet.
    const changed = new Date(Date.now() - 86_400_000);
    utimesSync(join(folder, part), changed, changed);
    const turn = async (start: Promise<Server>) =>
      measureRequests(children, await start, connections, seconds, { path: `/${part}`, body });
    return compare({
      rounds,
      starts,
      subjects: [
        { name: 'holdfast', turn: () => turn(startMongrel2Dir(children, launcher, folder)) },
        { name: 'nginx', turn: () => turn(startNginxFiles(children, folder)) },
      ],
      columns: REQUEST_COLUMNS,
      targets: [{ column: 'cpu', peer: 'nginx', atMost }],
    });
  },
};
