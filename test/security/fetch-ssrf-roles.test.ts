import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startCondureClient, startZurl } from '../support/fetch/fetcher.ts';
import { GOOD_ADDRESS } from '../support/fetch/good-origin.ts';
import { packetText, SCHEMES, type Scheme, type SsrfRig, ssrfRig } from '../support/fetch/ssrf-rig.ts';
import { readSsrfCases, urlOf, urlWith } from '../support/ssrf-cases.ts';

const DENIED = 'policy-violation';
const REFUSED = 'bad-request';

/** As it is in the configuration that comes with Zurl's package for Debian. */
const DEBIAN_DENY = 'deny=127.*, 10.*, 192.168.*, *.local';

/** As it is proposed in the example that comes with Zurl. */
const EXAMPLE_DENY = 'deny=127/8,10/8,172.16/12,192.168/16';

/** `allow` overrides `deny`: so the good origin can be reached. */
const ALLOW_GOOD = `allow=${GOOD_ADDRESS}`;

const zurlRig = async (t: TestContext, lines: readonly string[], env = {}): Promise<SsrfRig> =>
  ssrfRig(t, await startZurl(t, lines, null, env));

function reached(scheme: Scheme): string {
  return scheme === 'http' || scheme === 'https' ? '200 good' : '101';
}

/** For each host the outcome of a request with each scheme; where they are all the same it is told once. */
async function outcomesOf(rig: SsrfRig, hosts: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const host of hosts) {
    const outcomes = await rig.outcomes(SCHEMES.map((scheme) => ({ uri: `${scheme}://${host}:${rig.port}/` })));
    found[host] = [...new Set(outcomes)].join();
  }
  return found;
}

function all(hosts: readonly string[], outcome: string): Record<string, string> {
  return Object.fromEntries(hosts.map((host) => [host, outcome]));
}

// ---- condure

test('--deny-out-internal denies every internal address in each notation', async (t) => {
  const rig = await ssrfRig(t, await startCondureClient(t, ['--deny-out-internal']));
  const corpus = readSsrfCases();
  const denied = corpus.hosts.filter(({ verdict }) => verdict === 'denied');
  for (const scheme of SCHEMES) {
    const uris = [
      ...denied.filter(({ inUrl }) => inUrl).map((input) => urlOf(input, rig.port, scheme)),
      ...corpus.urls.filter(({ verdict }) => verdict === 'denied').map(({ url }) => urlWith(url, rig.port, scheme)),
    ];
    const outcomes = await rig.outcomes(uris.map((uri) => ({ uri: packetText(uri) })));
    assert.deepEqual(new Set(outcomes), new Set([DENIED, REFUSED]));
    assert.ok(outcomes.filter((outcome) => outcome === DENIED).length > uris.length / 2);
    const connects = denied.map(({ host }) => {
      return { uri: `${scheme}://8.8.8.8/`, connectHost: packetText(host), connectPort: rig.port };
    });
    assert.deepEqual(new Set(await rig.outcomes(connects)), new Set([DENIED]));
  }
  assert.deepEqual(await rig.trap.caught(), []);
});

test('ignore-policies overrides --deny-out-internal for its request alone', async (t) => {
  const rig = await ssrfRig(t, await startCondureClient(t, ['--deny-out-internal']));
  for (const host of ['127.0.0.1', 'localhost', '0.0.0.0']) {
    const uri = `http://${host}:${rig.port}/`;
    assert.equal(await rig.outcome({ uri, ignorePolicies: true }), '200 caught', host);
    assert.equal(await rig.outcome({ uri }), DENIED, host);
  }
  // A redirect is followed under the policy of its request.
  const location = rig.good.redirectTo(`http://127.0.0.1:${rig.port}/`);
  const uri = `http://${GOOD_ADDRESS}:${rig.port}${location}`;
  assert.equal(await rig.outcome({ uri, followRedirects: true, ignorePolicies: true }), '200 caught');
  assert.equal(await rig.outcome({ uri, followRedirects: true }), DENIED);
});

test('without --deny-out-internal nothing is denied', async (t) => {
  const rig = await ssrfRig(t, await startCondureClient(t));
  assert.equal(await rig.outcome({ uri: `http://localhost:${rig.port}/` }), '200 caught');
});

// ---- zurl: what its rules have let through

test('deny: a block or pattern for loopback covers 0.0.0.0, IPv4-mapped addresses and every notation', async (t) => {
  const hosts = [
    ...['127.0.0.1', '127.0.0.1.', '127.1', '2130706433', '0177.0.0.1', '0x7f.1', '127.255.255.254'],
    ...['0.0.0.0', '0', '0.', '0x0', '[::]', '[::ffff:0.0.0.0]', '[::ffff:0:0]'],
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::1]', '[::127.0.0.1]'],
    ...['10.0.0.1', '[::ffff:10.0.0.1]', '192.168.0.1', '3232235777', '[::ffff:c0a8:101]'],
  ];
  for (const deny of [DEBIAN_DENY, EXAMPLE_DENY]) {
    for (const ipv6 of ['allow_ipv6=true', 'allow_ipv6=false']) {
      const rig = await zurlRig(t, [deny, ipv6]);
      assert.deepEqual(await outcomesOf(rig, hosts), all(hosts, DENIED), `${deny} ${ipv6}`);
      const connects = hosts.map((host) => {
        return { uri: 'ws://a.example/', connectHost: host.replace(/[[\]]/g, ''), connectPort: rig.port };
      });
      assert.deepEqual(new Set(await rig.outcomes(connects)), new Set([DENIED]));
      assert.deepEqual(await rig.trap.caught(), []);
    }
  }
});

test('deny: a rule for 127.0.0.1 denies localhost, ::1 too', async (t) => {
  for (const deny of [DEBIAN_DENY, EXAMPLE_DENY, 'deny=127.0.0.1']) {
    const rig = await zurlRig(t, [deny, 'allow_ipv6=true']);
    const hosts = ['localhost', 'localhost.', 'LOCALHOST', '[::1]', '[0:0::1]'];
    assert.deepEqual(await outcomesOf(rig, hosts), all(hosts, DENIED), deny);
    assert.deepEqual(await rig.trap.caught(), []);
  }
  // Who allows ::1 by name has it.
  const rig = await zurlRig(t, [EXAMPLE_DENY, 'allow=::1', 'allow_ipv6=true']);
  assert.equal(await rig.outcome({ uri: `http://[::1]:${rig.port}/` }), '200 caught');
});

test('allow_ipv6=false applies to WebSockets and all IPv6 addresses', async (t) => {
  const rig = await zurlRig(t, ['allow_ipv6=false']);
  const hosts = ['[::1]', '[::]'];
  assert.deepEqual(await outcomesOf(rig, hosts), all(hosts, 'remote-connection-failed'));
  assert.deepEqual(await rig.trap.caught(), []);
});

test('deny: a name matches with a dot at its end, in any case, and as connect-host', async (t) => {
  const rig = await zurlRig(t, ['deny=*.local,evil.example,localhost', ALLOW_GOOD]);
  const hosts = [
    ...['foo.local', 'foo.local.', 'FOO.LOCAL', 'foo.local..', 'a.foo.local.'],
    ...['evil.example', 'evil.example.', 'EVIL.example.', 'localhost', 'localhost.', 'LocalHost'],
  ];
  assert.deepEqual(await outcomesOf(rig, hosts), all(hosts, DENIED));
  for (const host of hosts) {
    const named = { uri: `http://${GOOD_ADDRESS}:${rig.port}/`, connectHost: host, connectPort: rig.port };
    assert.equal(await rig.outcome(named), DENIED, host);
  }
  assert.deepEqual(await rig.trap.caught(), []);
});

test('deny: names and addresses of redirects are matched as those of the request', async (t) => {
  const rig = await zurlRig(t, ['deny=localhost,*.localhost,127.0.0.53', ALLOW_GOOD]);
  const { port, good } = rig;
  for (const scheme of SCHEMES) {
    for (const [location, outcome] of [
      [`${scheme}://localhost:${port}/`, DENIED],
      [`${scheme}://localhost.:${port}/`, DENIED],
      [`//LOCALHOST:${port}/`, DENIED],
      [`http://a.localhost:${port}/`, DENIED],
      [`${scheme}://127.0.0.53:${port}/`, DENIED],
      [`${scheme}://[::ffff:127.0.0.53]:${port}/`, DENIED],
      ['/elsewhere', reached(scheme)],
    ] as const) {
      const uri = `${scheme}://${GOOD_ADDRESS}:${port}${good.redirectTo(location)}`;
      assert.equal(await rig.outcome({ uri, followRedirects: true }), outcome, location);
    }
  }
  assert.deepEqual(await rig.trap.caught(), []);
});

test('a connection that was opened with ignore-policies serves no request without', async (t) => {
  const rig = await zurlRig(t, [EXAMPLE_DENY]);
  for (const host of ['localhost', '127.0.0.1', '0.0.0.0', 'localhost.']) {
    const uri = `http://${host}:${rig.port}/`;
    assert.equal(await rig.outcome({ uri, ignorePolicies: true }), '200 caught', host);
    assert.equal(await rig.outcome({ uri }), DENIED, host);
    assert.equal(await rig.outcome({ uri, ignorePolicies: true }), '200 caught', host);
  }
});

test('proxies of the environment are not used', async (t) => {
  const proxied = await zurlRig(t, []);
  const proxy = `http://127.0.0.1:${proxied.port}`;
  const env = Object.fromEntries(
    ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'ws_proxy', 'wss_proxy'].map(
      (name) => [name, proxy],
    ),
  );
  const rig = await zurlRig(t, [EXAMPLE_DENY, ALLOW_GOOD], env);
  for (const scheme of SCHEMES) {
    assert.equal(await rig.outcome({ uri: `${scheme}://${GOOD_ADDRESS}:${rig.port}/` }), reached(scheme));
    assert.equal(await rig.outcome({ uri: `${scheme}://127.0.0.1:${rig.port}/` }), DENIED);
  }
  assert.deepEqual(await proxied.trap.caught(), []);
});

test('defpolicy=deny allows what is allowed and not denied, in every form', async (t) => {
  const rig = await zurlRig(t, [
    'defpolicy=deny',
    'allow=127.0.0.0/8,good.example',
    'deny=127.0.0.1',
    'allow_ipv6=true',
  ]);
  const { port } = rig;
  for (const scheme of SCHEMES) {
    for (const host of [GOOD_ADDRESS, '127.77', '2130706509', `[::ffff:${GOOD_ADDRESS}]`]) {
      assert.equal(await rig.outcome({ uri: `${scheme}://${host}:${port}/` }), reached(scheme), host);
    }
    for (const host of ['127.0.0.1', '0.0.0.0', '[::1]', '[::]', 'localhost', '10.0.0.1', 'a.example']) {
      assert.equal(await rig.outcome({ uri: `${scheme}://${host}:${port}/` }), DENIED, host);
    }
    // Both names have to be allowed.
    const connect = { connectHost: GOOD_ADDRESS, connectPort: port };
    assert.equal(await rig.outcome({ uri: `${scheme}://good.example:${port}/`, ...connect }), reached(scheme));
    assert.equal(await rig.outcome({ uri: `${scheme}://other.example:${port}/`, ...connect }), DENIED);
  }
  assert.deepEqual(await rig.trap.caught(), []);
});
