import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configChanges, formatConfig, isReloadable, loadConfig } from '../../../src/config/index.ts';

const TEXT = `
[history]
store = "disk"
path = "/var/lib/holdfast/history"

[[channel]]
match = "orders.*"
history_items = 5
history_age = 60.5
retain = true

[[channel]]
match = ">"
`;

function problem(text: string): string {
  try {
    loadConfig(text, 'x.toml');
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

test('rules for channels keep their order, and are written as they were read', () => {
  const config = loadConfig(TEXT, 'x.toml');
  assert.deepEqual(
    config.channels.map(({ match, historyItems, retain, onGap }) => [match, historyItems, retain, onGap]),
    [
      ['orders.*', 5, true, 'event'],
      ['>', 0, false, 'event'],
    ],
  );
  for (const short of [false, true]) {
    const text = formatConfig(config, { short });
    assert.deepEqual(loadConfig(text, 'y.toml'), config);
    assert.match(text, /\[\[channel\]\]\nmatch = ">"\n/);
  }
});

test('errors name the key and what was expected', () => {
  const rule = (keys: string): string => problem(`[[channel]]\n${keys}\n`);
  assert.match(rule(''), /channel\[0\]\.match: missing/);
  assert.match(rule('match = "a..b"'), /x\.toml:2: channel\[0\]\.match: expected a pattern .* it has an empty token/);
  assert.match(
    rule('match = "chat*"'),
    /match: expected a pattern .* stand for whole tokens, not for a part of one as in "chat\*"/,
  );
  assert.match(rule('match = "a.b>"'), /whole tokens/);
  assert.match(rule('match = ">.a"'), /'>' that is not the last token/);
  assert.match(rule('match = "a"\nretain = true'), /channel\[0\]\.retain: has no effect without history_items/);
  assert.match(rule('match = "a"\nhistory_age = 5'), /history_age: has no effect without history_items/);
  assert.match(rule('match = "a"\non_gap = "none"'), /on_gap: has no effect without history_items/);
  assert.match(rule('match = "a"\nhistroy_items = 5'), /unknown key.*history_items/);
  assert.match(problem('[history]\nstore = "disk"\n'), /history\.path: is needed with store = "disk"/);
  assert.match(problem('[history]\npath = "/a"\n'), /history\.path: has no effect with store = "memory"/);
  assert.match(problem('[history]\nstore = "disk"\npath = "a"\n'), /history\.path: expected an absolute path/);
});

test('a reload changes rules', () => {
  const before = loadConfig(TEXT, 'x.toml');
  const after = loadConfig(TEXT.replace('history_items = 5', 'history_items = 6'), 'x.toml');
  assert.deepEqual(configChanges(before, after), [{ key: 'channel', from: null, to: null }]);
  assert.ok(isReloadable('channel'));
});
