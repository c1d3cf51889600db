import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import { Utf8Checker } from '../../../../src/codec/websocket/utf8-checker.ts';

function check(data: Buffer): number {
  return new Utf8Checker().check(data, true);
}

/** First byte that no continuation makes right, found by the platform's own check of every prefix. */
function firstWrong(data: Buffer): number {
  const endings = ['', '80', '8080', '808080', 'bf', 'bf80', 'bf8080', '9f', '9f80', '8f8080', 'a080', '908080'];
  for (let end = 1; end <= data.length; end++) {
    const prefix = data.subarray(0, end);
    if (!endings.some((ending) => isUtf8(Buffer.concat([prefix, Buffer.from(ending, 'hex')])))) return end - 1;
  }
  return isUtf8(data) ? -1 : data.length - 1;
}

describe('the check of UTF-8', () => {
  test('finds the first wrong byte of every two bytes', () => {
    for (let pair = 0; pair < 65_536; pair++) {
      const data = Buffer.from([pair >> 8, pair & 0xff]);
      assert.equal(check(data), firstWrong(data), data.toString('hex'));
    }
  });

  test('finds the first wrong byte at every bound of three and four bytes', () => {
    const bounds = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    for (let first = 0xe0; first <= 0xff; first++) {
      for (const second of bounds) {
        for (const third of bounds) {
          for (const fourth of bounds) {
            const data = Buffer.from([first, second, third, fourth]);
            assert.equal(check(data), firstWrong(data), data.toString('hex'));
          }
        }
      }
    }
  });

  test('finds a wrong byte anywhere in a long text', () => {
    const text = Buffer.from('aé€😀'.repeat(40));
    assert.equal(check(text), -1);
    for (let at = 0; at < text.length; at++) {
      const broken = Buffer.from(text);
      broken[at] = 0xff;
      assert.equal(check(broken), at);
    }
  });

  test('finds the same in two pieces', () => {
    const text = Buffer.from('aé€😀'.repeat(40));
    for (let cut = 0; cut <= text.length; cut++) {
      const checker = new Utf8Checker();
      assert.equal(checker.check(text.subarray(0, cut), false), -1);
      assert.equal(checker.check(text.subarray(cut), true), -1);
    }
  });

  test('takes the last byte of a long text that ends within a character', () => {
    const text = Buffer.from(`${'a'.repeat(200)}😀`);
    for (const missing of [1, 2, 3]) {
      const cut = text.subarray(0, text.length - missing);
      assert.equal(check(cut), cut.length - 1);
      assert.equal(new Utf8Checker().check(cut, false), -1);
    }
  });

  test('starts again after the last piece', () => {
    const checker = new Utf8Checker();
    assert.equal(checker.check(Buffer.from([0xc3]), false), -1);
    assert.equal(checker.check(Buffer.from([0xa9]), true), -1);
    assert.equal(checker.check(Buffer.from([0xa9]), true), 0);
  });

  test('takes nothing as the end of nothing, and as a fault within a character', () => {
    const checker = new Utf8Checker();
    assert.equal(checker.check(Buffer.alloc(0), true), -1);
    assert.equal(checker.check(Buffer.from([0xc3]), false), -1);
    assert.equal(checker.check(Buffer.alloc(0), true), 0);
  });
});
