import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters, silentLog } from '../../../../src/exchange/index.ts';
import { JwksKeys } from '../../../../src/proxy/index.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { TokenSigner } from '../../../support/tokens.ts';

const RULES = { issuer: '', audience: '', leeway: 0 };

/** Keys whose document and clock the test sets. */
function published() {
  const state = { keys: [] as object[] | null, now: 0, fetched: 0 };
  const keys = new JwksKeys('http://keys.test/', {
    fetch: () => {
      state.fetched++;
      if (state.keys === null) return Promise.reject(new Error('down'));
      return Promise.resolve(Buffer.from(JSON.stringify({ keys: state.keys })));
    },
    counters: new Counters(),
    log: silentLog,
    now: () => state.now,
  });
  return { state, keys };
}

test('A token with an unknown kid has the set fetched again, at most every 10 s', async () => {
  const [old, young] = [new TokenSigner('ES256', 'old'), new TokenSigner('ES256', 'young')];
  const { state, keys } = published();
  state.keys = [old.jwk];
  await keys.claims(old.token({}), RULES);
  state.keys = [old.jwk, young.jwk];
  for (let i = 0; i < 20; i++) await assert.rejects(keys.claims(young.token({}), RULES), { problem: 'unknown-key' });
  assert.equal(state.fetched, 1);
  state.now = 10_000;
  await keys.claims(young.token({}), RULES);
  assert.equal(state.fetched, 2);
});

test('Old keys stay while the URL fails, and no request waits for it', async () => {
  const signer = new TokenSigner('RS256');
  const { state, keys } = published();
  state.keys = [signer.jwk];
  await keys.claims(signer.token({}), RULES);
  state.keys = null;
  for (state.now = 600_001; state.now < 2_000_000; state.now += 100_000) await keys.claims(signer.token({}), RULES);
  assert.ok(state.fetched > 2);
});

test('A token without kid may be signed with any key of the set, and only with public ones', async () => {
  const [first, second, other] = [1, 2, 3].map(() => new TokenSigner('ES256', null)) as [
    TokenSigner,
    TokenSigner,
    TokenSigner,
  ];
  const { state, keys } = published();
  state.keys = [first, second].map(({ jwk }) => jwk);
  await keys.claims(second.token({}), RULES);
  await assert.rejects(keys.claims(other.token({}), RULES), { problem: 'invalid' });
  await assert.rejects(keys.claims(second.token({ exp: 1 }), RULES), { problem: 'expired' });
});

test('The credentials of the URL are not in the log', async () => {
  const log = new FakeLog();
  const room = { fetch: () => Promise.reject(new Error('down')), counters: new Counters(), log };
  const keys = new JwksKeys('http://me:hunter@keys.test/a?token=hunter', room);
  await assert.rejects(
    keys.claims(new TokenSigner('ES256', 'a').token({}), RULES),
    (error: Error) => !/hunter/.test(error.message),
  );
  assert.deepEqual(log.of('keys for tokens cannot be fetched'), [
    { url: 'http://redacted@keys.test/a?token=redacted', detail: 'down' },
  ]);
});
