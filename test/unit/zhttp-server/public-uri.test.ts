import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicUri } from '../../../src/zhttp-server/public-uri.ts';

test('possible secrets are left out of a URI', () => {
  for (const [uri, shown] of [
    ['http://example.com', 'http://example.com'],
    ['http://example.com:80/a/b', 'http://example.com:80/a/b'],
    ['https://example.com/a?b=c#d', 'https://example.com/a'],
    ['https://example.com/a#d?b', 'https://example.com/a'],
    ['https://example.com?b=c', 'https://example.com'],
    ['https://user:pass@example.com/a?b', 'https://example.com/a'],
    ['https://user@example.com', 'https://example.com'],
    ['https://p@ss:w@rd@example.com/a@b', 'https://example.com/a@b'],
    ['http://user:a/b@example.com/', 'http://user:a/b@example.com/'],
    ['http://user:pass@example.com\\a@b', 'http://example.com\\a@b'],
    ['http://example.com/?x=http://u:p@h/', 'http://example.com/'],
    ['x?y=http://u:p@h/', 'x'],
    ['user:pass@example.com', 'example.com'],
    ['a?b@c', 'a'],
    ['', ''],
    ['@', ''],
    ['http://', 'http://'],
    ['http://@', 'http://'],
  ] as const) {
    assert.equal(publicUri(uri), shown, uri);
  }
});

test('the query is shown if wanted, the userinfo never', () => {
  assert.equal(publicUri('http://u:p@example.com/a?b=c#d', true), 'http://example.com/a?b=c#d');
  assert.equal(publicUri('http://u:p@example.com?b@c', true), 'http://example.com?b@c');
});

test('at most a thousand characters are shown, and never the beginning of a password', () => {
  const long = `http://example.com/${'x'.repeat(2_000)}`;
  assert.equal(publicUri(long), long.slice(0, 1_000));
  assert.equal(publicUri(`http://user:${'x'.repeat(2_000)}@example.com/`), 'http://');
  assert.equal(publicUri(`http://example.com/?${'x'.repeat(2_000)}`, true).length, 1_000);
});
