import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatConfig, loadConfig, parseRouteLine } from '../../../src/config/index.ts';

function read(lines: string) {
  return loadConfig(`[[route]]\nhost = "*"\ntargets = ["localhost:1"]\n${lines}\n`, 'a.toml');
}

test('a route says what clients see of published messages, and what becomes of slow ones', () => {
  const [plain] = read('').routes;
  assert.deepEqual([plain?.cursor, plain?.slow], ['none', 'catch_up']);
  const config = read('cursor = "envelope"\nslow = "close"');
  assert.deepEqual([config.routes[0]?.cursor, config.routes[0]?.slow], ['envelope', 'close']);
  assert.deepEqual(loadConfig(formatConfig(config), 'b.toml'), config);
  const line = parseRouteLine('*,cursor=envelope,slow=drop localhost:1');
  assert.deepEqual([line.cursor, line.slow], ['envelope', 'drop']);
});

test('values that are wrong, or have no effect, are refused', () => {
  assert.throws(() => read('cursor = "id"'), /cursor: expected "none" or "envelope", got "id"/);
  assert.throws(() => read('slow = "wait"'), /slow: expected "catch_up", "drop" or "close", got "wait"/);
  assert.throws(() => read('cursor = "envelope"\nno_grip = true'), /cursor: has no effect together with no_grip/);
  assert.throws(() => read('cursor = "envelope"\nproto = "http"'), /cursor: has no effect on plain HTTP/);
  read('cursor = "envelope"\nproto = "http"\nsockjs = "/s"');
});
