import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../../../src/exchange/index.ts';
import { ForwardedClients } from '../../../src/proxy/forwarded-clients.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

const PROXY: Peer = { address: '10.0.0.1', port: 7 };

/** The client of a request with this X-Forwarded-For from a proxy in 10.0.0.0/8. */
function client(forwardedFor: string | null, peer = PROXY, trusted = ['10.0.0.0/8', '2001:db8::1']): Peer {
  const headers = forwardedFor === null ? [] : ['X-Forwarded-For', forwardedFor];
  return new ForwardedClients(trusted).of(requestHead({ headers, peer })).peer;
}

for (const [forwardedFor, address] of [
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.9, 192.0.2.1', '192.0.2.1'],
  ['192.0.2.9, 192.0.2.1, 10.1.2.3', '192.0.2.1'],
  ['192.0.2.1, 2001:db8::1', '192.0.2.1'],
  ['2001:db8::2', '2001:db8::2'],
  ['192.0.2.1:4711', '192.0.2.1'],
  ['[2001:db8::2]:4711', '2001:db8::2'],
  ['[2001:db8::2]', '2001:db8::2'],
  ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['192.0.2.1, unknown, 10.0.0.2', '10.0.0.2'],
  ['unknown', '10.0.0.1'],
  ['', '10.0.0.1'],
  [null, '10.0.0.1'],
] as const) {
  test(`the client of X-Forwarded-For: ${forwardedFor} is ${address}`, () => {
    assert.deepEqual(client(forwardedFor), { address, port: 0, proxy: PROXY });
  });
}

test('at most 100 members are looked at', () => {
  const members = Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`);
  assert.equal(client(members.join(', ')).address, '10.0.0.100');
});

test('others cannot say who they are', () => {
  const peer = { address: '192.0.2.7', port: 1 };
  assert.equal(client('192.0.2.1', peer), peer);
  const local = { address: '', port: 0 };
  assert.equal(client('192.0.2.1', local), local);
});

test('a peer on a unix socket is trusted if the list says so', () => {
  const local = { address: '', port: 0 };
  assert.equal(client('192.0.2.1', local, ['unix']).address, '192.0.2.1');
});

for (const [scheme, protocol, expected] of [
  ['http', 'https', 'https'],
  ['http', 'http, HTTPS', 'https'],
  ['ws', 'https', 'wss'],
  ['ws', 'wss', 'wss'],
  ['https', 'http', 'http'],
  ['http', 'gopher', 'http'],
] as const) {
  test(`a proxy that says ${protocol} of a request over ${scheme} makes it ${expected}`, () => {
    const headers = ['X-Forwarded-Proto', protocol];
    const request = requestHead({ scheme, headers, peer: PROXY });
    assert.equal(new ForwardedClients(['10.0.0.1']).of(request).scheme, expected);
    assert.equal(new ForwardedClients(['10.0.0.2']).of(request).scheme, scheme);
  });
}
