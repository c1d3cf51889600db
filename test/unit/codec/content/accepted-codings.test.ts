import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptedCodings } from '../../../../src/codec/content/index.ts';

const accepted = (...values: string[]) =>
  acceptedCodings(
    values.flatMap((value) => ['accept-encoding', value]),
    ['br', 'gzip'],
  ).join();

test('Weights order the codings, then the server does', () => {
  for (const [value, codings] of [
    ['gzip, br', 'br,gzip'],
    ['gzip;q=1.0, br;q=0.9', 'gzip,br'],
    ['GZIP ; Q=0.5', 'gzip'],
    ['x-gzip', 'gzip'],
    ['*;q=0.1', 'br,gzip'],
    ['*;q=0, gzip', 'gzip'],
    ['br;q=0', ''],
    ['identity', ''],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity;q=0.6, gzip;q=0.5, br', 'br'],
    ['gzip;q=2', ''],
    ['gzip;q=', ''],
    ['gzip;level=9', ''],
    ['', ''],
    [',,', ''],
    ['zstd, deflate', ''],
  ] as const) {
    assert.equal(accepted(value), codings, value);
  }
  assert.equal(accepted('gzip', 'br;q=0.1'), 'gzip,br');
  assert.equal(accepted(), '');
});
