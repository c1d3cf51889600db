import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { GZIP_BEGINNING, GzipSum } from '../../../../src/codec/content/index.ts';
import { BLOCK_BYTES, MAX_BLOCKS, SharedBlocks } from '../../../../src/proxy/compress/shared-blocks.ts';

test('a block is made once, and blocks of one Buffer follow each other', () => {
  const blocks = new SharedBlocks();
  const whole = Buffer.from('0123456789abcdef'.repeat(2_500));
  const parts = [];
  for (let at = 0; at < whole.length; at += BLOCK_BYTES) {
    parts.push(blocks.at(whole, at).body);
    assert.equal(blocks.at(whole, at), blocks.at(whole, at));
  }
  const sum = new GzipSum();
  sum.add(whole);
  assert.deepEqual(gunzipSync(Buffer.concat([GZIP_BEGINNING, ...parts, sum.end()])), whole);
  assert.equal(blocks.used, whole.length);
});

test('kept blocks are bounded, small ones too: the oldest are forgotten and made again', () => {
  for (const size of [1, 1_000, BLOCK_BYTES]) {
    const cost = Math.max(256, size);
    const blocks = new SharedBlocks(10 * cost);
    const contents = Array.from({ length: 11 }, (_, i) => Buffer.alloc(size, i));
    const made = contents.map((content) => blocks.at(content, 0));
    assert.equal(blocks.used, 10 * cost);
    assert.equal(blocks.at(contents[1] as Buffer, 0), made[1]);
    const again = blocks.at(contents[0] as Buffer, 0);
    assert.notEqual(again, made[0]);
    assert.deepEqual(again.body, made[0]?.body);
    assert.equal(blocks.used, 10 * cost);
    assert.notEqual(blocks.at(contents[1] as Buffer, 0), made[1]);
  }
  assert.equal(MAX_BLOCKS, 67_108_864);
});

test('content that exceeds the bound alone is compressed all the same', () => {
  const blocks = new SharedBlocks(BLOCK_BYTES);
  const whole = Buffer.alloc(3 * BLOCK_BYTES, 'x');
  for (let at = 0; at < whole.length; at += BLOCK_BYTES) assert.ok(blocks.at(whole, at).body.length > 0);
  assert.ok(blocks.used <= BLOCK_BYTES);
});
