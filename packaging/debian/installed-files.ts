import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { holdfastProgram } from '../../src/cli/holdfast-program.ts';
import { commandShape } from '../command-shape.ts';
import { bashCompletion, fishCompletion, zshCompletion } from '../completion/index.ts';
import { manPages } from '../man/index.ts';
import { systemdUnits } from '../units.ts';
import { copyrightFile } from './copyright-file.ts';
import { changelogFile, type PackageVersion } from './package-version.ts';

/** A file of the package, or a symbolic link. */
export type InstalledFile = { readonly content: string | Buffer; readonly mode: number } | { readonly link: string };

/** Where Debian's node looks for packages. */
const PROGRAM = 'usr/share/nodejs/holdfast';

const DOCS = 'usr/share/doc/holdfast';

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];

/**
 * What the package installs, by path without the leading slash. `dist` has to be built.
 * @param root the project's folder
 */
export async function installedFiles(root: string, version: PackageVersion): Promise<Map<string, InstalledFile>> {
  const program = commandShape(await holdfastProgram(''));
  const files = new Map<string, InstalledFile>();
  const add = (path: string, content: string | Buffer, mode = 0o644) => files.set(path, { content, mode });

  files.set('usr/bin/holdfast', { link: '../share/nodejs/holdfast/bin/holdfast' });
  for (const [path, content] of programFiles(root, version.program)) {
    const isLauncher = path === 'bin/holdfast';
    add(`${PROGRAM}/${path}`, isLauncher ? debianLauncher(content) : content, isLauncher ? 0o755 : 0o644);
  }

  for (const [path, content] of configFiles()) add(path, content);
  for (const [name, unit] of systemdUnits()) add(`usr/lib/systemd/system/${name}`, unit);
  for (const [name, page] of manPages(program, { version: version.program, date: version.date })) {
    add(`usr/share/man/man${name.at(-1)}/${name}.gz`, compressed(page));
  }
  add('usr/share/bash-completion/completions/holdfast', bashCompletion(program));
  add('usr/share/zsh/vendor-completions/_holdfast', zshCompletion(program));
  add('usr/share/fish/vendor_completions.d/holdfast.fish', fishCompletion(program));

  add('usr/share/lintian/overrides/holdfast', readFileSync(new URL('lintian-overrides', import.meta.url)));
  add(`${DOCS}/copyright`, copyrightFile(readFileSync(join(root, 'dist/LICENSES'), 'utf8')));
  add(`${DOCS}/changelog.gz`, compressed(changelogFile(version)));
  for (const [path, content] of documents(root)) add(`${DOCS}/${path}`, content);
  files.set(`${DOCS}/examples/board`, { link: '../../../nodejs/holdfast/examples/board' });
  return files;
}

/** The documents, and what they link to, by the path that they have in the project. */
function documents(root: string): Map<string, Buffer> {
  const folders: [string, RegExp][] = [
    ['docs', /\.(?:md|json|png|svg)$/],
    ['examples/cluster', /^(?!.*(?:node_modules|__pycache__))/],
    ['examples/mongrel2', /^(?!.*(?:node_modules|__pycache__))/],
    ['examples/zhttp', /^(?!.*(?:node_modules|__pycache__))/],
    ['packaging/grafana', /./],
    ['packaging/oci', /./],
    ['packaging/prometheus', /./],
  ];
  const paths = folders.flatMap(([folder, fits]) =>
    filesIn(join(root, folder))
      .filter((path) => fits.test(path))
      .map((path) => `${folder}/${path}`),
  );
  return new Map([...DOCUMENTS, ...paths].map((path) => [path, readFileSync(join(root, path))]));
}

/** What the operator may change: the files in /etc, by path without the leading slash. */
export function configFiles(): Map<string, Buffer> {
  const folder = new URL('../etc/', import.meta.url);
  const own = filesIn(fileURLToPath(folder)).map((name): [string, Buffer] => [
    `etc/holdfast/${name}`,
    readFileSync(new URL(name, folder)),
  ]);
  return new Map([...own, ['etc/logrotate.d/holdfast', readFileSync(new URL('logrotate', import.meta.url))]]);
}

/** The launcher, `dist` without declarations, and the board of `holdfast demo`. */
function programFiles(root: string, version: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const folders: [string, (path: string) => boolean][] = [
    ['bin', () => true],
    ['dist', (path) => !/\.d\.ts$|^\.built$|^LICENSES$/.test(path)],
    ['examples/board', (path) => !path.startsWith('node_modules')],
  ];
  for (const [folder, fits] of folders) {
    for (const path of filesIn(join(root, folder)).filter(fits)) {
      files.set(`${folder}/${path}`, readFileSync(join(root, folder, path)));
    }
  }
  const { name, type, license, engines, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const manifest = { name, version, type, license, engines, exports: withoutTypes(exports) };
  files.set('package.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  return files;
}

/** Debian's own node, whatever comes first in PATH. */
function debianLauncher(content: Buffer): string {
  return content.toString().replace(/^#!.*/, '#!/usr/bin/node');
}

function withoutTypes(exports: Readonly<Record<string, string | Record<string, string>>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(exports).map(([name, target]) => [name, typeof target === 'string' ? target : target.default]),
  );
}

/** The files below a folder, in one order on every machine. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Has no time in it. */
function compressed(text: string): Buffer {
  return gzipSync(text, { level: 9 });
}
