import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** Bytes of code that `holdfast run` may load before it is ready. Node takes about 100 ms of CPU for a megabyte. */
const MAX_BYTES = 2_600_000;

/** The files that these import statically, by size. */
function loaded(entries: readonly string[]): Map<string, number> {
  const sizes = new Map<string, number>();
  const queue = [...entries];
  for (const name of queue) {
    if (sizes.has(name)) continue;
    const code = readFileSync(join(DIST, name), 'utf8');
    sizes.set(name, code.length);
    for (const [, target = ''] of code.matchAll(/^(?:import|export)\b[^;]*?["'](\.[^"']+)["'];/gm)) {
      queue.push(join(dirname(name), target));
    }
  }
  return sizes;
}

test('holdfast run loads little code before it is ready, and nothing that it may never need', () => {
  const files = loaded(['cli/main.js', 'parts/run.js']);
  assert.ok(files.has('rooms/server.js') && files.has('packages/zod.js'));
  assert.deepEqual(
    [...files.keys()].filter((name) => /acme-client|axios|forge/.test(name)),
    [],
  );
  const bytes = [...files.values()].reduce((sum, size) => sum + size, 0);
  const largest = [...files].sort(([, a], [, b]) => b - a).slice(0, 10);
  assert.ok(bytes <= MAX_BYTES, `${bytes} bytes: ${largest.map(([name, size]) => `${name} ${size}`).join(', ')}`);
});
