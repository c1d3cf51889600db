import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BYTES, ElementReader, INTEGER, LIST, TnetstringError } from '../../../../src/codec/tnetstring/index.ts';

describe('an element reader', () => {
  test('goes from element to element, and into lists', () => {
    const buffer = Buffer.from('1:a,10:1:1#3:abc,]0:,');
    const reader = new ElementReader(buffer);
    const list = reader.read(0, buffer.length);
    assert.deepEqual([reader.type, reader.text()], [BYTES, 'a']);
    const last = reader.read(list, buffer.length);
    assert.equal(reader.type, LIST);
    const { start, end } = reader;
    const second = reader.read(start, end);
    assert.deepEqual([reader.type, reader.integer()], [INTEGER, 1]);
    assert.equal(reader.read(second, end), end);
    assert.equal(reader.bytes().toString(), 'abc');
    assert.equal(reader.read(last, buffer.length), buffer.length);
    assert.equal(reader.text(), '');
  });

  test('holds an element to the end of what it lies in', () => {
    const buffer = Buffer.from('3:abc,');
    const reader = new ElementReader(buffer);
    assert.equal(reader.read(0, 6), 6);
    for (let limit = 0; limit < 6; limit++) assert.throws(() => reader.read(0, limit), TnetstringError);
  });

  test('reads from another place of the buffer as from its beginning', () => {
    const reader = new ElementReader(Buffer.from('xx4:true!'));
    assert.equal(reader.read(2, 9), 9);
    assert.equal(reader.boolean(), true);
  });

  test('says where the fault lies', () => {
    const reader = new ElementReader(Buffer.from('xx9:a,'));
    assert.throws(() => reader.read(2, 6), /element of 9 bytes is truncated, at byte 2/);
  });

  test('checks the type of integers and booleans', () => {
    const reader = new ElementReader(Buffer.from('1:1,'));
    reader.read(0, 4);
    assert.equal(reader.digits(), 1);
    assert.throws(() => reader.integer(), TnetstringError);
    assert.throws(() => reader.boolean(), TnetstringError);
  });
});
