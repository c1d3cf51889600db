import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseMongrel2Conf } from '../../../src/config/index.ts';

test('the site of the guide is valid, and has a route of each kind', () => {
  const guide = readFileSync(new URL('../../../docs/how-to/mongrel2.md', import.meta.url), 'utf8');
  const site = guide.match(/```m2sh\n(.*?)```/s)?.[1] ?? assert.fail('no site');
  const { config, ignored, unknown } = parseMongrel2Conf(site, 'guide.conf', 'only');
  assert.deepEqual([ignored, unknown], [[], []]);
  const kinds = config.edge.mongrel2[0]?.hosts[0]?.routes.map(({ target }) => target.kind);
  assert.deepEqual(kinds, ['handler', 'proxy', 'dir']);
});
