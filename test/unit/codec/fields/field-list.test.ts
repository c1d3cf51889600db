import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  contentCodings,
  fieldValue,
  fieldValues,
  hasMediaType,
  listMembers,
  nameIs,
  nameStartsWith,
  withoutFields,
} from '../../../../src/codec/fields/index.ts';

const FIELDS = ['Accept', 'a', 'X-B', '1', 'x-b', '2', 'X-BC', '3', 'X-b', '4'];

describe('names', () => {
  test('compare without regard to case', () => {
    for (const name of ['grip-hold', 'Grip-Hold', 'GRIP-HOLD', 'gRIP-hOLD']) assert.ok(nameIs(name, 'grip-hold'));
  });

  test('differ if one is a part of the other', () => {
    for (const name of ['grip-hol', 'grip-holds', '', ' grip-hold', 'grip_hold']) assert.ok(!nameIs(name, 'grip-hold'));
  });

  test('begin without regard to case', () => {
    for (const name of ['grip-', 'Grip-Hold', 'GRIP-x']) assert.ok(nameStartsWith(name, 'grip-'));
    for (const name of ['grip', 'xgrip-', '', 'grip_hold']) assert.ok(!nameStartsWith(name, 'grip-'));
  });
});

describe('fields', () => {
  test('have their first value', () => {
    assert.equal(fieldValue(FIELDS, 'x-b'), '1');
    assert.equal(fieldValue(FIELDS, 'accept'), 'a');
  });

  test('have no value without a field of that name', () => {
    assert.equal(fieldValue(FIELDS, 'x'), undefined);
    assert.equal(fieldValue([], 'x'), undefined);
  });

  test('are not found by their values', () => {
    assert.equal(fieldValue(['X', 'host', 'Y', 'z'], 'host'), undefined);
  });

  test('have all their values in order', () => {
    assert.deepEqual(fieldValues(FIELDS, 'x-b'), ['1', '2', '4']);
    assert.deepEqual(fieldValues(FIELDS, 'x'), []);
  });

  test('can be left out by name, and the others stay as they are', () => {
    const asked: string[] = [];
    const kept = withoutFields(FIELDS, (lowerName) => {
      asked.push(lowerName);
      return lowerName === 'x-b';
    });
    assert.deepEqual(kept, ['Accept', 'a', 'X-BC', '3']);
    assert.deepEqual(asked, ['accept', 'x-b', 'x-b', 'x-bc', 'x-b']);
    assert.equal(FIELDS.length, 10);
  });
});

describe('content codings', () => {
  for (const [values, codings] of [
    [[], []],
    [['', 'Identity'], []],
    [['br'], ['br']],
    [['identity', 'gzip'], ['gzip']],
    [
      ['gzip, identity', 'BR'],
      ['gzip', 'BR'],
    ],
  ] as const) {
    test(`of ${JSON.stringify(values)} are ${JSON.stringify(codings)}`, () => {
      const headers = values.flatMap((value) => ['Content-Encoding', value]);
      assert.deepEqual(contentCodings(['Content-Type', 'gzip', ...headers]), codings);
    });
  }
});

describe('list members', () => {
  for (const [values, members] of [
    [[], []],
    [[''], []],
    [['a'], ['a']],
    [['a,b'], ['a', 'b']],
    [
      ['a, b', 'c'],
      ['a', 'b', 'c'],
    ],
    [[' \ta\t , b c '], ['a', 'b c']],
    [[',, ,a,\t,'], ['a']],
    [['a="b,c",d'], ['a="b,c"', 'd']],
    [['"a\\",b",c'], ['"a\\",b"', 'c']],
    [['"a\\\\",b'], ['"a\\\\"', 'b']],
    [['"a,b'], ['"a,b']],
    [['"a\\'], ['"a\\']],
    [['a\\,b'], ['a\\', 'b']],
    [
      ['"a', 'b"'],
      ['"a', 'b"'],
    ],
    [
      ['""', '"",""'],
      ['""', '""', '""'],
    ],
    [['\xa0a\xa0,\x85b'], ['\xa0a\xa0', '\x85b']],
    [['\va\f'], ['\va\f']],
  ] as const) {
    test(`of ${JSON.stringify(values)} are ${JSON.stringify(members)}`, () => {
      assert.deepEqual(listMembers(values), members);
    });
  }
});

test('a media type is known in whatever case, with any parameters, and never by its beginning', () => {
  const has = (value: string): boolean => hasMediaType(['Content-Type', value], 'text/event-stream');
  for (const value of ['text/event-stream', 'Text/Event-Stream; charset=utf-8', 'text/event-stream ;x'])
    assert.ok(has(value));
  for (const value of ['text/event-streams', 'text', '', 'x;text/event-stream']) assert.ok(!has(value), value);
  assert.equal(hasMediaType([], 'text/event-stream'), false);
});
