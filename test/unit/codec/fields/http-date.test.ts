import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHttpDate } from '../../../../src/codec/fields/index.ts';

const NOW = Date.UTC(2026, 5, 1);

test('all three forms of a date are read', () => {
  const time = Date.UTC(1994, 10, 6, 8, 49, 37);
  assert.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT', NOW), time);
  assert.equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', NOW), time);
  assert.equal(parseHttpDate('Sun Nov  6 08:49:37 1994', NOW), time);
  assert.equal(parseHttpDate('Sun Nov 16 08:49:37 1994', NOW), Date.UTC(1994, 10, 16, 8, 49, 37));
});

test('what toUTCString writes is read', () => {
  for (const time of [0, Date.UTC(2024, 1, 29, 23, 59, 59), Date.UTC(1999, 11, 31), Date.UTC(50, 0, 1), NOW]) {
    const date = new Date(time);
    if (time === Date.UTC(50, 0, 1)) date.setUTCFullYear(50);
    assert.equal(parseHttpDate(date.toUTCString(), NOW), date.getTime(), date.toUTCString());
  }
});

test('a year of two digits is at most 50 years ahead', () => {
  assert.equal(parseHttpDate('Friday, 01-Jan-76 00:00:00 GMT', NOW), Date.UTC(2076, 0, 1));
  assert.equal(parseHttpDate('Friday, 01-Jan-77 00:00:00 GMT', NOW), Date.UTC(1977, 0, 1));
  assert.equal(parseHttpDate('Friday, 01-Jan-26 00:00:00 GMT', NOW), Date.UTC(2026, 0, 1));
});

test('a leap second is the first of the next minute', () => {
  assert.equal(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', NOW), Date.UTC(2017, 0, 1));
});

for (const text of [
  '',
  '0',
  '1994-11-06T08:49:37Z',
  'Sun, 06 Nov 1994 08:49:37',
  'Sun, 06 Nov 1994 08:49:37 UTC',
  'Sun, 06 Nov 1994 08:49:37 +0000',
  'sun, 06 nov 1994 08:49:37 gmt',
  'Sun, 6 Nov 1994 08:49:37 GMT',
  'Sun, 31 Feb 1994 08:49:37 GMT',
  'Sun, 00 Nov 1994 08:49:37 GMT',
  'Sun, 06 Foo 1994 08:49:37 GMT',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:60:00 GMT',
  'Sun, 06 Nov 1994 08:49:61 GMT',
  'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  'Sun Nov 6 08:49:37 1994',
]) {
  test(`${JSON.stringify(text)} is no date`, () => {
    assert.equal(parseHttpDate(text, NOW), null);
  });
}
