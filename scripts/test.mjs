// `npm test [-- FILE-OR-FOLDER…]`: sets up, runs every check, then the whole suite or the named part of it.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { ensurePeers, peersFor, thisMachine } from './peers.mjs';
import { ROOT, runOrExit, runTypeScript, setUp } from './setup.mjs';

/** Scripts of package.json that have to pass before the suite runs. */
const CHECKS = {
  typecheck: 'the types of sources, tests and benches',
  lint: 'formatting and lint',
  imports: 'who imports whom',
};

/** Milliseconds that one test file may take before it counts as hung. */
const FILE_TIMEOUT = 420_000;

const files = testFiles(process.argv.slice(2));
setUp();
for (const [name, what] of Object.entries(CHECKS)) {
  console.log(`${name}: ${what}`);
  runOrExit('npm', ['run', '--silent', name]);
}
if (!ensurePeers(peersFor('test'), thisMachine())) process.exit(1);
console.log(`test: ${files.length} files`);
process.exit(
  runTypeScript([
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${FILE_TIMEOUT}`,
    // Tests mostly wait, so all cores are used; but each file is a process that loads the compiler.
    `--test-concurrency=${Math.min(availableParallelism(), 4)}`,
    ...files,
  ]),
);

/** The test files that are, or lie in, one of the paths; all of them if there is none. Node 20 expands no patterns itself. */
function testFiles(paths) {
  const all = readdirSync(join(ROOT, 'test'), { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .sort();
  const wanted = paths.map((path) => relative(ROOT, resolve(ROOT, path)));
  const found = all.filter(
    (file) => wanted.length === 0 || wanted.some((path) => file === path || file.startsWith(path + sep)),
  );
  if (found.length > 0) return found;
  console.error(`No test file in: ${wanted.join(' ') || 'test'}`);
  return process.exit(1);
}
