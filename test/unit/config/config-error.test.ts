import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, keyName } from '../../../src/config/config-error.ts';

test('the message has a line for each issue, with its known position', () => {
  const error = new ConfigError('h.toml', [
    { key: 'server.listen', line: 3, message: 'is wrong' },
    { key: 'log', line: null, message: 'is missing' },
    { key: '', line: 9, message: 'is not TOML' },
  ]);
  assert.equal(error.message, 'h.toml:3: server.listen: is wrong\nh.toml: log: is missing\nh.toml:9: is not TOML');
  assert.equal(new ConfigError('', [{ key: 'id', line: null, message: 'is wrong' }]).message, 'id: is wrong');
});

test('a key is written with dots, indices in brackets, and quotes where a part needs them', () => {
  assert.equal(keyName(['route', 0, 'header', 'X-A']), 'route[0].header.X-A');
  assert.equal(keyName(['a.b', 'c d', '']), '"a.b"."c d".""');
  assert.equal(keyName(['line\nend']), '"line\\nend"');
});
