import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemErrorText } from '../../../src/exchange/index.ts';

/** What is thrown when `path` is read. */
function failure(path: string): unknown {
  try {
    readFileSync(path);
  } catch (error) {
    return error;
  }
  return assert.fail(`${path} can be read`);
}

test('a system error is its text, without code, call and path', () => {
  assert.equal(systemErrorText(failure('/nowhere/none')), 'no such file or directory');
  assert.equal(systemErrorText(failure('/')), 'is a directory');
});

test('any other error is its message', () => {
  assert.equal(systemErrorText(new Error('no such-user in /etc/passwd')), 'no such-user in /etc/passwd');
  assert.equal(systemErrorText('text'), 'text');
});
