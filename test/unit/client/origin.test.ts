import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originOf } from '../../../src/client/index.ts';
import { Guard, type TlsClientSettings } from '../../../src/net/index.ts';

const TLS: TlsClientSettings = { serverName: 'a', alsoTrusted: '', verify: true, clientCert: '', clientKey: '' };

function guard(): Guard {
  return new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: false });
}

test('An origin has an address to dial and a name as in a URI', () => {
  const { host, port, tls, guard: ruler, ipv4Only, name } = originOf('a.example', 80);
  assert.deepEqual(
    { host, port, tls, ruler, ipv4Only },
    { host: 'a.example', port: 80, tls: null, ruler: null, ipv4Only: false },
  );
  assert.equal(name, 'a.example:80');
});

test('An IPv6 literal is dialled without brackets and named with them', () => {
  for (const text of ['::1', '[::1]']) {
    const { host, name } = originOf(text, 80);
    assert.deepEqual([host, name], ['::1', '[::1]:80']);
  }
});

test('Everything that a connection is trusted for is part of the key', () => {
  const keys = [
    originOf('a', 1),
    originOf('b', 1),
    originOf('a', 2),
    originOf('a', 1, null, guard()),
    originOf('a', 1, null, guard()),
    originOf('a', 1, null, null, true),
    originOf('a', 1, TLS),
    originOf('a', 1, TLS, guard()),
    originOf('a', 1, TLS, null, true),
    originOf('a', 1, { ...TLS, serverName: 'b' }),
    originOf('a', 1, { ...TLS, alsoTrusted: 'b' }),
    originOf('a', 1, { ...TLS, verify: false }),
    originOf('a', 1, { ...TLS, clientCert: 'c' }),
    originOf('a', 1, { ...TLS, clientKey: 'c' }),
  ].map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
});

test('Equal origins have the same key', () => {
  const ruler = guard();
  for (const make of [
    () => originOf('a', 1),
    () => originOf('::1', 1, null, ruler),
    () => originOf('a', 1, { ...TLS }, ruler, true),
  ]) {
    assert.equal(make().key, make().key);
  }
});

test('No made-up host has the key of another origin', () => {
  const ruler = guard();
  const targets = [
    originOf('a', 1),
    originOf('a', 1, null, ruler),
    originOf('a', 1, TLS),
    originOf('a', 1, TLS, ruler),
    originOf('a', 1, TLS, ruler, true),
  ];
  const keys = new Set(targets.map(({ key }) => key));
  // Each beginning of a key is left to the fields before the host, and each end to the port.
  for (const { key } of targets) {
    for (let start = 0; start < key.length; start++) {
      const host = key.slice(start).replace(/:1$/, '');
      for (const made of [originOf(host, 1), originOf(host, 1, null, ruler), originOf(host, 1, TLS, ruler)]) {
        assert.equal(keys.has(made.key), host === 'a', host);
      }
    }
  }
  const quoted = { ...TLS, serverName: 'a","",true,"",""] b:1', alsoTrusted: '' };
  assert.ok(!keys.has(originOf('a', 1, quoted).key));
});
