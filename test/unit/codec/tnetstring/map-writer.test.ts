import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode, integerElement, MapWriter } from '../../../../src/codec/tnetstring/index.ts';

const key = (name: string) => encode(name).toString('latin1');

describe('a map writer', () => {
  test('writes what encode writes, whichever way it ends', () => {
    const write = (writer: MapWriter): void => {
      writer.begin('');
      writer.elements(key('text'));
      writer.text('a'.repeat(100));
      writer.elements(key('integer'));
      writer.integer(Number.MAX_SAFE_INTEGER);
      writer.elements(key('bytes'));
      writer.bytes(Buffer.from([1, 2]));
      writer.elements(key('list'));
      writer.elementBytes(encode([7]));
    };
    const value = { text: 'a'.repeat(100), integer: Number.MAX_SAFE_INTEGER, bytes: Buffer.from([1, 2]), list: [7] };
    const writer = new MapWriter();
    write(writer);
    assert.equal(writer.end().toString('latin1'), encode(value).toString('latin1'));
    write(writer);
    assert.equal(Buffer.concat(writer.endPieces()).toString('latin1'), encode(value).toString('latin1'));
    write(writer);
    assert.equal(writer.endText().toString('latin1' as never), encode(value).toString('latin1'));
  });

  test('gives text where nothing long was given as bytes, one character a byte', () => {
    const writer = new MapWriter();
    writer.begin('T');
    writer.elements(key('a'));
    writer.text('\xff\x00');
    assert.equal(writer.endText(), 'T9:1:a,2:\xff\x00,}');
    writer.begin('T');
    writer.elements(key('a'));
    writer.bytes(Buffer.from([0xff, 0]));
    assert.equal(writer.endText(), 'T9:1:a,2:\xff\x00,}');
  });

  test('writes integers of every length', () => {
    for (let digits = 1; digits <= 15; digits++) {
      for (const value of [10 ** (digits - 1), 10 ** digits - 1]) {
        assert.equal(integerElement(value), encode(value).toString());
      }
    }
  });

  test('puts the prefix in front, whatever the length of either', () => {
    const writer = new MapWriter();
    for (const prefix of ['', 'T', `${'a'.repeat(64)} T`]) {
      for (const length of [0, 1, 2, 90, 99, 990, 999, 20_000]) {
        writer.begin(prefix);
        writer.elements(key('a'));
        writer.text('x'.repeat(length));
        assert.equal(writer.end().toString(), prefix + encode({ a: 'x'.repeat(length) }).toString());
      }
    }
  });

  test('never writes to what it has handed out', () => {
    const writer = new MapWriter();
    const maps: Buffer[] = [];
    const expected: string[] = [];
    for (let i = 0; i < 2_000; i++) {
      const text = String(i).repeat((i * 37) % 50);
      writer.begin('p ');
      writer.elements(key('k'));
      if (i % 3 === 0) writer.text(text);
      else writer.bytes(Buffer.from(text));
      maps.push(writer.end());
      expected.push(`p ${encode({ k: text })}`);
    }
    assert.deepEqual(maps.map(String), expected);
  });

  test('hands a body on without a copy in pieces', () => {
    const writer = new MapWriter();
    const body = Buffer.alloc(20_000);
    writer.begin('T');
    writer.elements(key('body'));
    writer.bytes(body);
    const pieces = writer.endPieces();
    assert.equal(pieces.length, 3);
    assert.equal(pieces[1], body);
  });

  test('takes one Buffer of the size of the body for a large message', () => {
    const writer = new MapWriter();
    writer.begin('T');
    writer.elements(key('body'));
    writer.bytes(Buffer.alloc(1_000_000));
    assert.ok(writer.end().buffer.byteLength < 1_020_000);
  });

  test('refuses a map that is longer than a length can say', () => {
    const writer = new MapWriter();
    writer.begin('T');
    // The same bytes again and again: nothing is copied before the length is known.
    const part = Buffer.alloc(250_000_000);
    for (let i = 0; i < 5; i++) writer.bytes(part);
    assert.throws(() => writer.end(), /is too long/);
  });

  test('forgets a map that was not ended', () => {
    const writer = new MapWriter();
    writer.begin('T');
    writer.elements(key('lost'));
    writer.begin('T');
    writer.elements(key('a'));
    writer.text('');
    assert.equal(writer.end().toString(), 'T7:1:a,0:,}');
  });
});
