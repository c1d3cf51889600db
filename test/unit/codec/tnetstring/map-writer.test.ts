import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode, LIST, MapWriter } from '../../../../src/codec/tnetstring/index.ts';

const key = (name: string) => encode(name);

describe('a map writer', () => {
  test('writes what encode writes', () => {
    const writer = new MapWriter();
    writer.begin('');
    writer.constant(key('text'));
    writer.text('a'.repeat(100));
    writer.constant(key('integer'));
    writer.integer(Number.MAX_SAFE_INTEGER);
    writer.constant(key('bytes'));
    writer.bytes(Buffer.from([1, 2]));
    writer.constant(key('list'));
    writer.open(4);
    writer.integer(7);
    writer.close(LIST);
    const value = { text: 'a'.repeat(100), integer: Number.MAX_SAFE_INTEGER, bytes: Buffer.from([1, 2]), list: [7] };
    assert.equal(writer.end().toString(), encode(value).toString());
  });

  test('writes integers of every length', () => {
    const writer = new MapWriter();
    for (let digits = 1; digits <= 15; digits++) {
      for (const value of [10 ** (digits - 1), 10 ** digits - 1]) {
        writer.begin('');
        writer.constant(key('n'));
        writer.integer(value);
        assert.equal(writer.end().toString(), encode({ n: value }).toString());
      }
    }
  });

  test('puts the prefix in front, whatever the length of either', () => {
    const writer = new MapWriter();
    for (const prefix of ['', 'T', `${'a'.repeat(64)} T`]) {
      for (const length of [0, 1, 2, 90, 99, 990, 999, 20_000]) {
        writer.begin(prefix);
        writer.constant(key('a'));
        writer.text('x'.repeat(length));
        assert.equal(writer.end().toString(), prefix + encode({ a: 'x'.repeat(length) }).toString());
      }
    }
  });

  test('writes the same wherever a slab ends within, or right before the last byte', () => {
    const expected = `p ${encode({ text: 'abc', list: [7], flag: true })}`;
    for (let filled = 16_250; filled <= 16_400; filled++) {
      const writer = new MapWriter();
      writer.begin('');
      writer.constant(key('fill'));
      writer.text('x'.repeat(filled));
      writer.end();
      writer.begin('p ');
      writer.constant(key('text'));
      writer.text('abc');
      writer.constant(key('list'));
      writer.open(4);
      writer.integer(7);
      writer.close(LIST);
      writer.constant(key('flag'));
      writer.constant(encode(true));
      assert.equal(writer.end().toString(), expected, `behind ${filled} bytes`);
    }
  });

  test('never writes to what it has handed out', () => {
    const writer = new MapWriter();
    const maps: Buffer[] = [];
    const expected: string[] = [];
    for (let i = 0; i < 2_000; i++) {
      const text = String(i).repeat((i * 37) % 50);
      writer.begin('p ');
      writer.constant(key('k'));
      if (i % 3 === 0) writer.text(text);
      else writer.bytes(Buffer.from(text));
      maps.push(writer.end());
      expected.push(`p ${encode({ k: text })}`);
    }
    assert.deepEqual(maps.map(String), expected);
  });

  test('grows for a message that is larger than its slab, by one step or by many', () => {
    const writer = new MapWriter();
    const large = Buffer.alloc(100_000, 'b');
    writer.begin('T');
    writer.constant(key('a'));
    writer.bytes(large);
    for (let i = 0; i < 5_000; i++) {
      writer.constant(key('k'));
      writer.integer(i);
    }
    const members = Array.from({ length: 5_000 }, (_, i) => `1:k,${encode(i)}`).join('');
    const inner = `1:a,100000:${large},${members}`;
    assert.equal(writer.end().toString(), `T${inner.length}:${inner}}`);
  });

  test('takes one Buffer of the size of the body for a large message', () => {
    const writer = new MapWriter();
    writer.begin('T');
    writer.constant(key('body'));
    writer.bytes(Buffer.alloc(1_000_000));
    assert.ok(writer.end().buffer.byteLength < 1_020_000);
  });

  test('forgets a map that was not ended', () => {
    const writer = new MapWriter();
    writer.begin('T');
    writer.constant(key('lost'));
    writer.begin('T');
    writer.constant(key('a'));
    writer.text('');
    assert.equal(writer.end().toString(), 'T7:1:a,0:,}');
  });
});
