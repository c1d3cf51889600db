import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

test('the documentation is built as a site: every page, a search, and the files that pages lead to', async (t) => {
  const site = join(temporaryFolder(t), 'site');
  const vitepress = join(ROOT, 'node_modules/vitepress/bin/vitepress.js');
  const { code, stdout, stderr } = await new Program(
    t,
    process.execPath,
    [vitepress, 'build', 'docs', '--outDir', site],
    {
      cwd: ROOT,
    },
  ).ended;
  assert.equal(code, 0, stdout + stderr);
  for (const page of ['index.html', 'docs/how-to/tls.html', 'docs/reference/configuration.html', 'ARCHITECTURE.html'])
    assert.match(readFileSync(join(site, page), 'utf8'), /VPLocalSearch|VPNavBarSearch/);
  assert.ok(existsSync(join(site, 'examples/mongrel2/python/mongrel2.py')));
  // Pages ask nothing of other servers.
  assert.doesNotMatch(
    readFileSync(join(site, 'index.html'), 'utf8'),
    /(?:src|href)="https?:\/\/(?!localhost)[^"]*\.(?:js|css|woff2?)"/,
  );
});
