import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { parseHttpDate } from '../../src/codec/fields/index.ts';
import { parseRanges } from '../../src/files/byte-ranges.ts';
import { Conditions } from '../../src/files/conditions.ts';
import { mediaTypeOf } from '../../src/files/media-types.ts';
import { relativePath } from '../../src/files/relative-path.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 1_000, numRuns: 100_000 };

test('no path of a request leads out of the folder', () => {
  const piece = fc.constantFrom(
    ...['/', '.', '..', '%2e', '%2E', '%2f', '\\', '%5c', '%00', 'a', 'b.txt', 'C:', '%43', ':', '%', '%c0%ae', '%25'],
    ...['%61', '~', ';', '%20', '%0a', '...', '%2', 'é'],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const path = `/${pieces.join('')}`;
      const key = relativePath(path, 1);
      if (key === null) return;
      assert.ok(`${resolve('/root/site', key)}/`.startsWith('/root/site/'), path);
      assert.ok(!key.startsWith('/') && !/[\0\\]|(^|\/)\.{1,2}(\/|$)|\/\//.test(key), path);
    }),
    BOX,
  );
});

test('the ranges of any field are parts of the file, and no more than it in all', () => {
  const number = fc.oneof(fc.nat(20).map(String), fc.constantFrom('', '99999999999999999999', '-', 'x'));
  const range = fc.tuple(number, fc.constantFrom('-', '', '--'), number).map((parts) => parts.join(''));
  const list = fc.array(range, { maxLength: 40 }).map((ranges) => `bytes=${ranges.join(',')}`);
  fc.assert(
    fc.property(fc.oneof(list, fc.string()), fc.nat(25), (field, size) => {
      const ranges = parseRanges(field, size) ?? [];
      for (const { start, end } of ranges) assert.ok(start >= 0 && start < end && end <= size, field);
      const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
      assert.ok(ranges.length <= 32 && bytes <= size, field);
    }),
    BOX,
  );
});

test('a range alone is read as its definition says', () => {
  const optional = fc.option(fc.nat(20), { nil: null });
  fc.assert(
    fc.property(optional, optional, fc.nat(15), (first, last, size) => {
      const ranges = parseRanges(`bytes=${first ?? ''}-${last ?? ''}`, size);
      if ((first === null && last === null) || (first !== null && last !== null && last < first)) {
        assert.equal(ranges, null);
        return;
      }
      const bytes = Array.from({ length: size }, (_, i) => i).filter((i) =>
        first === null ? i >= size - (last as number) : i >= first && (last === null || i <= last),
      );
      const expected = bytes.length === 0 ? [] : [{ start: bytes[0], end: (bytes.at(-1) as number) + 1 }];
      assert.deepEqual(ranges, expected);
    }),
    BOX,
  );
});

test('any value of a condition gives a status', () => {
  const name = fc.constantFrom(
    'If-Match',
    'If-None-Match',
    'If-Modified-Since',
    'If-Unmodified-Since',
    'If-Range',
    'Range',
  );
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('*', '"e"', 'W/"e"', '"', 'W/', 'Sun, 06 Nov 1994 08:49:37 GMT', 'bytes=0-1'),
  );
  const file = { etag: '"e"', lastModified: 784_111_777_000 };
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 4 }), (fields) => {
      const conditions = Conditions.of(fields.flat());
      assert.ok([200, 304, 412].includes(conditions?.status(file, 0) ?? 0));
      conditions?.range(file, 0);
    }),
    BOX,
  );
});

test('any text is a date or none, and any name has a media type', () => {
  const part = fc.constantFrom('Sun', ', ', '06', ' ', 'Nov', '94', '1994', '08:49:37', '99:99:99', 'GMT', '-', 'day');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 9 }), fc.string(), (parts, name) => {
      const time = parseHttpDate(parts.join(''), 0);
      assert.ok(time === null || Number.isInteger(time));
      assert.ok(mediaTypeOf(name, {}, 'x/y').includes('/'));
    }),
    BOX,
  );
});
