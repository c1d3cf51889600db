import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CR, endOfLine, LF } from '../../../../src/codec/event-stream/index.ts';

/** On both sides of where the native search begins. */
const LENGTHS = [0, 1, 31, 32, 33, 200];

test('the next CR or LF ends a line, however long it is', () => {
  for (const length of LENGTHS) {
    for (const end of [LF, CR]) {
      const chunk = Buffer.from(`\n${'x'.repeat(length)}?\n\r`);
      chunk[1 + length] = end;
      assert.equal(endOfLine(chunk, 1, true), 1 + length, `${length} bytes`);
    }
    assert.equal(endOfLine(Buffer.from(`\n${'x'.repeat(length)}\n\n`), 1, false), 1 + length, `${length} bytes`);
  }
});

test('a line that goes on behind the chunk ends with it', () => {
  for (const length of LENGTHS) {
    for (const hasCr of [false, true]) {
      assert.equal(endOfLine(Buffer.from(`\r${'x'.repeat(length)}`), 1, hasCr), 1 + length, `${length} bytes`);
    }
  }
});
