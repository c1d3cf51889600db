import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, countText, durationText, rateText, timeText } from '../../../src/cli/number-texts.ts';
import { cutLine, painter, safeText, screenOf } from '../../../src/cli/terminal.ts';

const TTY = { isTTY: true, columns: 80, rows: 24 } as const;

test('colours are for terminals, unless NO_COLOR has a value', () => {
  assert.equal(screenOf(TTY, {}).colours, true);
  assert.equal(screenOf(TTY, { NO_COLOR: '' }).colours, true);
  assert.equal(screenOf(TTY, { NO_COLOR: '1' }).colours, false);
  assert.equal(screenOf(TTY, { TERM: 'dumb' }).isTTY, false);
  assert.equal(screenOf({ ...TTY, isTTY: false }, {}).colours, false);
  assert.equal(painter({ colours: true })('red', 'x'), '\u001b[31mx\u001b[0m');
  assert.equal(painter({ colours: false })('red', 'x'), 'x');
});

test('nothing of a server reaches the terminal as a command', () => {
  assert.equal(
    safeText('a\u001b[31mb\r\n\t\u007f\u009b\u202e\u2028ä€😀'),
    'a\\u001b[31mb\\r\\n\\t\\u007f\\u009b\\u202e\\u2028ä€😀',
  );
});

test('a line is cut to the columns, and colours take none', () => {
  assert.equal(cutLine('abcdef', 3), 'abc');
  assert.equal(cutLine('abc', 80), 'abc');
  assert.equal(cutLine('😀😀😀', 2), '😀😀');
  assert.equal(cutLine('\u001b[31mabc\u001b[0mdef', 4), '\u001b[31mabc\u001b[0md');
  assert.equal(cutLine('\u001b[31mabcdef\u001b[0m', 2), '\u001b[31mab\u001b[0m');
});

test('numbers have a length that people read at a glance', () => {
  const sizes = [0, 999, 1_000, 123_456, 1_500_000, 2e12, 5e15].map(bytesText);
  assert.deepEqual(sizes, ['0 B', '999 B', '1.0 KB', '123 KB', '1.5 MB', '2.0 TB', '5000 TB']);
  assert.deepEqual([0, 999, 1_000, 1_234_567].map(countText), ['0', '999', '1,000', '1,234,567']);
  assert.deepEqual([0, 0.25, 99.96, 12_345.6].map(rateText), ['0.0/s', '0.3/s', '100.0/s', '12,346/s']);
  assert.deepEqual([null, 0.000_25, 0.0025, 1.234].map(timeText), ['–', '250 µs', '2.5 ms', '1.23 s']);
  const times = [0.5, 59, 60, 3_661, 90_061, 86_400].map(durationText);
  assert.deepEqual(times, ['0 s', '59 s', '1 min', '1 h 1 min', '1 d 1 h', '1 d']);
});
