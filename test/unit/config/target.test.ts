import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTarget, isAuthority, parseTarget } from '../../../src/config/target.ts';

test('a target is an address, with another Host for the origin if needed', () => {
  const plain = { host: 'localhost', port: 8000, hostHeader: '', untrusted: false };
  assert.deepEqual(parseTarget('localhost:8000'), plain);
  assert.deepEqual(parseTarget('[::1]:80,host=app.internal:81'), {
    host: '::1',
    port: 80,
    hostHeader: 'app.internal:81',
    untrusted: false,
  });
});

test('a target is trusted by default', () => {
  for (const text of ['a:1,untrusted', 'a:1,host=b,untrusted', 'a:1,untrusted,host=b']) {
    assert.equal(parseTarget(text).untrusted, true);
  }
});

test('a parsed value is formatted the same again', () => {
  for (const text of ['localhost:8000', '[::1]:80,host=[::1]:81', 'a:1,untrusted', 'a:1,host=b,untrusted']) {
    assert.equal(formatTarget(parseTarget(text)), text);
  }
});

test('each error is named', () => {
  const cases: [string, RegExp][] = [
    ['', /^expected one target, got ""$/],
    ['a:1 b:1', /^expected one target, got "a:1 b:1"$/],
    ['localhost', /^the port is missing/],
    ['host=a', /^the address is missing/],
    ['a:1,host=a,host=b', /^property "host" is given twice$/],
    ['a:1,host', /^property "host" needs a host name/],
    ['a:1,host="a b"', /^property "host" needs a host name/],
    ['a:1,host="a\r\nX: b"', /^property "host" needs a host name/],
    ['a:1,untrusted,untrusted', /^property "untrusted" is given twice$/],
    ['a:1,untrusted=no', /^property "untrusted" is a switch and takes no value$/],
    ['a:1,trusted', /^unknown property "trusted" of a target; did you mean "untrusted"\?$/],
    ['a:1,wibble=2', /^unknown property "wibble" of a target$/],
    ['a:1,"', /unterminated quote/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseTarget(text), { name: 'ConfigError', message });
});

test('every unsupported form and property of Pushpin is reported as such', () => {
  const forms = { test: 'test', 'zhttp/ipc:///a': 'zhttp/…', 'zhttpreq/tcp://a:1': 'zhttpreq/…' };
  for (const [text, name] of Object.entries(forms)) {
    assert.throws(() => parseTarget(text), { message: `"${name}" of Pushpin is not supported by this version` });
  }
  const properties = 'ssl trust_connect_host insecure sub over_http one_event ipc_file_mode client_cert client_key';
  for (const name of properties.split(' ')) {
    for (const text of [`a:1,${name}`, `a:1,${name}=1`]) {
      assert.throws(() => parseTarget(text), { message: `"${name}" of Pushpin is not supported by this version` });
    }
  }
});

test('an authority is a host name or bracketed IPv6 address, with an optional port', () => {
  for (const text of ['a', 'a:80', '10.0.0.1', '[::1]', '[::1]:80']) assert.ok(isAuthority(text), text);
  for (const text of ['', ':80', 'a:', 'a:b', 'a:123456', '::1', '[a]', 'a b', 'a/b', 'a\n'])
    assert.ok(!isAuthority(text), text);
});
