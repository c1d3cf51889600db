import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TextCache } from '../../../../src/codec/tnetstring/index.ts';

describe('a text cache', () => {
  test('gives the text of the bytes, whatever came before', () => {
    const cache = new TextCache();
    const texts = [
      '',
      'GET',
      'GOT',
      'GET',
      'G',
      '\xff\x00',
      'OK',
      'x'.repeat(64),
      `x${'y'.repeat(62)}x`,
      'x'.repeat(65),
    ];
    for (const text of [...texts, ...texts]) {
      const buffer = Buffer.from(`<${text}>`, 'latin1');
      assert.equal(cache.text(buffer, 1, buffer.length - 1), text);
    }
  });

  test('is not changed by what becomes of the bytes', () => {
    const cache = new TextCache();
    const buffer = Buffer.from('GET');
    const text = cache.text(buffer, 0, 3);
    buffer[1] = 0x4f;
    assert.equal(text, 'GET');
    assert.equal(cache.text(buffer, 0, 3), 'GOT');
  });
});
