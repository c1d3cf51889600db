import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_TNETSTRING_LIMITS, decode, TnetstringError } from '../../../../src/codec/tnetstring/index.ts';

const read = (text: string) => decode(Buffer.from(text, 'latin1'));

function refuses(text: string, message: RegExp): void {
  assert.throws(
    () => read(text),
    (error) => error instanceof TnetstringError && message.test(error.message),
    text,
  );
}

describe('decode', () => {
  test('reads each type', () => {
    assert.deepEqual(read('5:hello,'), Buffer.from('hello'));
    assert.deepEqual(read('0:,'), Buffer.alloc(0));
    assert.equal(read('3:-12#'), -12);
    assert.equal(read('2:-0#'), 0);
    assert.equal(read('4:-1.5^'), -1.5);
    assert.equal(read('5:1e+21^'), 1e21);
    assert.equal(read('4:true!'), true);
    assert.equal(read('5:false!'), false);
    assert.equal(read('0:~'), null);
    assert.deepEqual(read('0:]'), []);
    assert.deepEqual(read('13:1:a,3:0:~]0:}]'), [Buffer.from('a'), [null], Object.create(null)]);
  });

  test('reads byte strings as views', () => {
    const buffer = Buffer.from('3:abc,');
    const value = decode(buffer) as Buffer;
    buffer[2] = 0x78;
    assert.equal(value.toString(), 'xbc');
  });

  test('takes the last one of equal keys', () => {
    assert.deepEqual({ ...(read('16:1:a,1:1#1:a,1:2#}') as object) }, { a: 2 });
  });

  test('does not confuse keys with what objects inherit', () => {
    const map = read('19:9:__proto__,4:true!}') as Record<string, unknown>;
    assert.equal(Object.getPrototypeOf(map), null);
    assert.deepEqual(Object.keys(map), ['__proto__']);
    assert.equal('toString' in map, false);
  });

  test('takes the largest exact integers, and refuses larger ones', () => {
    assert.equal(read('16:9007199254740991#'), Number.MAX_SAFE_INTEGER);
    assert.equal(read('17:-9007199254740991#'), Number.MIN_SAFE_INTEGER);
    refuses('16:9007199254740992#', /out of range/);
    refuses('17:-9007199254740992#', /out of range/);
  });

  test('refuses data that is not of its type', () => {
    refuses('0:#', /without digits/);
    refuses('1:-#', /without digits/);
    refuses('2:+1#', /malformed/);
    refuses('3:0x1#', /malformed/);
    refuses('4:True!', /malformed/);
    refuses('1:1!', /malformed/);
    refuses('1:a~', /with data/);
    refuses('3:nan^', /malformed or out of range/);
    refuses('5:1e999^', /malformed or out of range/);
    refuses('1:a?', /unknown type/);
  });

  test('refuses keys that are no text, and keys without values', () => {
    refuses('8:1:1#1:a,}', /key is not text/);
    refuses('8:1:\xff,1:a,}', /key is not text/);
    refuses('4:1:a,}', /key without a value/);
  });

  test('never reads beyond what is there', () => {
    refuses('', /length is malformed/);
    refuses('5', /length is malformed/);
    refuses('5:abc', /truncated/);
    refuses('3:abc', /truncated/);
    refuses(':abc,', /length is malformed/);
    refuses('-1:a,', /length is malformed/);
    refuses('999999999:a,', /truncated/);
    refuses('1000000000:a,', /too many digits/);
    refuses('4:9:a,]', /truncated/);
    refuses('3:abc,,', /trailing bytes/);
  });

  test('is bounded in depth', () => {
    assert.equal(depthOf(read(nested(DEFAULT_TNETSTRING_LIMITS.maxDepth))), DEFAULT_TNETSTRING_LIMITS.maxDepth);
    refuses(nested(DEFAULT_TNETSTRING_LIMITS.maxDepth + 1), /nested too deeply/);
    refuses(nested(5_000), /nested too deeply/);
  });

  test('is bounded in size', () => {
    const limits = { maxBytes: 6, maxDepth: 1, floats: true };
    assert.deepEqual(decode(Buffer.from('3:abc,'), limits), Buffer.from('abc'));
    assert.throws(() => decode(Buffer.from('4:abcd,'), limits), TnetstringError);
  });

  test('may have no floats', () => {
    const limits = { maxBytes: 20, maxDepth: 2, floats: false };
    assert.deepEqual(decode(Buffer.from('4:1:1#]'), limits), [1]);
    assert.throws(() => decode(Buffer.from('6:3:1.5^]'), limits), /floats are not accepted/);
  });
});

function nested(depth: number): string {
  let text = '';
  for (let i = 0; i < depth; i++) text = `${text.length}:${text}]`;
  return text;
}

function depthOf(value: unknown): number {
  return Array.isArray(value) ? 1 + depthOf(value[0] ?? null) : 0;
}
