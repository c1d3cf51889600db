import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readIni } from '../../../src/config/ini.ts';

const values = (text: string) => readIni(`k=${text}`).entries[0]?.values;

test('entries have the section above them and their line, whatever the line ends', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = ['a=1', '[General]', '', ' b = 2 ', '[ x y ] rest', 'b=3'].join(end);
    assert.deepEqual(readIni(`\uFEFF${text}`).entries, [
      { section: '', key: 'a', values: ['1'], line: 1 },
      { section: 'General', key: 'b', values: ['2'], line: 4 },
      { section: 'x y', key: 'b', values: ['3'], line: 6 },
    ]);
  }
});

test('comments begin at the beginning of a line, or with a semicolon after a value', () => {
  assert.deepEqual(readIni('; a=1\n  # b=2\nc=3 ; d=4\ne=f#g\n'), {
    entries: [
      { section: '', key: 'c', values: ['3'], line: 3 },
      { section: '', key: 'e', values: ['f#g'], line: 4 },
    ],
    faults: [],
  });
});

for (const [text, expected] of [
  ['', []],
  ['  ', []],
  ['a', ['a']],
  [' a  b ', ['a  b']],
  ['a, b ,c', ['a', 'b', 'c']],
  ['a,,b,', ['a', 'b']],
  ['"", a', ['', 'a']],
  ['" a, b; "', [' a, b; ']],
  [' "a" b ', ['a b']],
  ['a" b "c', ['a b c']],
  ['a=b', ['a=b']],
  ['\\"a\\"', ['"a"']],
  ['a\\\\', ['a\\']],
  ['a\\n\\tb\\ ,c', ['a\n\tb ', 'c']],
  ['\\x41\\x20ac', ['A€']],
  ['"a\\,b"', ['a,b']],
] as const) {
  test(`the value ${JSON.stringify(text)} has the parts ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(values(text), expected);
  });
}

test('a backslash at the end of a line continues it, and lines are counted as in the file', () => {
  assert.deepEqual(readIni('a=1,\\\n  2,\\\n3\nb=4\\\\\nc=5\\').entries, [
    { section: '', key: 'a', values: ['1', '2', '3'], line: 1 },
    { section: '', key: 'b', values: ['4\\'], line: 4 },
    { section: '', key: 'c', values: ['5'], line: 5 },
  ]);
});

test('invalid lines are reported, and the rest is read', () => {
  assert.deepEqual(readIni('what\n=1\na="open\nb=2'), {
    entries: [{ section: '', key: 'b', values: ['2'], line: 4 }],
    faults: [
      { line: 1, message: 'neither KEY=VALUE nor [SECTION]' },
      { line: 2, message: 'neither KEY=VALUE nor [SECTION]' },
      { line: 3, message: 'unterminated quote' },
    ],
  });
});
