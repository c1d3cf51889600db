import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { packageVersionOf } from '../../packaging/debian/package-version.ts';
import { installedSize } from '../../packaging/debian/write-deb.ts';
import { assertCoded } from '../support/dashboard/assert-coded.ts';
import { isForContributors, localLinks } from '../support/document-links.ts';
import { requirePeer } from '../support/peers.ts';
import { buildDeb, builtDeb } from './built-debs.ts';

/** KiB that the package may install: 15 MB. */
const MAX_SIZE = 15_000_000 / 1024;

test('the package needs the node of Debian and nothing of the network, and is small', async (t) => {
  if (requirePeer(t, 'dpkg-deb') === null) return;
  const { path, files } = await builtDeb();
  const field = (name: string): string => execFileSync('dpkg-deb', ['-f', path, name], { encoding: 'utf8' }).trim();
  assert.equal(field('Depends'), 'nodejs (>= 20.19), adduser');
  assert.equal(field('Architecture'), 'all');
  assert.equal(field('Version'), '1.2.3');
  assert.equal(Number(field('Installed-Size')), installedSize(files));
  assert.ok(installedSize(files) <= MAX_SIZE, `${installedSize(files)} KiB`);
});

test('only what runs is installed: no sources, declarations, maps or native code', async (t) => {
  if (requirePeer(t, 'dpkg-deb') === null) return;
  const { path, files } = await builtDeb();
  const listed = execFileSync('dpkg-deb', ['-c', path], { encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(
    listed.filter((line) => !line.includes(' root/root ')),
    [],
  );
  for (const [name, file] of files) {
    assert.doesNotMatch(name, /\.(?:d\.[cm]?ts|[cm]?ts|map|node|tsbuildinfo)$|node_modules/);
    if (name.startsWith('usr/share/nodejs') && 'content' in file) {
      assert.doesNotMatch(String(file.content), /^\/\/# sourceMappingURL/m, name);
    }
  }
  const dashboard = 'usr/share/nodejs/holdfast/dist/dashboard/';
  const pages = [...files.keys()].filter((name) => name.startsWith(dashboard));
  assertCoded(pages.map((name) => name.slice(dashboard.length)));
  const conffiles = execFileSync('dpkg-deb', ['-I', path, 'conffiles'], { encoding: 'utf8' });
  assert.equal(
    conffiles,
    '/etc/holdfast/edge.toml\n/etc/holdfast/fetch.toml\n/etc/holdfast/holdfast.toml\n/etc/logrotate.d/holdfast\n',
  );
});

test('each link of a document leads to another one of the package', async (t) => {
  if (requirePeer(t, 'dpkg-deb') === null) return;
  const { files } = await builtDeb();
  const documents = [...files.keys()].filter((path) => path.endsWith('.md') && !isForContributors(path));
  assert.ok(documents.length > 10);
  for (const path of documents) {
    const file = files.get(path);
    if (file === undefined || 'link' in file) continue;
    for (const target of localLinks(String(file.content))) {
      // Debian has the text of the license.
      if (target === 'LICENSE') continue;
      const wanted = join(dirname(path), target).replace(/\/$/, '');
      const found = [...files].some(
        ([name, other]) =>
          name === wanted || name.startsWith(`${wanted}/`) || ('link' in other && wanted.startsWith(`${name}/`)),
      );
      assert.ok(found, `${path}: ${target}`);
    }
  }
});

test('the same sources give the same bytes', async (t) => {
  if (requirePeer(t, 'dpkg-deb') === null) return;
  const first = readFileSync((await builtDeb()).path);
  const umask = process.umask(0o077);
  const second = await buildDeb('1.2.3').finally(() => process.umask(umask));
  assert.ok(first.equals(readFileSync(second.path)));
});

test('lintian finds nothing', async (t) => {
  if (requirePeer(t, 'lintian') === null) return;
  const { path } = await builtDeb();
  const ran = spawnSync('lintian', ['--allow-root', '--pedantic', '--tag-display-limit', '0', path], {
    encoding: 'utf8',
  });
  assert.deepEqual([ran.stdout, ran.status], ['', 0]);
});

test('a pre-release of npm comes before its release in Debian', () => {
  assert.equal(packageVersionOf('1.0.0-rc.1', 0).debian, '1.0.0~rc.1');
  assert.equal(packageVersionOf('1.0.0', 0).debian, '1.0.0');
  assert.equal(packageVersionOf('1.0.0-alpha-2.x', 0).debian, '1.0.0~alpha.2.x');
});
