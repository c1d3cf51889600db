import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHostPort, isHostName, parseHostPort } from '../../../src/config/host-port.ts';

test('names, IPv4 addresses and bracketed IPv6 addresses are read with their port', () => {
  assert.deepEqual(parseHostPort('localhost:8000', 1), { host: 'localhost', port: 8000 });
  assert.deepEqual(parseHostPort('my_app.internal.:1', 1), { host: 'my_app.internal.', port: 1 });
  assert.deepEqual(parseHostPort('10.0.0.1:65535', 1), { host: '10.0.0.1', port: 65_535 });
  assert.deepEqual(parseHostPort('[2001:db8::1]:80', 1), { host: '2001:db8::1', port: 80 });
});

test('a parsed value is formatted the same again', () => {
  for (const text of ['localhost:8000', '10.0.0.1:1', '[::1]:80'])
    assert.equal(formatHostPort(parseHostPort(text, 1)), text);
});

test('port 0 is accepted only where the system may choose', () => {
  assert.equal(parseHostPort('localhost:0', 0).port, 0);
  assert.throws(() => parseHostPort('localhost:0', 1), {
    message: '"0" is not a port: expected a whole number from 1 to 65535',
  });
});

test('each error is named', () => {
  const cases: [string, RegExp][] = [
    ['', /^the host is missing/],
    [':80', /^the host is missing in ":80"/],
    ['localhost', /^the port is missing: expected "localhost:PORT"/],
    ['[::1]', /^the port is missing: expected "\[::1\]:PORT"/],
    ['localhost:', /^"" is not a port/],
    ['localhost:65536', /^"65536" is not a port/],
    ['localhost:080000', /^"080000" is not a port/],
    ['localhost:8e3', /^"8e3" is not a port/],
    ['localhost:+80', /^"\+80" is not a port/],
    ['localhost: 80', /^" 80" is not a port/],
    ['::1', /an IPv6 address needs brackets/],
    ['::1:80', /an IPv6 address needs brackets/],
    ['[::1]80', /^expected "HOST:PORT" or "\[IPV6\]:PORT", got "\[::1\]80"$/],
    ['[localhost]:80', /^"localhost" is not an IPv6 address/],
    ['a:b:c', /^expected "HOST:PORT" or "\[IPV6\]:PORT", got "a:b:c"$/],
    ['http://a:80', /without scheme or path/],
    ['a:80/x', /without scheme or path/],
    ['a b:80', /^"a b" is not a host name/],
    ['a\n:80', /^"a\\n" is not a host name/],
    ['256.0.0.1:80', /^"256.0.0.1" is not a host name or an IPv4 address/],
    ['1.2.3:80', /^"1.2.3" is not a host name or an IPv4 address/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseHostPort(text, 1), { name: 'ConfigError', message });
});

test('a host name has labels of letters, digits, hyphens and underscores, and at most 253 characters', () => {
  for (const name of ['a', 'a-b.c_d.e9', '_srv.example', 'xn--mnchen-3ya.de', 'a'.repeat(253)])
    assert.ok(isHostName(name), name);
  for (const name of ['', '.', 'a..b', '-a', 'a-', '.a', 'a*', 'ä', 'a'.repeat(254), 'a b'])
    assert.ok(!isHostName(name), name);
});
