import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GripError } from '../../../../src/codec/grip/grip-error.ts';
import { NO_LINKS, parseGripLinks } from '../../../../src/codec/grip/grip-links.ts';

for (const [value, next, gone] of [
  ['</next>; rel=next', { uri: '/next', timeout: 120 }, null],
  ['<http://a/b?c=1,2;3>; rel="next"; timeout=5', { uri: 'http://a/b?c=1,2;3', timeout: 5 }, null],
  ['</n>;rel=next;timeout=0 , </g>;rel=gone', { uri: '/n', timeout: 0 }, '/g'],
  ['</1>; rel=next, </2>; rel=next', { uri: '/2', timeout: 120 }, null],
  ['</1>; rel=prev; rel2=next', null, null],
  ['</1>', null, null],
  ['no uri', null, null],
  ['', null, null],
  [' , ', null, null],
] as const) {
  test(`Grip-Link: ${value}`, () => {
    assert.deepEqual(parseGripLinks([value]), { next, gone });
  });
}

test('Several fields are read together', () => {
  const links = parseGripLinks(['</1>; rel=next', '</2>; rel=gone']);
  assert.deepEqual(links, { next: { uri: '/1', timeout: 120 }, gone: '/2' });
  assert.equal(parseGripLinks([]), NO_LINKS);
});

for (const [value, problem] of [
  ['/next; rel=next', /no URI in <>/],
  ['</next; rel=next', /no URI in <>/],
  ['<>; rel=next', /no URI in <>/],
  ['<http://[>; rel=next', /invalid URI/],
  // Relative for a request over http, and without a host for one over https; and the other way round.
  ['<http:>; rel=next', /invalid URI/],
  ['<https:>; rel=gone', /invalid URI/],
  ['</next>; rel=next; timeout=x', /timeout is not an integer/],
  ['</next>; rel=next; timeout=-1', /timeout is not 0 to/],
  ['</next>; rel="next', /quote that is not closed/],
] as const) {
  test(`Grip-Link is refused: ${value}`, () => {
    assert.throws(
      () => parseGripLinks([value]),
      (error) => error instanceof GripError && problem.test(error.message),
    );
  });
}
