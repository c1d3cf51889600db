import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RepeatedBlocks } from '../../../../src/codec/fields/index.ts';

function counting(): { blocks: RepeatedBlocks<{ text: string }>; reads: () => number } {
  let reads = 0;
  const blocks = new RepeatedBlocks((input, start, end) => {
    reads++;
    return { text: input.toString('latin1', start, end) };
  });
  return { blocks, reads: () => reads };
}

test('a block is kept when it comes a second time, and found from then on', () => {
  const { blocks, reads } = counting();
  const input = Buffer.from('--block--');
  assert.equal(blocks.find(input, 2, 7), null);
  const kept = blocks.find(input, 2, 7);
  assert.equal(kept?.text, 'block');
  assert.equal(blocks.find(Buffer.from('block'), 0, 5), kept);
  assert.equal(reads(), 1);
});

test('a kept block is a copy', () => {
  const { blocks } = counting();
  const input = Buffer.from('block');
  blocks.find(input, 0, 5);
  const kept = blocks.find(input, 0, 5);
  input.fill('x');
  assert.equal(blocks.find(Buffer.from('block'), 0, 5), kept);
});

test('blocks that come once do not push out one that comes often', () => {
  const { blocks, reads } = counting();
  const often = Buffer.from('often');
  blocks.find(often, 0, 5);
  blocks.find(often, 0, 5);
  for (let i = 0; i < 1_000; i++) {
    const once = Buffer.from(String(10_000 + i));
    assert.equal(blocks.find(once, 0, 5), null);
    assert.equal(blocks.find(often, 0, 5)?.text, 'often');
  }
  assert.equal(reads(), 1);
});

test('empty and long blocks are not kept', () => {
  const { blocks } = counting();
  const long = Buffer.alloc(2_049, 'x');
  for (let i = 0; i < 3; i++) {
    assert.equal(blocks.find(long, 0, 0), null);
    assert.equal(blocks.find(long, 0, long.length), null);
  }
});
