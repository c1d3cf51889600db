import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../../src/config/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true })
    .map((name) => join('docs', name.toString()))
    .filter((name) => name.endsWith('.md')),
];

for (const page of PAGES) {
  const blocks = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```toml\n([\s\S]*?)^```$/gm)];
  for (const [index, [, text = '']] of blocks.entries()) {
    test(`configuration ${index + 1} of ${page} is valid`, () => {
      // Pages show parts, and some of them need a route.
      const whole = /^\[\[route\]\]/m.test(text)
        ? text
        : `${text}\n[[route]]\nhost = "a.example.com"\ntargets = ["localhost:8000"]\n`;
      assert.doesNotThrow(() => loadConfig(whole, page));
    });
  }
}
