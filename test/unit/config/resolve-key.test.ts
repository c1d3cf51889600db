import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveKey } from '../../../src/config/resolve-key.ts';

const noFile = (path: string): string => assert.fail(`${path} must not be read`);
const pem = '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n';

test('an empty text is not a key', () => {
  assert.equal(resolveKey('', noFile), null);
});

test('a text without a known prefix is the secret itself, in UTF-8', () => {
  assert.deepEqual(resolveKey('changeme', noFile), Buffer.from('changeme'));
  assert.deepEqual(resolveKey('schlüssel', noFile), Buffer.from('schlüssel'));
  assert.deepEqual(resolveKey('BASE64:AA==', noFile), Buffer.from('BASE64:AA=='));
});

test('base64 is decoded in either alphabet, with or without padding', () => {
  for (const text of ['base64:+/8=', 'base64:-_8=', 'base64:+/8']) {
    assert.deepEqual(resolveKey(text, noFile), Buffer.from([0xfb, 0xff]));
  }
});

test('a file that begins as PEM is used as text', () => {
  const read = (path: string) => (path === '/etc/key.pem' ? pem : assert.fail(path));
  assert.equal(resolveKey('file:/etc/key.pem', read), pem);
});

test('any other file holds hex digits, with white space between them', () => {
  assert.deepEqual(
    resolveKey('file:k', () => '00ff\nA b 10\n'),
    Buffer.from([0x00, 0xff, 0xab, 0x10]),
  );
});

test('each error is named, without the key', () => {
  const cases: [string, () => string, RegExp][] = [
    ['base64:', () => '', /^missing key after "base64:"$/],
    ['base64:==', () => '', /^missing key after "base64:"$/],
    ['base64:secret!', () => '', /^invalid base64 after "base64:"$/],
    ['base64:AAAAA', () => '', /^invalid base64 after "base64:"$/],
    ['base64:AA=A', () => '', /^invalid base64 after "base64:"$/],
    [pem, () => '', /^this is a key in PEM or a JSON Web Key, /],
    [`base64:${Buffer.from(pem).toString('base64')}`, () => '', /^this is a key in PEM/],
    ['{"kty":"oct","k":"secret"}', () => '', /^this is a key in PEM/],
    [`base64:${Buffer.from(' { "kty": "EC" }').toString('base64url')}`, () => '', /^this is a key in PEM/],
    ['file:k', () => Buffer.from(pem).toString('hex'), /^this is a key in PEM/],
    ['file:', () => '', /^missing path after "file:"$/],
    ['file:k', () => ' \n', /^key file "k" is empty$/],
    ['file:k', () => 'secret', /^key file "k" contains neither PEM/],
    ['file:k', () => 'abc', /^key file "k" contains neither PEM/],
    ['file:k', () => ` ${pem}`, /^key file "k" contains neither PEM/],
  ];
  for (const [text, read, message] of cases) {
    assert.throws(() => resolveKey(text, read), { name: 'ConfigError', message });
    assert.throws(
      () => resolveKey(text, read),
      (error) => error instanceof Error && !error.message.includes('secret'),
    );
  }
});

test('a file that cannot be read is a configuration error with the reason', () => {
  const read = (): string => {
    throw Object.assign(new Error('ENOENT: no such file or directory'), { errno: -2, code: 'ENOENT' });
  };
  assert.throws(() => resolveKey('file:k', read), {
    name: 'ConfigError',
    message: 'cannot read key file "k": no such file or directory',
  });
});
