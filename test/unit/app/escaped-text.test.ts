import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anonymousAddress } from '../../../src/app/anonymous-address.ts';
import { jsonText, logfmtValue, quotedText } from '../../../src/app/escaped-text.ts';

const ALL = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');

test('Every character comes back from JSON, and the text is ASCII on one line', () => {
  const text = jsonText(`${ALL}→`);
  assert.equal(JSON.parse(`"${text}"`), `${ALL}→`);
  assert.match(text, /^[\x20-\x7e]*$/);
  assert.equal(jsonText('/plain?a=b'), '/plain?a=b');
});

test('Between the quotes of the combined format all else than plain ASCII is \\xHH', () => {
  const text = quotedText(ALL);
  assert.match(text, /^[\x20-\x7e]*$/);
  assert.equal(quotedText('a"b\\\n\xe9'), 'a\\x22b\\x5C\\x0A\\xE9');
  assert.equal(
    text.replace(/\\x([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    ALL,
  );
});

test('A value of logfmt is quoted where it would be read otherwise', () => {
  assert.equal(logfmtValue('/a?b'), '/a?b');
  assert.equal(logfmtValue(''), '""');
  assert.equal(logfmtValue('a=b'), '"a=b"');
  assert.equal(logfmtValue('a b\n"'), '"a b\\u000a\\u0022"');
});

for (const [address, anonymous] of [
  ['192.0.2.77', '192.0.2.0'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::'],
  ['2001:db8::6', '2001:db8:0::'],
  ['::1', '0:0:0::'],
  ['fe80::1%eth0', 'fe80:0:0::'],
  ['::ffff:192.0.2.77', '::ffff:192.0.2.0'],
  ['', ''],
  ['a requester', 'a requester'],
] as const) {
  test(`The address "${address}" becomes "${anonymous}"`, () => {
    assert.equal(anonymousAddress(address), anonymous);
  });
}
