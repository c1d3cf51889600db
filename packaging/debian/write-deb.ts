import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { filled } from '../units.ts';
import { configFiles, type InstalledFile } from './installed-files.ts';
import { MAINTAINER, type PackageVersion } from './package-version.ts';

const SCRIPTS = ['postinst', 'prerm', 'postrm'];

/**
 * Writes the package. The same files and version give the same bytes.
 * @returns its path, FOLDER/holdfast_VERSION_all.deb
 * @throws Error if dpkg-deb fails
 */
export function writeDeb(files: ReadonlyMap<string, InstalledFile>, version: PackageVersion, folder: string): string {
  const tree = mkdtempSync(join(tmpdir(), 'holdfast-deb-'));
  try {
    for (const [path, file] of files) install(tree, path, file);
    const values = { version: version.debian, size: String(installedSize(files)), maintainer: MAINTAINER };
    install(tree, 'DEBIAN/control', { content: filled(template('control'), values), mode: 0o644 });
    install(tree, 'DEBIAN/conffiles', {
      content: [...configFiles().keys()].map((path) => `/${path}\n`).join(''),
      mode: 0o644,
    });
    install(tree, 'DEBIAN/md5sums', { content: md5sums(files), mode: 0o644 });
    for (const name of SCRIPTS) install(tree, `DEBIAN/${name}`, { content: template(name), mode: 0o755 });
    const deb = join(folder, `holdfast_${version.debian}_all.deb`);
    // dpkg-deb takes the files in the order of their names, and no time that is later than this one.
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', tree, deb], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(version.epoch) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return deb;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** KiB, as dpkg-gencontrol counts: each file takes whole ones, and everything else one. */
export function installedSize(files: ReadonlyMap<string, InstalledFile>): number {
  const folders = new Set<string>();
  let size = 0;
  for (const [path, file] of files) {
    size += 'link' in file ? 1 : Math.ceil(Buffer.byteLength(file.content) / 1024);
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  return size + folders.size;
}

function install(tree: string, path: string, file: InstalledFile): void {
  const target = join(tree, path);
  // Whatever the umask is.
  for (const folder of missingFolders(tree, path)) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
  }
  if ('link' in file) {
    symlinkSync(file.link, target);
    return;
  }
  writeFileSync(target, file.content);
  chmodSync(target, file.mode);
}

function missingFolders(tree: string, path: string): string[] {
  const parts = dirname(path).split('/');
  return [tree, ...parts.map((_, index) => join(tree, ...parts.slice(0, index + 1)))];
}

function md5sums(files: ReadonlyMap<string, InstalledFile>): string {
  const lines: string[] = [];
  for (const [path, file] of files) {
    if ('link' in file || path.startsWith('etc/')) continue;
    lines.push(`${createHash('md5').update(file.content).digest('hex')}  ${path}\n`);
  }
  return lines.join('');
}

function template(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}
