import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTarget, isAuthority, parseTarget } from '../../../src/config/target.ts';

test('a target is an address, with another Host for the origin if needed', () => {
  const plain = {
    kind: 'http',
    host: 'localhost',
    port: 8000,
    hostHeader: '',
    untrusted: false,
    overHttp: false,
    oneEvent: false,
    sub: [],
    ipcFileMode: null,
    tls: null,
  };
  assert.deepEqual(parseTarget('localhost:8000'), plain);
  assert.deepEqual(parseTarget('[::1]:80,host=app.internal:81'), {
    kind: 'http',
    host: '::1',
    port: 80,
    hostHeader: 'app.internal:81',
    untrusted: false,
    overHttp: false,
    oneEvent: false,
    sub: [],
    ipcFileMode: null,
    tls: null,
  });
});

test('a target is trusted by default', () => {
  for (const text of ['a:1,untrusted', 'a:1,host=b,untrusted', 'a:1,untrusted,host=b']) {
    assert.equal(parseTarget(text).untrusted, true);
  }
});

test('a target may get WebSockets over HTTP, and subscribe its clients to channels', () => {
  const { overHttp, oneEvent, sub } = parseTarget('a:1,over_http,one_event,sub=one,"sub=t, o"');
  assert.deepEqual([overHttp, oneEvent, sub], [true, true, ['one', 't, o']]);
});

test('a parsed value is formatted the same again', () => {
  for (const text of [
    'localhost:8000',
    '[::1]:80,host=[::1]:81',
    'a:1,untrusted',
    'a:1,host=b,untrusted',
    'a:1,ssl',
    'a:1,ssl,insecure,trust_connect_host,client_cert=a.crt,client_key="/b c/\\"d.key",host=b,untrusted',
    'test',
    'a:1,over_http,one_event,sub=a,sub="b, c"',
  ]) {
    assert.equal(formatTarget(parseTarget(text)), text);
  }
});

test('TLS is used where "ssl" asks for it, and certificates are verified unless "insecure" is set', () => {
  const tls = { verify: true, trustConnectHost: false, clientCert: '', clientKey: '' };
  assert.deepEqual(parseTarget('a:1,ssl').tls, tls);
  assert.deepEqual(parseTarget('a:1,insecure,ssl').tls, { ...tls, verify: false });
  assert.deepEqual(parseTarget('a:1,ssl,trust_connect_host').tls, { ...tls, trustConnectHost: true });
  const files = { clientCert: 'a.crt', clientKey: 'a.key' };
  assert.deepEqual(parseTarget('a:1,ssl,client_cert=a.crt,client_key=a.key').tls, { ...tls, ...files });
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
    ['a:1,over_http,over_http', /^property "over_http" is given twice$/],
    ['a:1,one_event', /^property "one_event" needs "over_http"/],
    ['a:1,sub', /^property "sub" needs the name of a channel/],
    ['a:1,untrusted=no', /^property "untrusted" is a switch and takes no value$/],
    ['a:1,trusted', /^unknown property "trusted" of a target; did you mean "untrusted"\?$/],
    ['a:1,wibble=2', /^unknown property "wibble" of a target$/],
    ['a:1,"', /unterminated quote/],
    ['a:1,ssl=yes', /^property "ssl" is a switch and takes no value$/],
    ['a:1,insecure', /^property "insecure" needs "ssl": without TLS it means nothing$/],
    ['a:1,client_cert=a,client_key=b', /^property "client_cert" needs "ssl"/],
    ['a:1,ssl,client_cert=a', /^properties "client_cert" and "client_key" are given together/],
    ['a:1,ssl,client_cert', /^property "client_cert" needs the path of a file/],
    ['test,ssl', /^property "ssl" means nothing for the target "test"$/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseTarget(text), { name: 'ConfigError', message });
});

test('handlers over ZeroMQ are targets, by a base or by an endpoint', () => {
  const stream = parseTarget('zhttp/ipc:///tmp/a,ipc_file_mode=660');
  assert.deepEqual([stream.kind, stream.host, stream.port, stream.ipcFileMode], ['zhttp', 'ipc:///tmp/a', 0, 0o660]);
  const req = parseTarget('zhttpreq/tcp://*:5000,ssl,sub=a');
  assert.deepEqual([req.kind, req.host, req.tls?.verify, req.sub], ['zhttpreq', 'tcp://*:5000', true, ['a']]);
  for (const text of ['zhttp/ipc:///tmp/a,ipc_file_mode=660', 'zhttpreq/tcp://*:5000,ssl', '"zhttp/ipc:///tmp/a b"']) {
    assert.equal(formatTarget(parseTarget(text)), text);
  }
  for (const [text, message] of [
    ['zhttp/a', /expected "ipc:\/\/PATH"/],
    ['zhttp/tcp://a:65534', /at most 65533/],
    ['zhttpreq/', /expected "ipc:\/\/PATH"/],
    ['zhttp/ipc:///a,ipc_file_mode', /needs an octal number/],
    ['zhttp/ipc:///a,ipc_file_mode=9', /octal number/],
    ['a:1,ipc_file_mode=660', /is for "zhttp/],
  ] as const) {
    assert.throws(() => parseTarget(text), { message }, text);
  }
});

test('an authority is a host name or bracketed IPv6 address, with an optional port', () => {
  for (const text of ['a', 'a:80', '10.0.0.1', '[::1]', '[::1]:80']) assert.ok(isAuthority(text), text);
  for (const text of ['', ':80', 'a:', 'a:b', 'a:123456', '::1', '[a]', 'a b', 'a/b', 'a\n'])
    assert.ok(!isAuthority(text), text);
});
