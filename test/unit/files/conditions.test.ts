import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Conditions } from '../../../src/files/conditions.ts';

const NOW = Date.UTC(2026, 0, 10);
const TIME = Date.UTC(2026, 0, 2, 3, 4, 5);
const FILE = { etag: '"e-1"', lastModified: TIME };
const SAME = new Date(TIME).toUTCString();
const EARLIER = new Date(TIME - 1_000).toUTCString();
const LATER = new Date(TIME + 1_000).toUTCString();
const FUTURE = new Date(NOW + 1_000_000).toUTCString();

function status(...headers: string[]): number | undefined {
  return Conditions.of(['Host', 'a', ...headers])?.status(FILE, NOW);
}

function range(...headers: string[]): string | null | undefined {
  return Conditions.of(headers)?.range(FILE, NOW);
}

test('a request without conditions has none', () => {
  for (const name of ['Host', 'Inner', 'Cookie_8', 'If-None-Nothing', 'Accept-Language13', 'If', 'Ranger']) {
    assert.equal(Conditions.of([name, 'if-match']), null, name);
  }
});

describe('If-Match', () => {
  for (const value of ['*', '"e-1"', '"x", "e-1"', 'W/"e-1", "e-1"'])
    test(value, () => assert.equal(status('If-Match', value), 200));
  for (const value of ['"x"', 'W/"e-1"', 'e-1', '', '"e-1'])
    test(value, () => assert.equal(status('If-Match', value), 412));
  test('in several fields', () => assert.equal(status('if-match', '"x"', 'IF-MATCH', '"e-1"'), 200));
  test('goes before If-Unmodified-Since', () => {
    assert.equal(status('If-Match', '"e-1"', 'If-Unmodified-Since', EARLIER), 200);
  });
});

describe('If-Unmodified-Since', () => {
  for (const value of [SAME, LATER, FUTURE, 'no date']) {
    test(value, () => assert.equal(status('If-Unmodified-Since', value), 200));
  }
  test(EARLIER, () => assert.equal(status('If-Unmodified-Since', EARLIER), 412));
  test('twice is no date', () => {
    assert.equal(status('If-Unmodified-Since', EARLIER, 'If-Unmodified-Since', EARLIER), 200);
  });
});

describe('If-None-Match', () => {
  for (const value of ['*', '"e-1"', 'W/"e-1"', '"x", W/"e-1"']) {
    test(value, () => assert.equal(status('If-None-Match', value), 304));
  }
  for (const value of ['"x"', '', '"e-1,"', 'e-1'])
    test(value, () => assert.equal(status('If-None-Match', value), 200));
  test('goes before If-Modified-Since', () => {
    assert.equal(status('If-None-Match', '"x"', 'If-Modified-Since', LATER), 200);
  });
  test('comes after If-Match', () => {
    assert.equal(status('If-None-Match', '*', 'If-Match', '"x"'), 412);
    assert.equal(status('If-None-Match', '*', 'If-Match', '*'), 304);
  });
});

describe('If-Modified-Since', () => {
  for (const value of [SAME, LATER, FUTURE]) test(value, () => assert.equal(status('If-Modified-Since', value), 304));
  for (const value of [EARLIER, 'no date']) test(value, () => assert.equal(status('If-Modified-Since', value), 200));
  test('comes after If-Unmodified-Since', () => {
    assert.equal(status('If-Modified-Since', SAME, 'If-Unmodified-Since', EARLIER), 412);
    assert.equal(status('If-Modified-Since', SAME, 'If-Unmodified-Since', SAME), 304);
  });
});

describe('If-Range', () => {
  test('a Range without it counts', () => assert.equal(range('Range', 'bytes=0-1'), 'bytes=0-1'));
  for (const value of ['"e-1"', SAME]) {
    test(value, () => assert.equal(range('Range', 'bytes=0-1', 'If-Range', value), 'bytes=0-1'));
  }
  for (const value of ['W/"e-1"', '"x"', '*', EARLIER, LATER, 'no date', '']) {
    test(value, () => assert.equal(range('Range', 'bytes=0-1', 'If-Range', value), null));
  }
  test('without a Range it means nothing', () => assert.equal(range('If-Range', '"e-1"'), null));
  test('a repeated Range is none', () =>
    assert.equal(range('Range', 'bytes=0-1', 'Range', 'bytes=2-3'), 'bytes=0-1, bytes=2-3'));
});
