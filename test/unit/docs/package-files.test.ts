import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };

test('each link of the README leads to a file that the npm package has', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const links = [...readme.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
  const local = links.filter((target) => !/^https?:/.test(target));
  assert.ok(local.length > 0);
  for (const target of local) {
    assert.ok(existsSync(join(ROOT, target)), target);
    assert.ok(
      files.some((entry) => target === entry || target.startsWith(`${entry}/`)),
      `${target} is not in "files"`,
    );
  }
});
