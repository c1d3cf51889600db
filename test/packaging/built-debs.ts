import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InstalledFile, installedFiles } from '../../packaging/debian/installed-files.ts';
import { packageVersionOf } from '../../packaging/debian/package-version.ts';
import { writeDeb } from '../../packaging/debian/write-deb.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Seconds since 1970. */
const EPOCH = 1_767_225_600;

/** A package, and what it installs. */
export interface BuiltDeb {
  readonly path: string;
  readonly files: ReadonlyMap<string, InstalledFile>;
}

const built = new Map<string, Promise<BuiltDeb>>();

/** The package of the built program under this version. One for all tests of a file. */
export function builtDeb(version = '1.2.3'): Promise<BuiltDeb> {
  const former = built.get(version);
  if (former !== undefined) return former;
  const deb = buildDeb(version);
  built.set(version, deb);
  return deb;
}

/** Builds a package, whatever was built before. */
export async function buildDeb(version: string): Promise<BuiltDeb> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const packageVersion = packageVersionOf(version, EPOCH);
  const files = await installedFiles(ROOT, packageVersion);
  return { path: writeDeb(files, packageVersion, folder), files };
}
