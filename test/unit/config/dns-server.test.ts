import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDnsServer, parseDnsServer } from '../../../src/config/dns-server.ts';

for (const [text, host, port, again] of [
  ['192.0.2.53', '192.0.2.53', 53, '192.0.2.53'],
  ['192.0.2.53:5353', '192.0.2.53', 5353, '192.0.2.53:5353'],
  ['192.0.2.53:53', '192.0.2.53', 53, '192.0.2.53'],
  ['::1', '::1', 53, '::1'],
  ['[::1]', '::1', 53, '::1'],
  ['[::1]:54', '::1', 54, '[::1]:54'],
] as const) {
  test(`${text} is port ${port} of ${host}, and is formatted as ${again}`, () => {
    assert.deepEqual(parseDnsServer(text), { host, port });
    assert.equal(formatDnsServer({ host, port }), again);
  });
}

test('a name, a zone or an invalid port is refused', () => {
  for (const text of [
    '',
    'localhost',
    'localhost:53',
    'fe80::1%eth0',
    '[fe80::1%eth0]:53',
    '1.2.3.4:',
    '1.2.3.4:65536',
    '[1.2.3.4',
  ]) {
    assert.throws(() => parseDnsServer(text), { name: 'ConfigError' }, text);
  }
});
