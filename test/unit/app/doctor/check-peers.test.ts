import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { checkPeers } from '../../../../src/app/doctor/check-peers.ts';
import { fetchPlans } from '../../../../src/app/index.ts';
import { loadConfig } from '../../../../src/config/index.ts';
import { freePorts } from '../../../support/free-ports.ts';

async function found(toml: string) {
  const config = loadConfig(toml, 'f');
  const findings = await checkPeers(config, fetchPlans(config));
  return findings.map(({ check, subject, status, text }) => [check, subject, status, text]);
}

test('Origins: one that accepts, one that does not, and one with a name that is not valid', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const [closed] = await freePorts(1);
  const targets = `["127.0.0.1:${port}", "127.0.0.1:${closed}", "test"]`;
  const route = `[[route]]\nhost = "*"\ntargets = ${targets}\n[[route]]\nhost = "b"\ntargets = ["127.0.0.1:${port}"]\n`;
  const expected = [
    ['origin', `127.0.0.1:${port}`, 'ok', 'accepts connections'],
    ['origin', `127.0.0.1:${closed}`, 'fail', 'connection refused'],
  ].sort();
  assert.deepEqual((await found(route)).sort(), expected);
});

test('ZeroMQ peers that are connected to, and name servers', async (t) => {
  const [closed] = await freePorts(1);
  const dns = createSocket('udp4');
  dns.bind(0, '127.0.0.1');
  await once(dns, 'listening');
  t.after(() => dns.close());
  // The same question comes back, with the code for "no such name" (RFC 1035 §4.1.1).
  dns.on('message', (message, { port, address }) => {
    message[2] = 0x81;
    message[3] = 0x83;
    dns.send(message, port, address);
  });
  const server = `127.0.0.1:${dns.address().port}`;
  const toml = `[server]\nlisten = []\n[fetch]\nconnect = true\nreq = ["tcp://127.0.0.1:${closed}"]\ndns_servers = ["${server}"]\n`;
  assert.deepEqual(await found(toml), [
    ['dns', server, 'ok', 'responds'],
    ['zeromq', `tcp://127.0.0.1:${closed}`, 'warn', 'connection refused'],
  ]);
});

test('origins of Mongrel2 servers, and the services that the server asks by itself', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const [closed] = await freePorts(1);
  const toml = `[trace]
otlp = "http://127.0.0.1:${port}"
[[route]]
host = "*"
targets = ["test"]
[route.jwt]
jwks = "http://127.0.0.1:${closed}/keys"
[[edge.mongrel2]]
listen = "127.0.0.1:0"
default_host = "h"
[[edge.mongrel2.host]]
name = "h"
route = [{ path = "/", proxy = "127.0.0.1:${closed}" }, { path = "/a", dir = "/" }]
`;
  assert.deepEqual(
    (await found(toml)).sort(),
    [
      ['origin', `127.0.0.1:${closed}`, 'fail', 'connection refused'],
      ['service', `127.0.0.1:${port} (collector of spans)`, 'ok', 'accepts connections'],
      ['service', `127.0.0.1:${closed} (keys for tokens)`, 'warn', 'connection refused'],
    ].sort(),
  );
});

test('the authority of certificates is looked for where the server orders them', async () => {
  const [closed] = await freePorts(1);
  const acme = `[acme]\naccept_terms = true\ndirectory = "https://127.0.0.1:${closed}/dir"\n`;
  const route = '[[route]]\nhost = "a.test"\ntargets = ["test"]\n';
  assert.deepEqual(await found(`[server]\nlisten = ["443,tls,acme"]\n${acme}${route}`), [
    ['service', `127.0.0.1:${closed} (authority of certificates)`, 'warn', 'connection refused'],
  ]);
  assert.deepEqual(await found(`[server]\nlisten = ["443"]\n${acme}${route}`), []);
});
