import assert from 'node:assert/strict';
import { test } from 'node:test';
import { channelOfSubject, channelSubject, MAX_SUBJECT, patternSubject } from '../../../src/cluster/channel-subject.ts';
import { fc } from '../../support/properties.ts';

const CASES: readonly (readonly [name: string, subject: string])[] = [
  ['news', 'news'],
  ['news.eu', 'news.eu'],
  ['', '='],
  ['.', '=.='],
  ['a..b', 'a.=.b'],
  ['a b', 'a=20b'],
  ['*', '=2A'],
  ['a.>', 'a.=3E'],
  ['a=b', 'a=3Db'],
  ['=', '=3D'],
  ['é', '=C3=A9'],
  ['😀.x', '=F0=9F=98=80.x'],
  ['a\r\nPUB x 0', 'a=0D=0APUB=20x=200'],
  ['$presence.a', '$presence.a'],
  ['\u007f', '=7F'],
];

for (const [name, subject] of CASES) {
  test(`channel ${JSON.stringify(name)} has the subject ${subject}`, () => {
    assert.equal(channelSubject(name), subject);
    assert.equal(channelOfSubject(subject), name);
  });
}

test('any name has one subject that is valid, and any two have different ones', () => {
  const names = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({ unit: fc.constantFrom('.', '=', '2', 'A', 'é') }),
  );
  fc.assert(
    fc.property(names, (name) => {
      const subject = channelSubject(name);
      assert.match(subject as string, /^[!-~]+$/);
      assert.doesNotMatch(subject as string, /^\.|\.\.|\.$|[*>]/);
      assert.equal(channelOfSubject(subject as string), name);
    }),
  );
});

test('any text is the subject of the one channel that it is written for, or of none', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('.', '=', '2', 'A', 'a', 'F', 'é', '*') }), (text) => {
      const name = channelOfSubject(text);
      if (name !== null) assert.equal(channelSubject(name), text);
    }),
  );
});

test('what is longer than a subject may be, or has no UTF-8, has none', () => {
  assert.equal(channelSubject('a'.repeat(MAX_SUBJECT))?.length, MAX_SUBJECT);
  assert.equal(channelSubject('a'.repeat(MAX_SUBJECT + 1)), null);
  assert.equal(channelSubject(' '.repeat(MAX_SUBJECT / 3 + 1)), null);
  assert.equal(channelSubject('a\ud800'), null);
  assert.equal(patternSubject(`${'a'.repeat(MAX_SUBJECT)}.*`), null);
});

test('tokens of a pattern that stand for others are those of subjects', () => {
  assert.equal(patternSubject('orders.*'), 'orders.*');
  assert.equal(patternSubject('a b.*.>'), 'a=20b.*.>');
  assert.equal(patternSubject('a*.b>'), 'a=2A.b=3E');
});
