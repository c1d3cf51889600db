import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/index.ts';

test('trusted proxies are addresses and blocks, and unix for the proxy', () => {
  const text = '[server]\ntrusted_proxies = ["10.0.0.1", "10.0.0.0/8", "2001:db8::/32", "unix"]\n';
  assert.equal(loadConfig(text, 'a.toml').server.trustedProxies.length, 4);
});

for (const [text, message] of [
  [
    '[server]\ntrusted_proxies = ["example.com"]',
    /a\.toml:2: server\.trusted_proxies\[0\]: "example.com" is not an address/,
  ],
  [
    '[server]\ntrusted_proxies = ["10.0.0.0/33"]',
    /server\.trusted_proxies\[0\]: "10.0.0.0\/33" is not an address block/,
  ],
  ['[server]\ntrusted_proxies = "10.0.0.1"', /server\.trusted_proxies: expected a list/],
  [
    '[server]\nlisten = ["1", "2,proxy-protocol"]',
    /a\.toml:2: server\.listen\[1\]: "proxy-protocol" needs addresses in trusted_proxies/,
  ],
  [
    '[edge]\nlisten = ["1,proxy-protocol"]',
    /a\.toml:2: edge\.listen: "proxy-protocol" needs addresses in trusted_proxies/,
  ],
  [
    '[server]\nlisten = ["2,proxy-protocol"]\ntrusted_proxies = ["unix"]',
    /"proxy-protocol" needs addresses in trusted_proxies/,
  ],
] as const) {
  test(`${text.replaceAll('\n', ' ')} is an error`, () => {
    assert.throws(() => loadConfig(text, 'a.toml'), message);
  });
}
