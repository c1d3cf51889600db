import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonMembers } from '../../../../src/codec/grip/json-members.ts';

function fail(detail: string): never {
  throw new RangeError(detail);
}

function members(value: unknown): JsonMembers {
  return new JsonMembers(value, 'it', fail);
}

function refuses(read: () => unknown, detail: string): void {
  assert.throws(read, { name: 'RangeError', message: detail });
}

describe('JsonMembers', () => {
  it('is only for objects', () => {
    for (const value of [null, [], 'x', 1, undefined]) refuses(() => members(value), 'it is not an object');
  });

  it('reads members of each type', () => {
    const it = members({ s: 'x', b: false, n: 3, d: '4', l: [1], t: ['a'], m: { k: 'v' } });
    assert.equal(it.string('s'), 'x');
    assert.equal(it.boolean('b'), false);
    assert.equal(it.integer('n', 0), 3);
    assert.equal(it.integer('d', 0), 4);
    assert.deepEqual(it.list('l'), [1]);
    assert.deepEqual(it.strings('t'), ['a']);
    assert.deepEqual({ ...it.stringMap('m') }, { k: 'v' });
  });

  it('reads null for what is not there, the names of the prototype included', () => {
    const it = members({});
    assert.equal(it.get('x'), undefined);
    assert.equal(it.string('x'), null);
    assert.equal(it.boolean('x'), null);
    assert.equal(it.integer('x', 0), null);
    assert.equal(it.list('x'), null);
    assert.equal(it.strings('x'), null);
    assert.equal(it.stringMap('x'), null);
    assert.equal(it.bytes('x', 'y'), null);
    assert.equal(it.reason('x'), null);
    assert.equal(it.headers('x'), null);
  });

  it('complains of wrong types', () => {
    const it = members({ x: null, n: 1.5, l: [1], m: { k: 1 } });
    const wrong = (key: string) => `it contains '${key}' with wrong type`;
    refuses(() => it.string('x'), wrong('x'));
    refuses(() => it.boolean('x'), wrong('x'));
    refuses(() => it.integer('x', 0), wrong('x'));
    refuses(() => it.integer('n', 0), wrong('n'));
    refuses(() => it.list('m'), wrong('m'));
    refuses(() => it.strings('l'), wrong('l'));
    refuses(() => it.stringMap('l'), wrong('l'));
    refuses(() => it.stringMap('m'), wrong('m'));
    refuses(() => it.bytes('x', 'y'), wrong('x'));
    refuses(() => it.bytes('y', 'x'), wrong('x'));
    refuses(() => it.headers('x'), wrong('x'));
  });

  it('complains of integers outside of their range', () => {
    const it = members({ low: -1, high: '1000' });
    refuses(() => it.integer('low', 0), "it contains 'low' with invalid value");
    refuses(() => it.integer('high', 0, 999), "it contains 'high' with invalid value");
    assert.equal(it.integer('high', 0, 1000), 1000);
  });

  it('makes maps in which only what was set is found', () => {
    const map = members(JSON.parse('{"m": {"__proto__": "p", "constructor": "c"}}')).stringMap('m');
    assert.deepEqual(Object.entries(map ?? {}), [
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    assert.equal(map?.toString, undefined);
  });

  it('takes base64 as far as it goes, before text', () => {
    const it = members({ text: 'é', good: 'aGk=', bad: 'aG*k', worse: '***' });
    assert.deepEqual(it.bytes('text', 'none'), Buffer.from('é'));
    assert.deepEqual(it.bytes('text', 'good'), Buffer.from('hi'));
    assert.deepEqual(it.bytes('text', 'bad'), Buffer.from('hi'));
    assert.deepEqual(it.bytes('text', 'worse'), Buffer.alloc(0));
  });

  it('lets no control character into a reason, a name or a value', () => {
    for (const control of ['\r', '\n', '\0', '\u0001', '\u007f']) {
      const it = members({ r: `a${control}b`, v: { A: `b${control}` }, n: [[`A${control}`, 'b']] });
      refuses(() => it.reason('r'), "it contains 'r' with invalid value");
      refuses(() => it.headers('v'), "it contains 'v' with invalid value");
      refuses(() => it.headers('n'), "it contains 'n' with invalid value");
    }
    assert.equal(members({ r: 'a\tb' }).reason('r'), 'a\tb');
  });

  it('lets no character through whose low byte is a line end', () => {
    const it = members({ h: { A: 'x\u010d\u010ay' }, r: '\u010d\u010a', n: { 'A\u010a': 'b' } });
    assert.deepEqual(it.headers('h'), ['A', 'x\u00c4\u008d\u00c4\u008ay']);
    assert.equal(it.reason('r'), '\u00c4\u008d\u00c4\u008a');
    refuses(() => it.headers('n'), "it contains 'n' with invalid value");
  });
});
