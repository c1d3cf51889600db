// What `npm start`, `npm test` and `npm run bench` do first: dependencies as the lock file has them, and a build of the
// sources as they are. A second run has nothing to do and says nothing.
import '../bin/check-node.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

/** The project's folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What `dist` is made of, and how, besides the compiler's configurations. The dashboard has the reference of errors in it. */
const SOURCES = [
  'src',
  'dashboard',
  'docs/reference/errors.md',
  'scripts/bundle.mjs',
  'scripts/build-dashboard.mjs',
  'package-lock.json',
];

/** Makes the tree ready to run. */
export function setUp() {
  ensureDependencies();
  ensureBuilt();
}

/** Installs what the lock file names, unless it is installed. */
export function ensureDependencies() {
  if (isInstalled()) return;
  const reason = existsSync(join(ROOT, 'node_modules')) ? 'other than package-lock.json says' : 'missing';
  console.log(`install: npm ci, because node_modules is ${reason}`);
  // NODE_ENV=production would leave out the compiler.
  runOrExit('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
}

/** Compares the lock file with what npm noted in node_modules when it installed. Only packages for other systems may be missing. */
function isInstalled() {
  const noted = join(ROOT, 'node_modules/.package-lock.json');
  try {
    const { '': _project, ...wanted } = packagesOf(join(ROOT, 'package-lock.json'));
    const installed = existsSync(noted) ? packagesOf(noted) : {};
    return Object.keys({ ...wanted, ...installed }).every((name) =>
      name in installed ? isDeepStrictEqual(installed[name], wanted[name]) : wanted[name].optional,
    );
  } catch {
    // npm knows how to complain about a lock file that is not valid.
    return false;
  }
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

/** Writes the declarations and the JavaScript of `src`, and the page of `dashboard`, to `dist`, unless nothing has changed since that was done last. */
export function ensureBuilt() {
  const dist = join(ROOT, 'dist');
  const stamp = join(dist, '.built');
  if (existsSync(stamp)) {
    const built = statSync(stamp).mtimeMs;
    const configs = readdirSync(ROOT).filter((name) => /^tsconfig.*\.json$/.test(name));
    const sources = [...SOURCES, ...configs].map((name) => join(ROOT, name));
    if (!sources.some((path) => existsSync(path) && changedSince(path, built))) return;
  }
  console.log('build: the sources are newer than dist');
  // The output of a source file that is gone must go too.
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  // The stamp has the time at which the build began, by the clock of the file system: what is saved meanwhile is newer.
  const begun = join(dist, '.begun');
  writeFileSync(begun, '');
  runOrExit(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json']);
  runOrExit(process.execPath, [join(ROOT, 'scripts/bundle.mjs')]);
  if (existsSync(join(ROOT, 'dashboard'))) runOrExit(process.execPath, [join(ROOT, 'scripts/build-dashboard.mjs')]);
  renameSync(begun, stamp);
}

/** Runs a command in the project's folder and shows what it said only if it fails; then this process ends with 1. */
export function runOrExit(command, args) {
  const ran = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 26,
  });
  if (ran.status === 0) return;
  process.stdout.write(ran.stdout ?? '');
  process.stderr.write(ran.stderr ?? '');
  console.error(`failed: ${[command, ...args].join(' ')}${ran.error ? ` (${ran.error.message})` : ''}`);
  process.exit(1);
}

/** Runs Node with `tsx` and these arguments in this terminal. Returns its exit code, 1 if it was killed. */
export function runTypeScript(args) {
  const ran = spawnSync(process.execPath, ['--import', 'tsx', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return ran.status ?? 1;
}

/** Whether the file, or the folder or anything in it, is newer. A folder's own time tells of files that were removed. */
function changedSince(path, time) {
  const stat = statSync(path);
  if (stat.mtimeMs >= time) return true;
  return stat.isDirectory() && readdirSync(path).some((name) => changedSince(join(path, name), time));
}
