// `npm run package:deb [-- FOLDER]`: writes holdfast_VERSION_all.deb to the folder, by default the project's.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installedFiles } from './debian/installed-files.ts';
import { packageVersionOf } from './debian/package-version.ts';
import { writeDeb } from './debian/write-deb.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const { version } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as { version: string };
const built = packageVersionOf(version, epoch());
console.log(writeDeb(await installedFiles(ROOT, built), built, resolve(process.argv[2] ?? ROOT)));

/** SOURCE_DATE_EPOCH, or the time of the last commit, or 0 outside a repository. */
function epoch(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  const { stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' });
  return Number(stdout ?? 0);
}
