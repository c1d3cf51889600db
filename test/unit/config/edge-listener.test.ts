import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEdgeListener, parseEdgeListener } from '../../../src/config/edge-listener.ts';
import { MAX_UNIX_PATH } from '../../../src/config/listen-address.ts';

const tcp = { kind: 'tcp', host: '0.0.0.0', port: 8000 };
const unix = { kind: 'unix', path: '/s', mode: null, user: null, group: null };
const plain = { mode: 'stream', tls: null };

test('a port alone means every IPv4 interface, and stream mode without TLS', () => {
  assert.deepEqual(parseEdgeListener('8000'), { ...plain, address: tcp });
});

test('port 0 asks for a free one', () => {
  assert.deepEqual(parseEdgeListener('0'), { ...plain, address: { ...tcp, port: 0 } });
});

test('an interface is given by its IPv4 or IPv6 address', () => {
  assert.deepEqual(parseEdgeListener('127.0.0.1:80').address, { kind: 'tcp', host: '127.0.0.1', port: 80 });
  assert.deepEqual(parseEdgeListener('[::1]:80').address, { kind: 'tcp', host: '::1', port: 80 });
});

test('the later of stream and req counts', () => {
  const modes = ['8000', '8000,stream', '8000,req', '8000,stream,req', '8000,req,tls,stream', '8000,req,req'];
  assert.deepEqual(
    modes.map((text) => parseEdgeListener(text).mode),
    ['stream', 'stream', 'req', 'req', 'stream', 'req'],
  );
});

test('TLS may have a default certificate, named before or after it', () => {
  assert.deepEqual(parseEdgeListener('8000,tls').tls, { defaultCert: null });
  assert.deepEqual(parseEdgeListener('8000,tls,default-cert=a.example').tls, { defaultCert: 'a.example' });
  assert.deepEqual(parseEdgeListener('8000,default-cert=a=b,req,tls'), {
    address: tcp,
    mode: 'req',
    tls: { defaultCert: 'a=b' },
  });
});

test('connections may begin with a PROXY header', () => {
  assert.deepEqual(parseEdgeListener('8000,proxy-protocol'), { ...plain, address: tcp, proxyProtocol: true });
  const text = '0.0.0.0:8000,req,proxy-protocol,tls';
  assert.equal(formatEdgeListener(parseEdgeListener(text)), text);
  assert.throws(() => parseEdgeListener('/s,local,proxy-protocol'), /"proxy-protocol" cannot be used with "local"/);
});

test('with local the address is the path of a unix socket, which may have a mode and an owner', () => {
  assert.deepEqual(parseEdgeListener('/s,local'), { ...plain, address: unix });
  assert.deepEqual(parseEdgeListener('/s,mode=0660,req,user=www,group=33,local'), {
    address: { kind: 'unix', path: '/s', mode: 0o660, user: 'www', group: '33' },
    mode: 'req',
    tls: null,
  });
  assert.deepEqual(parseEdgeListener('127.0.0.1:80,local').address, { ...unix, path: '127.0.0.1:80' });
});

test('a parsed address is formatted so that it parses the same again', () => {
  for (const text of [
    '0',
    '8000,req',
    '127.0.0.1:80,tls',
    '[::1]:80,req,tls,default-cert=a.example',
    '/s,local',
    '/s,local,req,mode=0',
    'a b:c,local,mode=0777,user=u,group=g',
  ]) {
    const listener = parseEdgeListener(text);
    assert.deepEqual(parseEdgeListener(formatEdgeListener(listener)), listener);
  }
  assert.equal(formatEdgeListener(parseEdgeListener('80,tls,req')), '0.0.0.0:80,req,tls');
  assert.equal(formatEdgeListener(parseEdgeListener('/s,group=g,mode=0640,local')), '/s,stream,local,mode=640,group=g');
});

test('a unix socket path may be as long as every system can bind', () => {
  assert.equal(parseEdgeListener(`${'x'.repeat(MAX_UNIX_PATH)},local`).address.kind, 'unix');
  assert.throws(() => parseEdgeListener(`${'x'.repeat(MAX_UNIX_PATH + 1)},local`), /at most 103 bytes/);
});

test('each error is named', () => {
  const cases: [string, RegExp][] = [
    ['', /^expected "PORT", "IPV4:PORT", "\[IPV6\]:PORT" or "PATH,local", optionally .*, got ""$/],
    [',local', /^expected "PORT", .*, got ",local"$/],
    ['65536', /^"65536" is not a port: expected a whole number from 0 to 65535$/],
    ['127.0.0.1', /^the port is missing: expected "127.0.0.1:PORT"$/],
    ['localhost:80', /^"localhost" is a name: expected an address, such as "127.0.0.1:80" or "\[::1\]:80"$/],
    ['*:80', /^"\*" is not a host name or an IPv4 address$/],
    ['::1:80', /needs brackets/],
    ['/s', /^a unix socket is written "PATH,local", got "\/s"$/],
    ['unix:/s', /^a unix socket is written "PATH,local", got "unix:\/s"$/],
    ['80,', /^unknown parameter ""$/],
    ['80,steam', /^unknown parameter "steam"; did you mean "stream"\?$/],
    ['80,default_cert=a,tls', /^unknown parameter "default_cert"; did you mean "default-cert"\?$/],
    ['80,toString', /^unknown parameter "toString"$/],
    ['80, req', /^unknown parameter " req"; did you mean "req"\?$/],
    ['80,compression', /^unknown parameter "compression"$/],
    ['80,tls=yes', /^parameter "tls" takes no value$/],
    ['80,req=', /^parameter "req" takes no value$/],
    ['80,tls,default-cert', /^parameter "default-cert" needs a value, as in "default-cert=…"$/],
    ['80,tls,default-cert=', /^parameter "default-cert" needs a value/],
    ['80,tls,default-cert=a\0', /^parameter "default-cert" needs a value/],
    ['80,tls,tls', /^parameter "tls" is given twice$/],
    ['80,tls,default-cert=a,default-cert=a', /^parameter "default-cert" is given twice$/],
    ['80,default-cert=a', /^parameter "default-cert" needs "tls"$/],
    ['80,mode=660', /^parameter "mode" needs "local": it applies to the file of a unix socket$/],
    ['80,user=a', /^parameter "user" needs "local"/],
    ['80,group=a', /^parameter "group" needs "local"/],
    ['/s,local,tls', /^parameter "tls" cannot be used with "local"$/],
    ['/s,local,default-cert=a', /^parameter "default-cert" cannot be used with "local"$/],
    ['/s,local,mode=888', /^expected mode as an octal number from 0 to 777, got "888"$/],
    ['/a\0b,local', /must not contain control characters/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseEdgeListener(text), { name: 'ConfigError', message });
});
