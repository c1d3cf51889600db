import assert from 'node:assert/strict';
import { isIPv4 } from 'node:net';
import { test } from 'node:test';
import { GOOD_ADDRESS } from '../support/fetch/good-origin.ts';
import { SCHEMES, type Scheme, startSsrfRig } from '../support/fetch/ssrf-rig.ts';
import { readSsrfCases } from '../support/ssrf-cases.ts';

const DENIED = 'policy-violation';

function reached(scheme: Scheme): string {
  return scheme === 'http' || scheme === 'https' ? '200 good' : '101';
}

/** What DNS is to answer in a test, where no public address may be dialled: the good one stands for each of them. */
function staged(addresses: readonly string[], allowed: readonly string[]): string[] {
  return addresses.map((address) => {
    if (!allowed.includes(address)) return address;
    return isIPv4(address) ? GOOD_ADDRESS : `::ffff:${GOOD_ADDRESS}`;
  });
}

/** A new connection for each request, so that each is looked up for. */
const NO_POOL = ['pool_max_idle = 0'];

for (const scheme of SCHEMES) {
  test(`no DNS answer leads to an internal address, with ${scheme}`, async (t) => {
    const rig = await startSsrfRig(t, NO_POOL);
    for (const { document, line, name, lookUps } of readSsrfCases().answers) {
      const answers = lookUps.map(({ addresses, allowed }) => staged(addresses, allowed));
      rig.dns.answer(name, 'A', ...(answers as [string[]]));
      rig.dns.answer(name, 'AAAA', ...(answers as [string[]]));
      for (const [index, { allowed }] of lookUps.entries()) {
        const outcome = await rig.outcome({ uri: `${scheme}://${name}:${rig.port}/` });
        assert.equal(outcome, allowed.length > 0 ? reached(scheme) : DENIED, `${document}:${line} ${index + 1}`);
        // There is no second look-up that could find another answer.
        assert.deepEqual([rig.dns.count(name, 'A'), rig.dns.count(name, 'AAAA')], [index + 1, index + 1]);
      }
    }
    assert.deepEqual(await rig.trap.caught(), []);
  });

  test(`changing DNS answers do not affect connect-host and redirects, with ${scheme}`, async (t) => {
    const rig = await startSsrfRig(t, NO_POOL);
    const { port } = rig;
    for (const inside of ['127.0.0.1', '0.0.0.0', '10.0.0.1', '169.254.169.254']) {
      const connect = { uri: `${scheme}://good.test:${port}/`, connectHost: 'turns.test', connectPort: port };
      rig.dns.answer('turns.test', 'A', [GOOD_ADDRESS], [inside]);
      assert.deepEqual([await rig.outcome(connect), await rig.outcome(connect)], [reached(scheme), DENIED]);
      const redirected = () => {
        const path = rig.good.redirectTo(`${scheme}://turns.test:${port}/`);
        return rig.outcome({ uri: `${scheme}://good.test:${port}${path}`, followRedirects: true });
      };
      rig.dns.answer('turns.test', 'A', [GOOD_ADDRESS], [inside]);
      assert.deepEqual([await redirected(), await redirected()], [reached(scheme), DENIED]);
    }
    // The origin may change what its own name stands for, between the redirect and the place it leads to.
    rig.dns.answer('turns.test', 'A', [GOOD_ADDRESS], ['127.0.0.1']);
    const uri = `${scheme}://turns.test:${port}${rig.good.redirectTo('/')}`;
    assert.equal(await rig.outcome({ uri, followRedirects: true }), DENIED);
    assert.deepEqual(await rig.trap.caught(), []);
  });
}

test('CNAMEs do not lead to internal addresses', async (t) => {
  const rig = await startSsrfRig(t, NO_POOL);
  const { dns } = rig;
  dns.answer('alias.test', 'A', ['localhost', '127.0.0.1']);
  dns.answer('alias.test', 'AAAA', ['localhost', '::1']);
  dns.answer('twice.test', 'A', ['other.test', 'metadata.internal', '169.254.169.254']);
  // The answer has no address: c-ares does not ask for the other name by itself, nor do we.
  dns.answer('bare.test', 'A', ['localhost']);
  dns.answer('fine.test', 'A', ['localhost', GOOD_ADDRESS]);
  const outcomes = await rig.outcomes(
    ['alias', 'twice', 'bare', 'fine'].map((name) => ({ uri: `http://${name}.test:${rig.port}/` })),
  );
  assert.deepEqual(outcomes, [DENIED, DENIED, 'remote-connection-failed', '200 good']);
  assert.deepEqual([await rig.trap.caught(), dns.count('localhost')], [[], 0]);
});

test('a denied address is not tried after an allowed one that does not respond', async (t) => {
  const rig = await startSsrfRig(t);
  const inside = ['127.0.0.1', '127.0.0.53', '0.0.0.0'];
  rig.dns.answer('first.test', 'A', [GOOD_ADDRESS, ...inside]);
  rig.dns.answer('last.test', 'A', [...inside, GOOD_ADDRESS]);
  rig.dns.answer('last.test', 'AAAA', ['::1', '::', '::ffff:127.0.0.1']);
  const outcomes = async (): Promise<Set<string>> => {
    const uris = SCHEMES.flatMap((scheme) => ['first', 'last'].map((name) => `${scheme}://${name}.test:${rig.port}/`));
    return new Set(await rig.outcomes(uris.map((uri) => ({ uri }))));
  };
  assert.deepEqual(await outcomes(), new Set(['200 good', '101']));
  rig.good.close();
  assert.deepEqual(await outcomes(), new Set(['remote-connection-failed']));
  assert.deepEqual(await rig.trap.caught(), []);
});

test('a pooled connection stays with its address when its name changes', async (t) => {
  const rig = await startSsrfRig(t);
  rig.dns.answer('turns.test', 'A', [GOOD_ADDRESS], ['127.0.0.1']);
  const uri = `http://turns.test:${rig.port}/`;
  assert.deepEqual([await rig.outcome({ uri }), await rig.outcome({ uri })], ['200 good', '200 good']);
  assert.equal(rig.dns.count('turns.test', 'A'), 1);
  // One that is trusted for something else is another one, and by now the name leads inside.
  for (const other of [
    { uri: `https://turns.test:${rig.port}/` },
    { uri: `ws://turns.test:${rig.port}/` },
    { uri: `http://good.test:${rig.port}/`, connectHost: 'turns.test', connectPort: rig.port + 1 },
    { uri, connectHost: '127.0.0.1', connectPort: rig.port },
  ]) {
    assert.equal(await rig.outcome(other), DENIED);
  }
  assert.deepEqual(await rig.trap.caught(), []);
});

test('a connection for a request with ignore-policies is not used for one without', async (t) => {
  const rig = await startSsrfRig(t, ['allow_ignore_policies = true']);
  rig.dns.answer('inside.test', 'A', ['127.0.0.1']);
  const { port } = rig;
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '[::ffff:127.0.0.1]', 'inside.test']) {
    const uri = `http://${host}:${port}/`;
    assert.equal(await rig.outcome({ uri, ignorePolicies: true }), '200 caught', host);
    // The connection waits for the next request, of whoever may have it.
    assert.equal(await rig.outcome({ uri }), DENIED, host);
    const named = { uri: `http://good.test:${port}/`, connectHost: host.replace(/[[\]]/g, ''), connectPort: port };
    assert.equal(await rig.outcome({ ...named, ignorePolicies: true }), '200 caught', host);
    assert.equal(await rig.outcome(named), DENIED, host);
    const location = rig.good.redirectTo(uri);
    assert.equal(
      await rig.outcome({ uri: `http://good.test:${port}${location}`, followRedirects: true }),
      DENIED,
      host,
    );
  }
  await rig.trap.caught();
  assert.equal(await rig.outcome({ uri: `ws://127.0.0.1:${port}/` }), DENIED);
  assert.deepEqual(await rig.trap.caught(), []);
});

test('ignore-policies opens nothing unless the configuration lets it', async (t) => {
  const rig = await startSsrfRig(t);
  for (const scheme of SCHEMES) {
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254']) {
      const uri = `${scheme}://${host}:${rig.port}/`;
      assert.equal(await rig.outcome({ uri, ignorePolicies: true }), DENIED, uri);
    }
  }
  assert.deepEqual(await rig.trap.caught(), []);
});
