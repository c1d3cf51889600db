import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, loadConfig } from '../../../src/config/index.ts';
import { BYTES, SECONDS, withUnit } from '../../../src/config/with-unit.ts';

test('a text with a unit stands for a number', () => {
  const durations: [string, number][] = [
    ['250ms', 0.25],
    ['60s', 60],
    ['1.5 m', 90],
    ['1h', 3_600],
    ['7d', 604_800],
  ];
  for (const [text, number] of durations) assert.equal(withUnit(text, SECONDS), number, text);
  const sizes: [string, number][] = [
    ['10B', 10],
    ['64KB', 65_536],
    ['4MB', 4_194_304],
    ['1.5 GB', 1_610_612_736],
  ];
  for (const [text, number] of sizes) assert.equal(withUnit(text, BYTES), number, text);
  for (const text of [
    '',
    '60',
    's',
    '-1s',
    '1e3s',
    '60 S',
    '1ss',
    '4mb',
    '1.s',
    ' 1s',
    '1toString',
    'x1s',
    `${'9'.repeat(400)}s`,
  ])
    assert.equal(withUnit(text, SECONDS), null, text);
  assert.equal(withUnit('60s', BYTES), null);
});

test('durations and sizes take units, within their ranges, and nothing else does', () => {
  const route = '[[route]]\nhost = "*"\ntargets = ["localhost:8000"]\n';
  const config = loadConfig(
    `${route}resume = { ttl = "2m", max_bytes = "4MB" }\n[history]\nmax_bytes = "1GB"\n`,
    'x.toml',
  );
  assert.deepEqual([config.routes[0]?.resume?.ttl, config.routes[0]?.resume?.maxBytes], [120, 4_194_304]);
  assert.equal(config.history.maxBytes, 1_073_741_824);
  const refused: [string, RegExp][] = [
    [
      `${route}resume = { ttl = "2d" }\n`,
      /route\[0\].resume.ttl: expected a number of seconds from 1 to 86400, got 172800/,
    ],
    [`${route}resume = { ttl = "4MB" }\n`, /resume.ttl: expected a number of seconds .*, got "4MB"/],
    ['[history]\nmax_bytes = "0.3KB"\n', /history.max_bytes: expected a whole number of bytes/],
    ['[hub]\nqueue_items = "10s"\n', /hub.queue_items: expected a whole number .*, got "10s"/],
  ];
  for (const [toml, message] of refused)
    assert.throws(
      () => loadConfig(toml, 'x.toml'),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
});
