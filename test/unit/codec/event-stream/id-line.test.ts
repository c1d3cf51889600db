import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IdLine } from '../../../../src/codec/event-stream/index.ts';

test('the number is written over the one before, whatever their lengths', () => {
  const line = new IdLine('epoch-');
  for (const number of [1, 10, 9, 1_234_567_890, 4_294_967_296, Number.MAX_SAFE_INTEGER, 7]) {
    const length = line.write(number);
    assert.equal(line.bytes.toString('latin1', 0, length), `id: epoch-${number}\n`);
    assert.ok(length <= line.maxLength);
  }
});
