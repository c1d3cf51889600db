import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatConfig, loadConfig, parseConfig, parseZurlConf } from '../../../src/config/index.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SPECS = 'in_spec=ipc:///run/z-in\nin_stream_spec=ipc:///run/z-in-stream\nout_spec=ipc:///run/z-out\n';

const fetch = (lines: string) => parseZurlConf(`[General]\n${SPECS}${lines}`, 'zurl.conf').config.fetch;

function refused(text: string, ...messages: string[]): void {
  assert.throws(() => parseZurlConf(text, 'z'), { name: 'ConfigError', message: messages.join('\n') });
}

test('a full file is read with all its keys', () => {
  const { config, ignored } = parseZurlConf(
    `[General]
instance_id=zu1
; the endpoints
in_spec=ipc:///run/zurl-in
in_stream_spec=tcp://127.0.0.1:5001
out_spec="ipc:///run/zurl-out"
in_req_spec=ipc:///run/zurl-req
ipc_file_mode=660
defpolicy=deny
allow = *.example.com, 192.0.2/24
deny=127.*,10.*,192.168.*, *.local
allow_ipv6=true
max_open_requests=100
buffer_size=300000
timeout=10
connection_max_time=60
in_hwm=5
out_hwm=6
`,
    'zurl.conf',
  );
  assert.deepEqual(ignored, []);
  const { fetch, ...others } = config;
  assert.deepEqual(fetch, {
    ...parseConfig({}).fetch,
    id: 'zu1',
    stream: [{ in: 'ipc:///run/zurl-in', inStream: 'tcp://127.0.0.1:5001', out: 'ipc:///run/zurl-out' }],
    req: ['ipc:///run/zurl-req'],
    ipcFileMode: 0o660,
    defaultPolicy: 'deny',
    allow: ['*.example.com', '192.0.2/24'],
    deny: ['127.*', '10.*', '192.168.*', '*.local'],
    allowIpv6: true,
    maxOpenRequests: 100,
    bufferSize: 300_000,
    timeout: 10,
    connectionMaxTime: 60,
    inHwm: 5,
    outHwm: 6,
    allowInternal: true,
    allowIgnorePolicies: true,
    lenientLineEnds: true,
    connectTimeout: 120,
    maxBodyBytes: 268_435_456,
    maxPacketBytes: 268_500_992,
  });
  const { fetch: _, ...defaults } = parseConfig({
    server: { listen: [] },
    control: { listen: [] },
    fetch: { req: ['ipc://a'] },
  });
  assert.deepEqual(others, defaults);
});

test('missing keys have the defaults of Zurl', () => {
  const { id, ...rest } = fetch('');
  assert.match(id, UUID);
  assert.deepEqual(
    [
      rest.allowIpv6,
      rest.maxOpenRequests,
      rest.bufferSize,
      rest.timeout,
      rest.connectionMaxTime,
      rest.inHwm,
      rest.outHwm,
    ],
    [false, 0, 200_000, 600, 7200, 1000, 1000],
  );
  assert.deepEqual([rest.defaultPolicy, rest.allow, rest.deny, rest.ipcFileMode], ['allow', [], [], null]);
});

test('an instance without an id gets a random one at each start', () => {
  const ids = [fetch('').id, fetch('instance_id=').id, fetch('instance_id=""').id];
  for (const id of ids) assert.match(id, UUID);
  assert.equal(new Set(ids).size, 3);
});

test('values that stand for no limit', () => {
  assert.equal(fetch('max_open_requests=-1').maxOpenRequests, 0);
  for (const time of ['0', '-1', '-999']) assert.equal(fetch(`connection_max_time=${time}`).connectionMaxTime, 0);
  assert.deepEqual([fetch('in_hwm=0').inHwm, fetch('out_hwm=0').outHwm], [0, 0]);
});

test('switches are words or digits, in any case', () => {
  const read = (value: string) => fetch(`allow_ipv6=${value}`).allowIpv6;
  assert.deepEqual(['true', 'True', '1', 'false', 'FALSE', '0', ''].map(read), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('the last of repeated keys counts, and keys may come before the first section', () => {
  assert.equal(parseZurlConf(`${SPECS}timeout=no\n[General]\ntimeout=5\n`, 'z').config.fetch.timeout, 5);
});

test('req mode alone needs no other endpoint', () => {
  const { stream, req } = parseZurlConf('in_req_spec=ipc://r', 'z').config.fetch;
  assert.deepEqual([stream, req], [[], ['ipc://r']]);
  assert.deepEqual(fetch('in_req_spec=').req, []);
});

test('unknown keys and lines are ignored, and reported', () => {
  const text = `[General]\n${SPECS}in_hwn=1\nmax_requests=1\nwhat\n[general]\ntimeout=5\n[other]\nx=1\n`;
  assert.deepEqual(parseZurlConf(text, 'z').ignored, [
    { key: 'in_hwn', line: 5, message: 'unknown key; did you mean "in_hwm"?' },
    { key: 'max_requests', line: 6, message: 'unknown key' },
    { key: '', line: 7, message: 'neither KEY=VALUE nor [SECTION]' },
    { key: 'general/timeout', line: 9, message: 'unknown key; it belongs to [General]' },
    { key: 'other/x', line: 11, message: 'unknown key' },
  ]);
});

test('every invalid value is reported with its key and line', () => {
  refused(
    'in_spec=inproc://a\nin_stream_spec=ipc:///a b\nout_spec=ipc://a,ipc://b\nmax_open_requests=0\nbuffer_size=1k\ntimeout=0\nconnection_max_time=x\nin_hwm=-1\nallow_ipv6=yes\n',
    'z:1: in_spec: expected "ipc://PATH" or "tcp://HOST:PORT", got "inproc://a"',
    'z:2: in_stream_spec: an endpoint must not contain white space, got "ipc:///a b"',
    'z:3: out_spec: expected one value, got 2; quote a value that contains a comma',
    'z:4: max_open_requests: expected -1 for no limit, or a whole number from 1, got "0"',
    'z:5: buffer_size: expected a whole number from 1, got "1k"',
    'z:6: timeout: expected a whole number from 1, got "0"',
    'z:7: connection_max_time: expected a whole number, got "x"',
    'z:8: in_hwm: expected a whole number from 0, got "-1"',
    'z:9: allow_ipv6: expected true or false, got "yes"',
  );
});

test('errors of our own schema are reported with the keys of zurl.conf too', () => {
  refused(
    `${SPECS}instance_id=a b\nipc_file_mode=888\ndefpolicy=ask\nbuffer_size=10\ndeny=ok,"a b"\n`,
    'z:4: instance_id: expected 1 to 64 bytes of text without white space and control characters, got "a b"',
    'z:5: ipc_file_mode: expected mode as an octal number from 0 to 777, got "888"',
    'z:6: defpolicy: expected "allow" or "deny", got "ask"',
    'z:7: buffer_size: expected a whole number of bytes from 1024 to 268435456, got 10',
    'z:8: deny[1]: expected an address block such as "10.0.0.0/8", an address, a host name, or a pattern such as "*.example.com", got "a b"',
  );
});

test('stream mode needs all of its endpoints or none, and there must be an endpoint', () => {
  const together = 'missing: in_spec, in_stream_spec, out_spec must be set together';
  refused('in_spec=ipc://a\nin_req_spec=ipc://r', `z: in_stream_spec and out_spec: ${together}`);
  refused('in_spec=ipc://a\nin_stream_spec=ipc://b\nout_spec=\n', `z: out_spec: ${together}`);
  refused('timeout=5', 'z: no endpoints: give in_spec, in_stream_spec, out_spec, or in_req_spec, or all of them');
});

test('a file can be formatted as our own configuration', () => {
  const { config } = parseZurlConf(`${SPECS}instance_id=z\nmax_open_requests=-1\ndeny=127/8\n`, 'z');
  assert.deepEqual(loadConfig(formatConfig(config), 'f'), config);
});
