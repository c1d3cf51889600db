import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/index.ts';

test('the configuration of the guide is valid, and asks for all that the guide explains', () => {
  const guide = readFileSync(new URL('../../../docs/how-to/guard.md', import.meta.url), 'utf8');
  const toml = guide.match(/```toml\n(.*?)```/s)?.[1] ?? assert.fail('no toml');
  const [route] = loadConfig(toml, 'guide.toml').routes;
  assert.deepEqual(route?.jwt?.headers, ['X-User', 'sub']);
  assert.equal(route?.jwt?.endAtExpiry, true);
  assert.equal(route?.limit?.by, 'address');
  assert.deepEqual(route?.compress?.codings, ['br', 'gzip']);
});
