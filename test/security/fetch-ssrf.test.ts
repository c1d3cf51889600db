import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GOOD_ADDRESS } from '../support/fetch/good-origin.ts';
import { packetText, SCHEMES, type Scheme, startSsrfRig } from '../support/fetch/ssrf-rig.ts';
import type { RequestFields } from '../support/fetch/zhttp-requester.ts';
import { readSsrfCases, urlOf, urlWith } from '../support/ssrf-cases.ts';

const CORPUS = readSsrfCases();

const DENIED = 'policy-violation';
const REFUSED = 'bad-request';

/** Only such a URI is taken at all: characters that need no escapes, and none of them escaped in the host. */
function isPlain(host: string): boolean {
  return /^[!-~]+$/.test(host) && !host.includes('%');
}

/** What an open connection to the good origin comes to. */
function reached(scheme: Scheme): string {
  return scheme === 'http' || scheme === 'https' ? '200 good' : '101';
}

/** Compares the outcome of each case with what is expected of it. */
function compare<T extends { readonly document: string; readonly line: number }>(
  cases: readonly T[],
  outcomes: readonly string[],
  expected: (input: T) => readonly string[],
): void {
  const found = cases.flatMap((input, i) => {
    const outcome = outcomes[i] as string;
    return expected(input).includes(outcome) ? [] : [`${input.document}:${input.line} ${outcome}`];
  });
  assert.deepEqual(found, []);
}

test('the trap and the good origin are reached by allowed requests', async (t) => {
  const rig = await startSsrfRig(t, ['allow_internal = true']);
  for (const host of ['127.0.0.1', '0.0.0.0', '[::1]', '[::]', '[::ffff:127.0.0.1]', 'localhost', '127.0.0.53']) {
    assert.equal(await rig.outcome({ uri: `http://${host}:${rig.port}/` }), '200 caught', host);
  }
  for (const scheme of SCHEMES) {
    assert.equal(await rig.outcome({ uri: `${scheme}://good.test:${rig.port}/` }), reached(scheme));
  }
  // The mapped address is an IPv4 address like any other: it has found a connection.
  const caught = ['127.0.0.1', '127.0.0.1', '127.0.0.53', '::1', '::1', '::1'];
  assert.deepEqual((await rig.trap.caught()).sort(), caught);
});

for (const scheme of SCHEMES) {
  test(`the whole corpus with ${scheme}`, async (t) => {
    const rig = await startSsrfRig(t);
    const { port, good, trap } = rig;

    await t.test('no host of a URI leads to an internal address', async () => {
      const hosts = CORPUS.hosts.filter(
        ({ inUrl, verdict, host }) => inUrl && (verdict !== 'allowed' || isPlain(host)),
      );
      const requests = hosts.map((input): RequestFields => {
        const uri = packetText(urlOf(input, port, scheme));
        // A host that is allowed must not be connected to either: its name is judged, and the good one is reached in its place.
        return input.verdict === 'allowed' ? { uri, connectHost: GOOD_ADDRESS, connectPort: port } : { uri };
      });
      compare(hosts, await rig.outcomes(requests), ({ host, verdict }) => {
        if (verdict === 'allowed') return [reached(scheme)];
        return verdict === 'denied' && isPlain(host) ? [DENIED] : [DENIED, REFUSED];
      });
      assert.deepEqual(await trap.caught(), []);
      good.takeHosts();
    });

    await t.test('no connect-host leads to an internal address', async () => {
      const hosts = CORPUS.hosts.filter(({ verdict }) => verdict !== 'allowed');
      const uri = `${scheme}://good.test:${port}/`;
      const requests = hosts.map(({ host }) => ({ uri, connectHost: packetText(host), connectPort: port }));
      // Here all that is a host is understood, whatever its characters.
      compare(hosts, await rig.outcomes(requests), ({ verdict }) => [verdict === 'denied' ? DENIED : REFUSED]);
      assert.deepEqual([await trap.caught(), good.takeHosts()], [[], []]);
    });

    await t.test('no URL leads to an internal address', async () => {
      const requests = CORPUS.urls.map(({ url, verdict }): RequestFields => {
        const uri = packetText(urlWith(url, port, scheme));
        return verdict === 'allowed' ? { uri, connectHost: GOOD_ADDRESS, connectPort: port } : { uri };
      });
      compare(CORPUS.urls, await rig.outcomes(requests), ({ url, verdict }) => {
        if (verdict === 'allowed') return [reached(scheme)];
        // A port has five digits at the most here.
        return [verdict === 'denied' && !url.includes(':000') ? DENIED : REFUSED];
      });
      assert.deepEqual(await trap.caught(), []);
      good.takeHosts();
    });

    await t.test('no redirect leads to an internal address', async () => {
      const start = (location: string): RequestFields => {
        return { uri: `${scheme}://good.test:${port}${good.redirectTo(location)}`, followRedirects: true };
      };
      // Where it is not followed it is itself the answer.
      const unfollowed = reached(scheme) === '101' ? 'rejected 302' : '302';
      // Control characters cannot stand in a field.
      const hosts = CORPUS.hosts.filter(
        ({ inUrl, verdict, host }) => inUrl && verdict !== 'allowed' && !/[^\P{Cc}\t]/u.test(host),
      );
      const toHosts = await rig.outcomes(hosts.map((input) => start(urlOf(input, port))));
      compare(hosts, toHosts, ({ host, verdict }) =>
        verdict === 'denied' && isPlain(host) ? [DENIED] : [DENIED, unfollowed],
      );
      const toLocations = await rig.outcomes(CORPUS.locations.map(({ location }) => start(urlWith(location, port))));
      compare(CORPUS.locations, toLocations, ({ verdict }) =>
        // One that is harmless may stay at the good origin.
        verdict === 'denied' ? [DENIED] : [unfollowed, reached(scheme)],
      );
      assert.deepEqual([await trap.caught(), good.takeHosts()], [[], [`good.test:${port}`]]);
    });
  });
}
