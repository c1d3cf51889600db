import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatServerListener, parseServerListener } from '../../../src/config/server-listener.ts';

test('a listener is an address, and TLS where it is asked for', () => {
  const address = { kind: 'tcp', host: '127.0.0.1', port: 443 };
  assert.deepEqual(parseServerListener('127.0.0.1:443'), address);
  assert.deepEqual(parseServerListener('127.0.0.1:443,tls'), { ...address, tls: { defaultCert: null } });
  const named = { ...address, tls: { defaultCert: 'example.com' } };
  assert.deepEqual(parseServerListener('127.0.0.1:443,default-cert=example.com,tls'), named);
});

test('a parsed listener is formatted the same again', () => {
  for (const text of [
    '7999',
    '[::1]:443,tls',
    '443,tls,default-cert=a',
    '80,redirect=443',
    '80,proxy-protocol',
    '443,proxy-protocol,tls,default-cert=a',
    'unix:/run/a,b.sock?mode=660',
  ]) {
    assert.equal(formatServerListener(parseServerListener(text)), text);
  }
});

test('each error is named', () => {
  const cases: [string, RegExp][] = [
    ['443,default-cert=a', /^parameter "default-cert" needs "tls"$/],
    ['443,tls,tls', /^parameter "tls" is given twice$/],
    ['443,tls=yes', /^parameter "tls" takes no value$/],
    ['443,tls,default-cert', /^parameter "default-cert" needs a value/],
    ['443,tsl', /^unknown parameter "tsl"; did you mean "tls"\?$/],
    ['443,', /^unknown parameter ""/],
    ['80,redirect', /^parameter "redirect" needs a value/],
    ['80,redirect=0', /^"0" is not a port/],
    ['80,tls,redirect=443', /^parameter "redirect" is for listeners without "tls"$/],
    [',tls', /got an empty text$/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseServerListener(text), { name: 'ConfigError', message });
});
