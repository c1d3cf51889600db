import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatListenAddress, MAX_UNIX_PATH, parseListenAddress } from '../../../src/config/listen-address.ts';

const unix = { kind: 'unix', mode: null, user: null, group: null };

test('a port alone means every interface', () => {
  assert.deepEqual(parseListenAddress('7999'), { kind: 'tcp', host: null, port: 7999 });
});

test('port 0 asks for a free one', () => {
  assert.deepEqual(parseListenAddress('0'), { kind: 'tcp', host: null, port: 0 });
  assert.deepEqual(parseListenAddress('127.0.0.1:0'), { kind: 'tcp', host: '127.0.0.1', port: 0 });
});

test('an interface is named or given by its address', () => {
  assert.deepEqual(parseListenAddress('localhost:80'), { kind: 'tcp', host: 'localhost', port: 80 });
  assert.deepEqual(parseListenAddress('[::]:80'), { kind: 'tcp', host: '::', port: 80 });
});

test('a unix socket has a path, and may have a mode and an owner', () => {
  assert.deepEqual(parseListenAddress('unix:/run/h.sock'), { ...unix, path: '/run/h.sock' });
  assert.deepEqual(parseListenAddress('unix:a b:c'), { ...unix, path: 'a b:c' });
  assert.deepEqual(parseListenAddress('unix:/s?mode=0660&user=www&group=33'), {
    kind: 'unix',
    path: '/s',
    mode: 0o660,
    user: 'www',
    group: '33',
  });
  assert.deepEqual(parseListenAddress('unix:/s?mode=0'), { ...unix, path: '/s', mode: 0 });
});

test('a parsed address is formatted so that it parses the same again', () => {
  for (const text of [
    '0',
    '7999',
    'localhost:80',
    '[::1]:80',
    'unix:/s',
    'unix:/s?mode=0',
    'unix:/s?group=g',
    'unix:s?user=u&mode=777',
  ]) {
    const address = parseListenAddress(text);
    assert.deepEqual(parseListenAddress(formatListenAddress(address)), address);
  }
  assert.equal(formatListenAddress(parseListenAddress('unix:/s?group=g&mode=0640')), 'unix:/s?mode=640&group=g');
});

test('a unix socket path may be as long as every system can bind', () => {
  assert.equal(parseListenAddress(`unix:${'x'.repeat(MAX_UNIX_PATH)}`).kind, 'unix');
  assert.throws(() => parseListenAddress(`unix:${'x'.repeat(MAX_UNIX_PATH + 1)}`), /at most 103 bytes/);
  assert.throws(() => parseListenAddress(`unix:${'ä'.repeat(52)}`), /at most 103 bytes/);
});

test('each error is named', () => {
  const cases: [string, RegExp][] = [
    ['', /^expected "PORT", "HOST:PORT", "\[IPV6\]:PORT" or "unix:PATH", got an empty text$/],
    ['65536', /^"65536" is not a port: expected a whole number from 0 to 65535$/],
    ['127.0.0.1', /^the port is missing: expected "127.0.0.1:PORT"$/],
    ['*:80', /^to listen on every interface, write only the port: "80"$/],
    ['::1', /needs brackets/],
    ['unix:', /^the path is missing/],
    ['unix:?mode=600', /^the path is missing/],
    ['unix:/a\0b', /must not contain control characters/],
    ['unix:/s?mode=888', /^expected mode as an octal number from 0 to 777, got "888"$/],
    ['unix:/s?mode=1777', /^expected mode as an octal number/],
    ['unix:/s?mode=', /^option "mode" needs a value/],
    ['unix:/s?user', /^option "user" needs a value/],
    ['unix:/s?user=a\nb', /^option "user" needs a value/],
    ['unix:/s?user=a&user=b', /^option "user" is given twice$/],
    ['unix:/s?owner=a', /^unknown option "owner" of a unix socket$/],
    ['unix:/s?', /^unknown option "" of a unix socket$/],
    ['unix:/s?gruop=a', /did you mean "group"\?$/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseListenAddress(text), { name: 'ConfigError', message });
});
