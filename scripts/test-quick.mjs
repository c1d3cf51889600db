// `npm run test:quick`: the unit tests but for the slowest, and a few tests of the built program. No checks, nothing to install. All
// tests of a room run in one process: to start one for each file costs more than most files do.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT, runTypeScript, setUp } from './setup.mjs';

/** Tests of the built program: one for each of its roles. */
const SMOKE = ['test/e2e/proxy.test.ts', 'test/e2e/edge-websocket.test.ts', 'test/e2e/fetch-guide.test.ts'];

/** Unit tests that take long: they start many processes, compress much, or wait for the garbage collector. */
const SLOW = [
  'test/unit/scripts/',
  'test/unit/net/tls-acceptor.test.ts',
  'test/unit/app/bounded-output.test.ts',
  'test/unit/proxy/proxied-exchange-streaming.test.ts',
];

/** Milliseconds that a room may take before it counts as hung. */
const ROOM_TIMEOUT = 180_000;

setUp();
const entries = writeEntries(join(ROOT, 'node_modules/.cache/test-quick'));
process.exit(
  runTypeScript([
    '--test',
    '--test-reporter=dot',
    `--test-timeout=${ROOM_TIMEOUT}`,
    `--test-concurrency=${Math.min(availableParallelism() + 1, 4)}`,
    ...SMOKE,
    ...entries,
  ]),
);

/** Writes a file for each room that imports the room's tests. Returns their paths. */
function writeEntries(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const rooms = readdirSync(join(ROOT, 'test/unit'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return rooms.flatMap(({ name }) => {
    const files = readdirSync(join(ROOT, 'test/unit', name), { recursive: true })
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => `test/unit/${name}/${file}`)
      .filter((file) => !SLOW.some((slow) => file.startsWith(slow)))
      .sort();
    if (files.length === 0) return [];
    const path = join(folder, `${name}.test.mjs`);
    const up = relative(folder, ROOT);
    writeFileSync(path, files.map((file) => `import ${JSON.stringify(`${up}/${file}`)};\n`).join(''));
    return [path];
  });
}
