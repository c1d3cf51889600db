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
