import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSessionFields, sessionIn } from '../../../../src/codec/grip/index.ts';

test('a response names the session, rules that find it, and last ids', () => {
  const headers = [
    ...['Grip-Session-Id', 's1', 'Grip-Last', 'a; last-id=1, b;last-id="2"', 'grip-last', 'c; last-id=3'],
    ...['Grip-Session-Detect', 'path-prefix=/a; sid-ptr=/id, path-prefix=/b; sid-ptr=/x/0; json-param=message'],
  ];
  const { id, rules, lastIds } = parseSessionFields(headers, 'a.example');
  assert.equal(id, 's1');
  assert.deepEqual({ ...lastIds }, { a: '1', b: '2', c: '3' });
  assert.deepEqual(rules, [
    { domain: 'a.example', pathPrefix: '/a', sidPtr: '/id', jsonParam: null },
    { domain: 'a.example', pathPrefix: '/b', sidPtr: '/x/0', jsonParam: 'message' },
  ]);
});

test('what is incomplete is passed over', () => {
  const headers = [
    'Grip-Session-Id',
    '',
    'Grip-Last',
    'a, ; last-id=1',
    'Grip-Session-Detect',
    'sid-ptr=/id, path-prefix="/',
  ];
  const { id, rules, lastIds } = parseSessionFields(headers, 'a');
  assert.deepEqual([id, rules, { ...lastIds }], [null, [], {}]);
});

for (const [body, found] of [
  ['{"client":{"id":"s1"}}', 's1'],
  ['[{"id":"s2"}]', 's2'],
  ['message=%5B%7B%22id%22%3A%22s3%22%7D%5D', 's3'],
  ['{"client":{"id":7}}', null],
  ['{"client":{"id":""}}', null],
  ['{"client":', null],
  ['', null],
] as const) {
  test(`the session in ${body} is ${found}`, () => {
    const rule = { domain: 'a', pathPrefix: '/', jsonParam: null };
    const rules = [
      { ...rule, sidPtr: '/client/id' },
      { ...rule, sidPtr: '/0/id' },
      { ...rule, sidPtr: '/0/id', jsonParam: 'message' },
    ];
    assert.equal(sessionIn(Buffer.from(body), rules), found);
  });
}

test('many rules read a body once', (t) => {
  const parse = t.mock.method(JSON, 'parse');
  const rule = (sidPtr: string, jsonParam: string | null) => ({ domain: 'a', pathPrefix: '/', sidPtr, jsonParam });
  const rules = Array.from({ length: 100 }, (_, i) => [rule(`/${i}`, null), rule(`/${i}`, 'm'), rule(`/${i}`, 'n')]);
  assert.equal(sessionIn(Buffer.from('{"id":"s1"}'), rules.flat()), null);
  assert.equal(sessionIn(Buffer.from('m={"id":"s1"}&n={}'), [...rules.flat(), rule('/id', 'm')]), 's1');
  // What no form has is empty, and no JSON.
  assert.ok(parse.mock.callCount() <= 6, `${parse.mock.callCount()} times`);
});
