import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { channelShape } from '../../../src/config/channel-rule.ts';
import {
  configReference,
  loadConfig,
  parseEdgeListener,
  parseListenAddress,
  parseRouteLine,
} from '../../../src/config/index.ts';
import { mongrel2Tables } from '../../../src/config/mongrel2-tables.ts';
import { routeShape } from '../../../src/config/route.ts';
import { sections } from '../../../src/config/schema.ts';
import { webhookShape } from '../../../src/config/webhook.ts';

const UPDATE =
  'node --import tsx -e "import(\'./src/config/index.ts\').then((m) => process.stdout.write(m.configReference()))" > docs/reference/configuration.md';

test('docs/reference/configuration.md is generated from the schema', () => {
  const file = readFileSync(new URL('../../../docs/reference/configuration.md', import.meta.url), 'utf8');
  assert.equal(file, configReference(), `The file is out of date. To update it: ${UPDATE}`);
});

test('every key of every section has a row', () => {
  const reference = configReference();
  const tables = Object.values(mongrel2Tables);
  const keys = [
    routeShape,
    channelShape,
    webhookShape,
    ...tables,
    ...Object.values(sections).map(({ shape }) => shape),
  ].flatMap((shape) => Object.keys(shape));
  for (const key of keys)
    assert.match(reference, new RegExp(`^\\| \`${key}\` \\| [^|]+ \\| [^|]+ \\| [^|]+ \\|$`, 'm'));
});

test('the examples of the reference are valid', () => {
  const blocks = [...configReference().matchAll(/```(\w*)\n(.*?)```/gs)].map(([, kind, text = '']) => ({ kind, text }));
  const [toml, control, mongrel2, channel, webhook, routes, fetch] = blocks;
  assert.deepEqual(
    blocks.map(({ kind }) => kind),
    ['toml', 'toml', 'toml', 'toml', 'toml', '', 'toml'],
  );
  assert.equal(loadConfig(toml?.text ?? '', 'example.toml').routes.length, 1);
  assert.equal(loadConfig(control?.text ?? '', 'control.toml').control.user[0]?.role, 'admin');
  assert.equal(loadConfig(mongrel2?.text ?? '', 'mongrel2.toml').edge.mongrel2[0]?.hosts[0]?.routes.length, 3);
  assert.equal(loadConfig(channel?.text ?? '', 'channel.toml').channels[0]?.historyItems, 100);
  assert.equal(loadConfig(webhook?.text ?? '', 'webhook.toml').webhooks.length, 1);
  assert.deepEqual(loadConfig(fetch?.text ?? '', 'fetch.toml').fetch.allow, ['10.1.2.0/24']);
  const parsed = (routes?.text ?? '')
    .trim()
    .split('\n')
    .map((line) => parseRouteLine(line));
  assert.deepEqual(parsed[2]?.header, ['X-Greeting', 'good day']);
  const addresses = configReference().split('## Listen addresses')[1]?.split('###')[0] ?? '';
  for (const [, address = ''] of addresses.matchAll(/`([^`]+)`/g)) parseListenAddress(address);
  const specs = configReference().split('| listen spec |')[1]?.split('\n\n')[0] ?? '';
  const examples = [...specs.matchAll(/`([^`]+)`/g)].map(([, spec = '']) => parseEdgeListener(spec));
  assert.equal(examples.length, 5);
});
