import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatConfig, loadConfig, parseConfig } from '../../../src/config/index.ts';

const fetch = (toml: string) => loadConfig(`[fetch]\n${toml}`, 'f').fetch;

const FULL = `server.listen = []
[fetch]
stream = ["ipc://a", "tcp://127.0.0.1:5000", "ipc://x tcp://[::1]:1 ipc:///run/y"]
req = ["ipc://a-req", "tcp://127.0.0.1:5003"]
connect = true
id = "fetch-é"
ipc_file_mode = "0660"
in_hwm = 0
out_hwm = 2
max_open_requests = 0
buffer_size = 1024
messages_max = 3
max_body_bytes = 1
max_packet_bytes = 66_560
max_headers = 8
max_response_header_bytes = 1024
lenient_line_ends = true
timeout = 0
request_timeout = 0.5
session_timeout = 6
connect_timeout = 7
response_timeout = 8
close_timeout = 4
pool_idle_timeout = 9
pool_max_idle = 0
pool_max_total = 1
connection_max_time = 0
allow_ipv6 = false
dns_servers = ["192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353", "[::1]"]
default_policy = "deny"
allow = ["*.example.com", "192.0.2.0/24"]
deny = ["192.0.2.1", "10.0.0.0/255.0.0.0"]
allow_internal = true
allow_ignore_policies = true
decompress = false
compression = true
`;

test('a full section is read with all its keys', () => {
  assert.deepEqual(loadConfig(FULL, 'f').fetch, {
    stream: [
      { in: 'ipc://a-in', inStream: 'ipc://a-in-stream', out: 'ipc://a-out' },
      { in: 'tcp://127.0.0.1:5000', inStream: 'tcp://127.0.0.1:5001', out: 'tcp://127.0.0.1:5002' },
      { in: 'ipc://x', inStream: 'tcp://[::1]:1', out: 'ipc:///run/y' },
    ],
    req: ['ipc://a-req', 'tcp://127.0.0.1:5003'],
    connect: true,
    id: 'fetch-é',
    ipcFileMode: 0o660,
    inHwm: 0,
    outHwm: 2,
    maxOpenRequests: 0,
    bufferSize: 1024,
    messagesMax: 3,
    maxBodyBytes: 1,
    maxPacketBytes: 66_560,
    maxHeaders: 8,
    maxResponseHeaderBytes: 1024,
    lenientLineEnds: true,
    timeout: 0,
    requestTimeout: 0.5,
    sessionTimeout: 6,
    connectTimeout: 7,
    responseTimeout: 8,
    closeTimeout: 4,
    poolIdleTimeout: 9,
    poolMaxIdle: 0,
    poolMaxTotal: 1,
    connectionMaxTime: 0,
    allowIpv6: false,
    dnsServers: [
      { host: '192.0.2.53', port: 53 },
      { host: '192.0.2.53', port: 5353 },
      { host: '2001:db8::53', port: 53 },
      { host: '2001:db8::53', port: 5353 },
      { host: '::1', port: 53 },
    ],
    defaultPolicy: 'deny',
    allow: ['*.example.com', '192.0.2.0/24'],
    deny: ['192.0.2.1', '10.0.0.0/255.0.0.0'],
    allowInternal: true,
    allowIgnorePolicies: true,
    decompress: false,
    compression: true,
  });
});

test('a full section is formatted so that it parses again', () => {
  const config = loadConfig(FULL, 'f');
  assert.deepEqual(loadConfig(formatConfig(config), 'again'), config);
  assert.match(formatConfig(config), /^stream = \[ "ipc:\/\/a", "tcp:\/\/127\.0\.0\.1:5000", "ipc:\/\/x tcp:/m);
});

test('endpoints of either mode are enough for a configuration without other listeners', () => {
  const alone = { server: { listen: [] }, control: { listen: [] } };
  for (const endpoints of [{ stream: ['ipc://a'] }, { req: ['ipc://a'] }]) {
    assert.deepEqual(parseConfig({ ...alone, fetch: endpoints }).server.listen, []);
  }
  assert.throws(() => parseConfig(alone), /server\.listen: no client could connect/);
});

test('the message limit needs room for exactly the largest piece of a body', () => {
  assert.equal(fetch('buffer_size = 2048\nmax_packet_bytes = 67584').maxPacketBytes, 67_584);
  assert.throws(() => fetch('buffer_size = 2048\nmax_packet_bytes = 67583'), /f:3: fetch\.max_packet_bytes: must be/);
});

test('a rule is a text without white space and commas that can match a host', () => {
  const longest = `*.${'x'.repeat(298)}`;
  assert.deepEqual(fetch(`deny = ["${longest}", "a*c", "[::1]"]`).deny, [longest, 'a*c', '[::1]']);
  for (const wrong of [`${longest}x`, '', ' a', 'a b', 'a,b', '\\u0000', 'a\\n']) {
    assert.throws(() => fetch(`deny = ["${wrong}"]`), /^ConfigError: f:2: fetch\.deny\[0\]: expected an address block/);
  }
  assert.throws(
    () => fetch('deny = ["a*b*c"]'),
    /^ConfigError: f:2: fetch\.deny\[0\]: "a\*b\*c" cannot match any host/,
  );
});
