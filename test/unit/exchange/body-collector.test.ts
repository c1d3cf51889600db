import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BodyCollector } from '../../../src/exchange/body-collector.ts';

describe('BodyCollector', () => {
  it('is empty at first', () => {
    assert.equal(new BodyCollector(10).body.length, 0);
  });

  it('does not copy a body of one chunk', () => {
    const chunk = Buffer.from('whole');
    const collector = new BodyCollector(10);
    assert.ok(collector.add(Buffer.alloc(0)));
    assert.ok(collector.add(chunk));
    assert.ok(collector.add(Buffer.alloc(0)));
    assert.equal(collector.body.buffer, chunk.buffer);
    assert.equal(collector.body.toString(), 'whole');
  });

  it('joins chunks without touching them', () => {
    const source = Buffer.from('abcdefghij');
    const collector = new BodyCollector(10);
    for (let i = 0; i < 10; i++) assert.ok(collector.add(source.subarray(i, i + 1)));
    assert.equal(collector.body.toString(), 'abcdefghij');
    assert.equal(source.toString(), 'abcdefghij');
  });

  it('takes up to the limit, and no part of a chunk beyond it', () => {
    const collector = new BodyCollector(5);
    assert.ok(collector.add(Buffer.from('abc')));
    assert.equal(collector.add(Buffer.from('def')), false);
    assert.ok(collector.add(Buffer.from('de')));
    assert.equal(collector.add(Buffer.from('f')), false);
    assert.equal(collector.body.toString(), 'abcde');
  });

  it('refuses a first chunk over the limit', () => {
    assert.equal(new BodyCollector(2).add(Buffer.from('abc')), false);
    assert.equal(new BodyCollector(0).add(Buffer.from('a')), false);
  });

  it('holds no more memory than its limit, however small the chunks are', () => {
    const collector = new BodyCollector(1000);
    for (let i = 0; i < 1000; i++) assert.ok(collector.add(Buffer.from([i & 0xff])));
    assert.equal(collector.body.length, 1000);
    assert.equal(collector.body[999], 999 & 0xff);
  });

  it('allocates nothing before the first chunk', () => {
    assert.equal(new BodyCollector(10).body.buffer, new BodyCollector(20).body.buffer);
  });

  it('allocates one buffer for each doubling of the body', () => {
    const collector = new BodyCollector(1_000_000);
    const buffers = new Set<ArrayBufferLike>();
    for (let i = 0; i < 100_000; i++) {
      assert.ok(collector.add(Buffer.from([i & 0xff])));
      buffers.add(collector.body.buffer);
    }
    assert.ok(buffers.size < 20, `${buffers.size} buffers`);
  });

  it('copies chunks that may change afterwards, the first one too', () => {
    const body = new BodyCollector(10);
    const chunk = Buffer.from('abc');
    assert.equal(body.addCopy(chunk), true);
    chunk.fill('x');
    chunk.write('def');
    assert.equal(body.addCopy(chunk), true);
    chunk.fill('x');
    assert.equal(body.body.toString(), 'abcdef');
    assert.equal(body.addCopy(Buffer.alloc(5)), false);
    assert.equal(body.length, 6);
  });
});
