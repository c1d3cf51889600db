import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig, formatConfig, loadConfig } from '../../../src/config/index.ts';

const full = loadConfig(
  `[server]
listen = ["0", "localhost:80", "[::1]:81", "unix:/tmp/a b?mode=0600&user=u&group=g"]
header_timeout = 0.5
lenient_line_ends = true
[control]
listen = []
[proxy]
sig_key = "base64:c2VjcmV0"
upstream_key = "hunter2"
x_forwarded_for = ["append", "truncate:2"]
cdn_loop = "edge.example:80"
[edge]
listen = ["90", "[::1]:91,req,tls,default-cert=a", "/tmp/c d,local,mode=0600,user=u,group=g"]
ipc_file_mode = "0640"
req_timeout = 0.5
router_resp = true
[log]
level = "debug"
[[route]]
host = "A.example"
ssl = false
replace_beg = ""
prefix = "\\"quoted\\" ünïcode 🙂"
sig_key = "hunter3"
header = { X-A = "1", Authorization = "Bearer hunter4", X-Api-Key = "hunter5", X-Auth = "hunter8", Cookie = "" }
targets = ["a:1,host=b:2", "[::1]:3"]
[[route]]
host = "b.example"
targets = ["a:1"]
jwt = { jwks = "https://keys.test/" }
limit = { rate = 0.5, by = "claim:sub" }
compress = { types = ["text/*"] }
[[route]]
host = ""
id = "inner"
sig_key = "file:/etc/key.pem"
targets = ["a:1"]
`,
  'full.toml',
);

test('formatted configuration loads as the same configuration', () => {
  assert.deepEqual(loadConfig(formatConfig(full), 'again.toml'), full);
  assert.deepEqual(loadConfig(formatConfig(defaultConfig()), 'again.toml'), defaultConfig());
});

test('all keys of a section are formatted, and only the set ones of a route', () => {
  const text = formatConfig(full);
  assert.match(text, /^idle_timeout = 75$/m);
  assert.match(text, /^debug = false$/m);
  assert.match(
    text,
    /\n\[\[route\]\]\nhost = ""\nid = "inner"\nsig_key = "file:\/etc\/key\.pem"\ntargets = \[ "a:1" \]\n$/,
  );
});

test('a masked configuration shows that there are secrets, but not them', () => {
  const text = formatConfig(full, { mask: true });
  assert.doesNotMatch(text, /hunter|c2VjcmV0/);
  for (const line of ['sig_key', 'upstream_key', 'X-A', 'Authorization', 'X-Api-Key', 'X-Auth']) {
    assert.match(text, new RegExp(`^# ${line} is set, and not shown$`, 'm'));
  }
});

test('a masked configuration used as a file sets no known key', () => {
  const { proxy, routes } = loadConfig(formatConfig(full, { mask: true }), 'masked.toml');
  assert.deepEqual([proxy.sigKey, proxy.upstreamKey], ['', '']);
  assert.deepEqual([routes[0]?.sigKey, routes[0]?.header], ['', ['Cookie', '']]);
});

test('a masked configuration shows what is not secret: key paths, headers that are removed, and missing keys', () => {
  const text = formatConfig(full, { mask: true });
  assert.match(text, /^sig_key = "file:\/etc\/key\.pem"$/m);
  assert.match(text, /^Cookie = ""$/m);
  assert.match(formatConfig(defaultConfig(), { mask: true }), /^upstream_key = ""$/m);
});

test('masking does not change the configuration', () => {
  formatConfig(full, { mask: true });
  assert.equal(full.proxy.upstreamKey, 'hunter2');
  assert.ok(full.routes[0]?.header.includes('Bearer hunter4'));
});

test('the key of tokens is masked, and a file without it is an error: nobody passes by mistake', () => {
  const toml = '[[route]]\nhost = "*"\ntargets = ["a:1"]\njwt = { key = "hunter6" }\n';
  const text = formatConfig(loadConfig(toml, 'keyed.toml'), { mask: true });
  assert.doesNotMatch(text, /hunter/);
  assert.match(text, /^# key is set, and not shown$/m);
  assert.throws(() => loadConfig(text, 'masked.toml'), /key or jwks is needed/);
});

test('URLs are shown unless they have credentials', () => {
  const toml = (url: string) =>
    `[[route]]\nhost = "*"\ntargets = ["a:1"]\njwt = { jwks = "${url}" }\nresume = { ttl = 60, reauthorize = "${url}" }\n`;
  const shown = (url: string) => formatConfig(loadConfig(toml(url), 'urls.toml'), { mask: true });
  assert.equal(shown('https://keys.test/a').match(/"https:\/\/keys\.test\/a"/g)?.length, 2);
  for (const url of [
    'https://hunter7:hunter8@keys.test/',
    'https://hunter7@keys.test/',
    'https://keys.test/?token=hunter8',
  ]) {
    const text = shown(url);
    assert.doesNotMatch(text, /hunter|keys\.test/);
    assert.match(text, /^# jwks is set, and not shown$/m);
    assert.match(text, /^# reauthorize is set, and not shown$/m);
  }
});
