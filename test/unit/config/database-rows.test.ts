import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DatabaseTables, databaseSite, formatConfig, readSite } from '../../../src/config/index.ts';

const SITE: DatabaseTables = {
  server: [
    {
      ...{ id: 1, uuid: 'u1', access_log: '/logs/access.log', error_log: '/logs/error.log', chroot: '/var/www' },
      ...{ default_host: 'localhost', name: 'main', pid_file: '/run/mongrel2.pid', port: 6767, bind_addr: '0.0.0.0' },
      ...{ use_ssl: 0, control_port: '' },
    },
    { id: 2, uuid: 'u2', chroot: null, name: 'spare', port: 6768, bind_addr: '127.0.0.1', use_ssl: 0 },
  ],
  host: [
    { id: 1, server_id: 1, maintenance: 0, name: 'localhost', matching: 'localhost' },
    { id: 2, server_id: 2, maintenance: 0, name: 'localhost', matching: 'localhost' },
  ],
  route: [
    { id: 1, path: '/chat', reversed: 0, host_id: 1, target_id: 4, target_type: 'handler' },
    { id: 2, path: '@chat', reversed: 0, host_id: 1, target_id: 4, target_type: 'handler' },
    { id: 3, path: '/api/', reversed: 0, host_id: 1, target_id: 1, target_type: 'proxy' },
    { id: 4, path: '/', reversed: 0, host_id: 1, target_id: 1, target_type: 'dir' },
    { id: 5, path: '/', reversed: 0, host_id: 2, target_id: 1, target_type: 'dir' },
  ],
  handler: [
    {
      ...{ id: 4, send_spec: 'ipc://run/out', send_ident: 'abc', recv_spec: 'ipc://run/in', recv_ident: '' },
      ...{ raw_payload: 0, protocol: 'tnetstring' },
    },
  ],
  proxy: [{ id: 1, addr: '127.0.0.1', port: 8080 }],
  directory: [{ id: 1, base: 'static/', index_file: 'index.html', default_ctype: 'text/plain', cache_ttl: 0 }],
  setting: [
    { id: 1, key: 'limits.min_ping', value: '60' },
    { id: 2, key: 'zeromq.threads', value: '2' },
  ],
  mimetype: [{ id: 1, mimetype: 'text/x-special', extension: '.special' }],
};

const read = (tables: DatabaseTables) => readSite(databaseSite(tables), 'config.sqlite', { named: 'main' });

test('the rows of a server become its table', () => {
  const { config, ignored } = read(SITE);
  assert.equal(
    formatConfig(config, { short: true }),
    `[server]
listen = []

[[edge.mongrel2]]
listen = "0.0.0.0:6767"
uuid = "u1"
name = "main"
root = "/var/www"
default_host = "localhost"
access_log = "logs/access.log"
error_log = "logs/error.log"
pid_file = "run/mongrel2.pid"
control_port = "ipc://run/control"

[edge.mongrel2.mime_types]
".special" = "text/x-special"

[edge.mongrel2.settings]
min_ping = 60

[edge.mongrel2.handler.handler4]
send_spec = "ipc://run/out"
send_ident = "abc"
recv_spec = "ipc://run/in"
protocol = "tnetstring"

[[edge.mongrel2.host]]
name = "localhost"

[[edge.mongrel2.host.route]]
path = "/chat"
handler = "handler4"

[[edge.mongrel2.host.route]]
path = "@chat"
handler = "handler4"

[[edge.mongrel2.host.route]]
path = "/api/"
proxy = "127.0.0.1:8080"

[[edge.mongrel2.host.route]]
path = "/"
dir = "static/"
default_type = "text/plain"
`,
  );
  assert.deepEqual(ignored, [
    {
      key: 'setting zeromq.threads',
      line: null,
      column: null,
      message: 'has no effect: there are no threads for ZeroMQ',
    },
  ]);
});

test('errors name the row', () => {
  const refused = (tables: DatabaseTables, message: string) =>
    assert.throws(() => read({ ...SITE, ...tables }), { name: 'ConfigError', message });
  refused(
    { handler: [] },
    [1, 2].map((id) => `config.sqlite: route ${id}: there is no row 4 in the table handler`).join('\n'),
  );
  refused(
    { route: [{ id: 9, path: '/', host_id: 1, target_id: 1, target_type: 'file' }] },
    'config.sqlite: route 9: expected the target_type handler, proxy or dir, got "file"',
  );
  refused(
    { proxy: [{ id: 1, addr: '127.0.0.1', port: 'x' }] },
    'config.sqlite: proxy 1.port: expected a whole number, got "x"',
  );
  refused(
    { filter: [{ id: 1, server_id: 1, name: '/usr/lib/rewrite.so', settings: '0:}' }] },
    'config.sqlite: filter 1: plug-ins for Mongrel2 "/usr/lib/rewrite.so" cannot be loaded: remove it',
  );
  refused({ server: [] }, 'config.sqlite: servers: there is no server');
});
