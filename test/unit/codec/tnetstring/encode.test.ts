import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, encode, TnetstringError, type TnetstringInput } from '../../../../src/codec/tnetstring/index.ts';

const write = (value: TnetstringInput) => encode(value).toString('latin1');

describe('encode', () => {
  test('writes each type', () => {
    assert.equal(write(null), '0:~');
    assert.equal(write(true), '4:true!');
    assert.equal(write(false), '5:false!');
    assert.equal(write(0), '1:0#');
    assert.equal(write(-12), '3:-12#');
    assert.equal(write(1.5), '3:1.5^');
    assert.equal(write('é'), '2:\xc3\xa9,');
    assert.equal(write(Buffer.from([0, 255])), '2:\x00\xff,');
    assert.equal(write([]), '0:]');
    assert.equal(write({}), '0:}');
  });

  test('keeps the order of elements and members', () => {
    assert.equal(write([1, [2], 'c']), '15:1:1#4:1:2#]1:c,]');
    assert.equal(write({ a: 1, b: { c: null } }), '22:1:a,1:1#1:b,7:1:c,0:~}}');
  });

  test('writes numbers that are no safe integers as floats', () => {
    assert.equal(write(2 ** 53), '16:9007199254740992^');
    assert.equal(write(-0), '2:-0^');
    assert.equal(Object.is(decode(encode(-0)), -0), true);
  });

  test('refuses numbers that are not finite', () => {
    assert.throws(() => encode(Number.NaN), TnetstringError);
    assert.throws(() => encode([Number.POSITIVE_INFINITY]), TnetstringError);
  });

  test('refuses a cycle', () => {
    const list: TnetstringInput[] = [];
    list.push(list);
    assert.throws(() => encode(list), TnetstringError);
  });
});
