import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig, parseConfig } from '../../../src/config/index.ts';

const edge = (toml: string) => loadConfig(`[edge]\n${toml}`, 'f').edge;

test('a full section is read with all its keys', () => {
  const config = loadConfig(
    `server.listen = []
[edge]
listen = ["8000", "/run/s,local,req"]
id = "edge-é"
zclient_req = ["ipc://a", "tcp://127.0.0.1:1"]
zclient_stream = ["tcp://127.0.0.1:5000", "ipc://b"]
zclient_connect = true
ipc_file_mode = "0660"
req_maxconn = 2
stream_maxconn = 3
buffer_size = 1024
body_buffer_size = 1
messages_max = 4
req_timeout = 0.5
stream_timeout = 5
session_timeout = 6
backend_timeout = 7
max_headers = 8
max_message_bytes = 125
router_resp = true
tls_identities_dir = "/etc/certs"
tls_handshake_timeout = 3
tls_max_handshakes = 9
accept_timeout = 3
close_timeout = 4
compression = true
workers = 2
`,
    'f',
  );
  assert.deepEqual(config.server.listen, []);
  assert.deepEqual(config.edge, {
    listen: [
      { address: { kind: 'tcp', host: '0.0.0.0', port: 8000 }, mode: 'stream', tls: null },
      { address: { kind: 'unix', path: '/run/s', mode: null, user: null, group: null }, mode: 'req', tls: null },
    ],
    id: 'edge-é',
    zclientReq: ['ipc://a', 'tcp://127.0.0.1:1'],
    zclientStream: ['tcp://127.0.0.1:5000', 'ipc://b'],
    zclientConnect: true,
    ipcFileMode: 0o660,
    reqMaxconn: 2,
    streamMaxconn: 3,
    bufferSize: 1024,
    bodyBufferSize: 1,
    messagesMax: 4,
    reqTimeout: 0.5,
    streamTimeout: 5,
    sessionTimeout: 6,
    backendTimeout: 7,
    maxHeaders: 8,
    maxMessageBytes: 125,
    routerResp: true,
    tlsIdentitiesDir: '/etc/certs',
    tlsHandshakeTimeout: 3,
    tlsMaxHandshakes: 9,
    trustedProxies: [],
    acceptTimeout: 3,
    closeTimeout: 4,
    compression: true,
    workers: 2,
    mongrel2: [],
  });
});

test('an id has 1 to 64 bytes', () => {
  assert.equal(edge(`id = "${'é'.repeat(32)}"`).id, 'é'.repeat(32));
  for (const id of ['', 'é'.repeat(33), 'x'.repeat(65), 'a b', 'a\\tb', 'a\\u0000', '\\u00a0']) {
    assert.throws(() => edge(`id = "${id}"`), /^ConfigError: f:2: edge\.id: expected 1 to 64 bytes of text without/);
  }
});

test('a missing ipc_file_mode, and 0, leave it to the umask', () => {
  const modes = ['""', '"0"', '"000"', '"600"', '"0777"'];
  assert.deepEqual(
    modes.map((mode) => edge(`ipc_file_mode = ${mode}`).ipcFileMode),
    [null, null, null, 0o600, 0o777],
  );
});

test('each mode needs at least one connection per worker, and both may have ten million together', () => {
  assert.equal(edge('workers = 7\nreq_maxconn = 7\nstream_maxconn = 7').workers, 7);
  assert.equal(edge('req_maxconn = 1\nstream_maxconn = 9999999').streamMaxconn, 9_999_999);
});

test('tables are checked as those of a file, without lines', () => {
  assert.deepEqual(parseConfig({}), loadConfig('', ''));
  assert.deepEqual(parseConfig({ edge: { workers: undefined } }), loadConfig('', ''));
  assert.throws(() => parseConfig({ edge: { listen: ['80', 'x'], wokers: 1 }, log: { level: 'loud' } }), {
    name: 'ConfigError',
    message: [
      'edge.listen[1]: the port is missing: expected "x:PORT"',
      'edge.wokers: unknown key; did you mean "workers"?',
      'log.level: expected "error", "warn", "info" or "debug", got "loud"',
    ].join('\n'),
  });
});
