import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/index.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('the node of the guide has a control port that balancers and publishers of other machines reach, and a socket', () => {
  const [, text = ''] = /^ {3}```toml\n([\s\S]*?)^ {3}```$/m.exec(read('docs/how-to/cluster.md')) ?? [];
  const { control, cluster } = loadConfig(text, 'cluster.md');
  assert.ok(cluster.nats.length > 0);
  // A port without a host is on all interfaces.
  assert.ok(control.listen?.some((address) => address.kind === 'tcp' && address.host === null));
  assert.ok(control.listen?.some((address) => address.kind === 'unix'));
  assert.ok(control.user.length > 0);
});

test('what the example writes is not taken for a part of the repository', () => {
  const ignored = read('.gitignore').split('\n');
  for (const folder of ['/run/', '/examples/cluster/run/']) assert.ok(ignored.includes(folder), folder);
});
