import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declaredLength } from '../../../../src/codec/http1/index.ts';

for (const [values, length] of [
  [[], null],
  [['5'], 5],
  [[' 5 '], 5],
  [['5', '05', '5 '], 5],
  [['5', '6'], '5, 6'],
  [['5', 'x'], '5, x'],
  [['x'], 'x'],
  [[''], ''],
  [['5, 5'], '5, 5'],
] as const) {
  test(`Content-Length ${JSON.stringify(values)} declares ${JSON.stringify(length)}`, () => {
    const fields = values.flatMap((value) => ['content-LENGTH', value]);
    assert.equal(declaredLength(['A', '1', ...fields, 'B', '2']), length);
  });
}
