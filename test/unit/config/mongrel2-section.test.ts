import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatConfig, loadConfig, type Mongrel2Server } from '../../../src/config/index.ts';
import { SETTINGS } from '../../support/mongrel2/site.ts';

const MINIMAL = `[server]
listen = []

[[edge.mongrel2]]
listen = "127.0.0.1:6767"

[[edge.mongrel2.host]]
name = "localhost"

[[edge.mongrel2.host.route]]
path = "/"
dir = "static/"
`;

const FULL = `[server]
listen = []
[[edge.mongrel2]]
listen = "[::1]:6767"
uuid = "f400bf85"
name = "main"
root = "/srv/site/"
default_host = "two"
access_log = "/logs/access.log"
error_log = "logs/../../../error.log"
pid_file = "run/m2.pid"
control_port = "ipc://run/control"
mime_types = { ".HTM" = "text/html" }
tls = { certdir = "certs/", ciphers = "AES128-SHA", client_ca = "ca.pem", client_required = true }
settings = { content_length = 0, upload_temp_store = "/tmp/x.XXXXXX", upload_temp_store_mode = "0666", relaxed_requests = true }
[edge.mongrel2.handler.chat]
send_spec = "ipc:///run/chat"
send_ident = "abc"
recv_spec = "ipc://@chat"
protocol = "tnetstring"
sticky = true
[[edge.mongrel2.host]]
name = "one"
route = [{ path = "@chat", handler = "chat" }, { path = "/", proxy = "[::1]:80" }]
[[edge.mongrel2.host]]
name = "two"
matching = "(.+).two"
route = [{ path = "/chat", handler = "chat" }, { path = "/", dir = "/../files/", cache_ttl = 0.5, follow_links = true }]
[[edge.mongrel2]]
listen = "127.0.0.1:6768"
[[edge.mongrel2.host]]
name = "one"
route = [{ path = "/", dir = "/srv/files" }]
`;

const serverOf = (toml: string): Mongrel2Server => {
  const [server] = loadConfig(toml, 'm2.toml').edge.mongrel2;
  assert.ok(server);
  return server;
};

test('paths and socket files are inside the root of the server, which they cannot leave', () => {
  const server = serverOf(FULL);
  assert.equal(server.accessLog, '/srv/site/logs/access.log');
  assert.equal(server.errorLog, '/srv/site/error.log');
  assert.equal(server.pidFile, '/srv/site/run/m2.pid');
  assert.equal(server.controlPort, 'ipc:///srv/site/run/control');
  assert.equal(server.settings.uploadTempStore, '/srv/site/tmp/x.XXXXXX');
  assert.equal(server.settings.uploadTempStoreName, '/tmp/x.XXXXXX');
  assert.equal(server.tls?.certdir, '/srv/site/certs/');
  assert.equal(server.tls?.clientCa, '/srv/site/ca.pem');
  const dir = server.hosts[1]?.routes[1]?.target;
  assert.equal(dir?.kind === 'dir' && dir.base, '/srv/site/files/');
  const chat = server.hosts[0]?.routes[0]?.target;
  assert.equal(chat?.kind === 'handler' && chat.sendSpec, 'ipc:///srv/site/run/chat');
  assert.equal(chat?.kind === 'handler' && chat.recvSpec, 'ipc://@chat');
});

test('without a root paths are as they are', () => {
  const dir = serverOf(MINIMAL).hosts[0]?.routes[0]?.target;
  assert.equal(dir?.kind === 'dir' && dir.base, 'static/');
  const [, second] = loadConfig(FULL, 'm2.toml').edge.mongrel2;
  const absolute = second?.hosts[0]?.routes[0]?.target;
  assert.equal(absolute?.kind === 'dir' && absolute.base, '/srv/files');
});

test('routes that name the same handler share one object', () => {
  const [one, two] = serverOf(FULL).hosts;
  assert.equal(one?.routes[0]?.target.kind, 'handler');
  assert.equal(one?.routes[0]?.target, two?.routes[0]?.target);
});

test('a host matches its name unless it says otherwise', () => {
  assert.deepEqual(
    serverOf(FULL).hosts.map(({ matching }) => matching),
    ['one', '(.+).two'],
  );
});

test('what is not given has the default', () => {
  const server = serverOf(MINIMAL);
  assert.equal(server.tls, null);
  assert.equal(server.accessLog, null);
  assert.equal(server.controlPort, null);
  assert.deepEqual(server.settings, { ...SETTINGS, accessLogging: true });
});

test('extensions of media types are in lower case', () => {
  assert.deepEqual(serverOf(FULL).mimeTypes, { '.htm': 'text/html' });
});

test('servers are formatted with the keys that are set, and load as the same servers', () => {
  const config = loadConfig(FULL, 'm2.toml');
  assert.deepEqual(loadConfig(formatConfig(config), 'again.toml'), config);
  assert.deepEqual(loadConfig(formatConfig(config, { short: true }), 'again.toml'), config);
  assert.equal(formatConfig(loadConfig(MINIMAL, 'm2.toml'), { short: true }), MINIMAL);
});
