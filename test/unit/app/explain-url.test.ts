import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainUrl } from '../../../src/app/index.ts';
import { parseConfig } from '../../../src/config/index.ts';

const explain = (url: string, fetch: Record<string, unknown> = {}) => explainUrl(parseConfig({ fetch }).fetch, url);

test('An address of the internet is let through', async () => {
  assert.deepEqual(await explain('http://192.0.2.1/a', { allow: ['192.0.2.0/24'] }), {
    allowed: true,
    lines: [
      'http, host 192.0.2.1, port 80, without TLS',
      'name 192.0.2.1: allowed: rule "192.0.2.0/24" of allow overrides internal: documentation (192.0.2.0/24, RFC 5737)',
      'address 192.0.2.1: allowed: rule "192.0.2.0/24" of allow overrides internal: documentation (192.0.2.0/24, RFC 5737)',
      'allowed: 1 of 1 addresses',
    ],
  });
});

test('A name that is denied is not looked up', async () => {
  const { allowed, lines } = await explain('wss://User:Secret@Evil.Example.:8443/', { deny: ['*.example'] });
  assert.equal(allowed, false);
  assert.deepEqual(lines, [
    'wss, host evil.example, port 8443, with TLS',
    'name evil.example: denied: rule "*.example" of deny',
    'denied: policy-violation',
  ]);
});

test('An internal address is denied in any notation', async () => {
  for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]']) {
    const { allowed, lines } = await explain(`http://${host}/`);
    assert.equal(allowed, false, host);
    assert.match(lines.join('\n'), /^name .*: denied: internal: loopback/m, host);
  }
});

test('A name whose addresses are denied is denied, with each address and its rule', async () => {
  const { allowed, lines } = await explain('https://localhost/', { allow: ['localhost'], allow_ipv6: false });
  assert.equal(allowed, false);
  assert.match(lines[2] ?? '', /^address 127\.0\.0\.1: denied: internal: loopback/);
  assert.equal(lines.at(-1), 'denied: policy-violation');
});

test('One allowed address of several is enough, and the others are shown as not dialled', async () => {
  const { allowed, lines } = await explain('http://localhost/', {
    allow_internal: true,
    deny: ['::1'],
    // Nobody is asked there about this name: both of its addresses are known.
    dns_servers: ['127.0.0.1:9'],
  });
  assert.equal(allowed, true);
  assert.deepEqual(lines.slice(2), [
    'address ::1: denied: rule "::1" of deny',
    'address 127.0.0.1: allowed: no rule denies it',
    'allowed: 1 of 2 addresses, the others are never dialled',
  ]);
});

test('A name without addresses is unreachable', async () => {
  const { allowed, lines } = await explain('http://a.invalid/', { dns_servers: ['127.0.0.1:1'] });
  assert.equal(allowed, false);
  assert.match(lines[2] ?? '', /^addresses: host name cannot be resolved/);
  assert.equal(lines.at(-1), 'not possible: remote-connection-failed');
});

test('An invalid URL is refused', async () => {
  await assert.rejects(explain('ftp://a/'), /^Error: bad-request: /);
  await assert.rejects(explain('http://a b/'), /^Error: bad-request: /);
});
