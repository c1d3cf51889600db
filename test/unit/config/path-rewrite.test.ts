import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPathRewrite, parsePathRewrite } from '../../../src/config/path-rewrite.ts';

test('a rewrite is formatted as it is written', () => {
  for (const text of ['/ /a', '/users/{id}/{rest*} /people/{id}-{rest}', '/a/{b}/c/ /{b}{b}']) {
    assert.equal(formatPathRewrite(parsePathRewrite(text)), text);
  }
});

test('each error is named', () => {
  const cases: [string, RegExp][] = [
    ['', /^expected a pattern and a replacement/],
    ['/a', /^expected a pattern and a replacement/],
    ['/a /b /c', /^expected a pattern and a replacement/],
    ['a /b', /^expected a percent-encoded path that starts with "\/"/],
    ['/a /b?c', /^expected a percent-encoded path/],
    ['/a{id} /b', /^expected a whole segment such as \{id\}/],
    ['/{Id} /b', /^expected a whole segment/],
    ['/{id}/{id} /b', /^\{id\} is given twice in the pattern$/],
    ['/{rest*}/a /b', /comes last in the pattern$/],
    ['/{id} /{other}', /^the pattern has no "\{other\}"$/],
    ['/{id} /{id', /^the pattern has no/],
  ];
  for (const [text, message] of cases)
    assert.throws(() => parsePathRewrite(text), { name: 'ConfigError', message }, text);
});
