import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requirePeer } from './peers.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The release that has the oldest node that the package asks for. */
const SUITE = 'trixie';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/scratch-root/', import.meta.url));

/** What is in it besides the essential packages. */
const PACKAGES = 'adduser,logrotate,nodejs';

/** Milliseconds after which the cached system is made again. */
const CACHE_TIME = 7 * 24 * 3_600_000;

/** What the program inside sees of the environment. */
const ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive' };

/** How a command ended. */
export interface Done {
  readonly status: number | null;
  /** Both outputs. */
  readonly output: string;
}

/** A small Debian system in a folder, with node and nothing that runs. */
export class ScratchRoot {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Runs a command inside, as root. */
  run(...command: readonly string[]): Done {
    const ran = spawnSync('chroot', [this.folder, ...command], { encoding: 'utf8', env: ENV });
    return { status: ran.status, output: `${ran.stdout}${ran.stderr}` };
  }

  /** As `run`. @throws Error if the command fails */
  do(...command: readonly string[]): string {
    const { status, output } = this.run(...command);
    if (status !== 0) throw new Error(`${command.join(' ')} failed:\n${output}`);
    return output;
  }

  /** The paths of all files and folders, apart from what dpkg, adduser and passwd keep for themselves. */
  paths(): string[] {
    const skipped =
      /^(?:var\/lib\/dpkg|var\/log|var\/cache|etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-|run\/adduser|dev|tmp)(?:\/|$)/;
    // Not by `readdir`, which follows links: `/var/run` would lead to `/run` outside.
    return this.do('find', '/', '-mindepth', '1', '-printf', '%P\\0')
      .split('\0')
      .filter((path) => path !== '' && !skipped.test(path))
      .sort();
  }
}

/**
 * A scratch system, or null where there can be none: then the test is marked as skipped, with the reason; in CI it fails.
 */
export function scratchRoot(t: TestContext): ScratchRoot | null {
  if (requirePeer(t, 'mmdebstrap') === null) return null;
  const reason = process.geteuid?.() === 0 ? archiveFailure() : 'only root can install packages into a scratch system';
  if (reason !== null) {
    if (process.env.CI === 'true') throw new Error(reason);
    t.skip(reason);
    return null;
  }
  const folder = temporaryFolder(t);
  execFileSync('tar', ['-C', folder, '-xf', archive(), '--exclude=./dev/*']);
  return new ScratchRoot(folder);
}

function archive(): string {
  return join(CACHE, `${SUITE},${PACKAGES}.tar`);
}

/** Makes the archive of the system unless a recent one is there. Returns why that fails, or null. */
function archiveFailure(): string | null {
  const file = archive();
  if (existsSync(file) && Date.now() - statSync(file).mtimeMs < CACHE_TIME) return null;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = join(CACHE, `${process.pid}.tar`);
  const ran = spawnSync(
    'mmdebstrap',
    [
      '--quiet',
      '--variant=essential',
      `--include=${PACKAGES}`,
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      '--dpkgopt=path-exclude=/usr/share/locale/*',
      SUITE,
      unfinished,
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 },
  );
  if (ran.status === 0) {
    renameSync(unfinished, file);
    return null;
  }
  rmSync(unfinished, { force: true });
  return `mmdebstrap cannot make a system of ${SUITE}: ${ran.stderr.trim().split('\n').at(-1) ?? ''}`;
}
