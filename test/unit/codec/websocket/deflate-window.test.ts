import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeflateWindow } from '../../../../src/codec/websocket/deflate-window.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

test('a window has the last bytes of what was added, however it came', () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 200; round++) {
    const size = 1 << (9 + random.below(5));
    const window = new DeflateWindow(size);
    let all = Buffer.alloc(0);
    assert.equal(window.bytes, null);
    for (let piece = 1 + random.below(12); piece > 0; piece--) {
      const data = random.bytes(random.below(random.below(4) === 0 ? 3 * size : 300));
      window.add(data);
      all = Buffer.concat([all, data]);
      const expected = all.subarray(Math.max(0, all.length - size));
      assert.deepEqual(window.bytes ?? Buffer.alloc(0), Buffer.from(expected));
    }
    window.clear();
    assert.equal(window.bytes, null);
  }
});
