import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Every page of the documentation. */
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'examples', 'packaging']
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, name.toString())),
    )
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules')),
];

const LINK = /(?<!!)\[(?:[^[\]]|\[[^\]]*\])*\]\(([^()\s]+(?:\([^)]*\))?)\)/g;
const FENCE = /^(```|~~~)[\s\S]*?^\1$/gm;
const CODE = /`[^`\n]+`/g;

/** What the page says besides its code. */
function prose(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
    .replace(FENCE, '')
    .replace(CODE, (code) => code.replace(/[[\]()]/g, '_'));
}

/** The anchors of a page's headings, as those who show Markdown make them. */
function anchors(page: string): Set<string> {
  const text = readFileSync(join(ROOT, page), 'utf8').replace(FENCE, '');
  const found = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id));
  for (const [, heading = ''] of text.matchAll(/^#{1,6} +(.+)$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    let name = slug;
    for (let count = 1; found.has(name); count++) name = `${slug}-${count}`;
    found.add(name);
  }
  return found;
}

for (const page of PAGES) {
  test(`the links of ${page} lead somewhere`, () => {
    const broken: string[] = [];
    for (const [, link = ''] of prose(page).matchAll(LINK)) {
      if (/^[a-z][a-z0-9+.-]*:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : normalize(join(dirname(page), path));
      const file = join(ROOT, target);
      if (target.startsWith('..') || !existsSync(file)) broken.push(`${link}: there is no ${target}`);
      else if (anchor !== undefined && statSync(file).isFile() && !anchors(relative(ROOT, file)).has(anchor))
        broken.push(`${link}: ${target} has no such heading`);
    }
    assert.deepEqual(broken, []);
  });
}
