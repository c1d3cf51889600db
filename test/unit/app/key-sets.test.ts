import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeySets } from '../../../src/app/key-sets.ts';
import type { Fetcher } from '../../../src/client/index.ts';
import { Counters, ExchangeError, NO_RESPONDER, type Requester, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { KEY_SET_TIMEOUT, MAX_KEY_SET_BYTES } from '../../../src/proxy/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { TokenSigner } from '../../support/tokens.ts';

const RULES = { issuer: '', audience: '', leeway: 0 };
const URL = 'http://keys.test/';

/** Key sets whose documents the test serves. */
function keySets(serve: (requester: Requester) => void) {
  const counters = new Counters();
  const log = new FakeLog();
  const requests: Parameters<Fetcher['fetch']>[0][] = [];
  const fetch: Fetcher['fetch'] = (request, requester) => {
    requests.push(request);
    serve(requester);
    return NO_RESPONDER;
  };
  const fetcher = { fetch, openWebSocket: () => assert.fail() };
  return { sets: new KeySets({ fetcher, counters, log }), counters, log, requests };
}

function responding(body: Buffer, status = 200) {
  return (requester: Requester): void => {
    requester.onResponse({ status, reason: '', headers: [], bodyLength: UNKNOWN_LENGTH });
    requester.onResponseData(body.subarray(0, 5), true);
    requester.onResponseData(body.subarray(5), false);
  };
}

const setOf = (...keys: object[]) => Buffer.from(JSON.stringify({ keys }));

test('A key set is fetched within bounds of size and time, and once however many requests wait', async () => {
  const signer = new TokenSigner('RS256');
  const { sets, requests } = keySets(responding(setOf(signer.jwk)));
  const token = signer.token({ sub: 'a' });
  const claims = await Promise.all([1, 2, 3].map(() => sets.at(URL).claims(token, RULES)));
  assert.deepEqual(
    claims.map(({ sub }) => sub),
    ['a', 'a', 'a'],
  );
  assert.equal(requests.length, 1);
  const { uri, options } = requests[0] ?? assert.fail();
  assert.deepEqual([uri, options.maxSize, options.timeout], [URL, MAX_KEY_SET_BYTES, KEY_SET_TIMEOUT]);
  assert.equal(options.followRedirects, false);
});

test('A key set that cannot be had is counted and logged, and not fetched again at once', async () => {
  const failing: [(requester: Requester) => void, RegExp][] = [
    [responding(setOf(), 404), /status 404/],
    [responding(Buffer.from('no JSON')), /not a JSON Web Key Set/],
    [responding(Buffer.from('{"keys":{}}')), /not a JSON Web Key Set/],
    [responding(Buffer.from(`{"keys":${'['.repeat(2_000)}${']'.repeat(2_000)}}`)), /not a JSON Web Key Set/],
    [responding(setOf(...Array.from({ length: 65 }, () => ({ kty: 'RSA' })))), /more than 64 keys/],
    [(requester) => requester.onResponseError(new ExchangeError('HF_FETCH_TIMEOUT', 'slow')), /HF_FETCH_TIMEOUT slow/],
  ];
  for (const [serve, detail] of failing) {
    const { sets, counters, log, requests } = keySets(serve);
    const token = new TokenSigner('ES256').token({});
    await assert.rejects(sets.at(URL).claims(token, RULES), { problem: 'no-keys' });
    await assert.rejects(sets.at(URL).claims(token, RULES), { problem: 'no-keys' });
    assert.equal(requests.length, 1);
    assert.equal(counters.keySetsFailed, 1);
    assert.match(JSON.stringify(log.records), detail);
  }
});

test('Only sets that a configuration uses are kept', () => {
  const { sets } = keySets(() => {});
  const first = sets.at(URL);
  sets.keep(new Set([URL]));
  assert.equal(sets.at(URL), first);
  sets.keep(new Set());
  assert.notEqual(sets.at(URL), first);
});
