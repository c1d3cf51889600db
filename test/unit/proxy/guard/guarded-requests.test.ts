import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type TokenKeys, TokenVerifier } from '../../../../src/codec/grip/index.ts';
import { parseConfig } from '../../../../src/config/index.ts';
import { type RequestHead, UNKNOWN_LENGTH } from '../../../../src/exchange/index.ts';
import { Permit } from '../../../../src/proxy/guard/permit.ts';
import { TokenGuard } from '../../../../src/proxy/guard/token-guard.ts';
import type { RouteTable } from '../../../../src/proxy/index.ts';
import type { ProxiedRoute } from '../../../../src/proxy/proxied-route.ts';
import { ScriptedService } from '../../../support/scripted-service.ts';
import { secretToken } from '../../../support/tokens.ts';
import { TargetsRig } from '../support/targets-rig.ts';

const TOKEN = secretToken({ sub: 'ann' }, 'secret');
const HEADERS = ['Authorization', `Bearer ${TOKEN}`];

/** The guard of a route with these keys of `[route.jwt]`. */
function guardOf(rules: Record<string, unknown> = {}, keys: TokenKeys = new TokenVerifier(Buffer.from('secret'))) {
  const route = { host: '*', targets: ['a.test:1'], jwt: { key: 'secret', ...rules } };
  const { jwt } = parseConfig({ route: [route] }).routes[0] ?? assert.fail();
  return new TokenGuard(jwt ?? assert.fail(), keys);
}

/** A proxy with a guard, and the service that plays its target. */
function guarded(t: TestContext, guard: TokenGuard) {
  const scripted = new ScriptedService();
  const rig = new TargetsRig(t, ['* a.test:1'], (_target, request, requester) => scripted.service(request, requester));
  const { routes } = rig.settings.current;
  const find = (...args: Parameters<RouteTable<ProxiedRoute>['find']>): ProxiedRoute | null => {
    const found = routes.find(...args);
    return found === null ? null : { ...found, checks: { guard, limit: null } };
  };
  rig.settings.current = { ...rig.settings.current, routes: { find } as RouteTable<ProxiedRoute> };
  return { rig, scripted };
}

test('A body waits until the token is verified, and the end of an empty one is not lost', async (t) => {
  const { rig, scripted } = guarded(t, guardOf());
  const uploading = rig.send({ method: 'POST', headers: HEADERS, bodyLength: 5 });
  const empty = rig.send({ method: 'POST', headers: HEADERS, bodyLength: UNKNOWN_LENGTH });
  assert.equal(uploading.granted, 0);
  empty.send('', false);
  const first = await scripted.next();
  const second = await scripted.next();
  await second.until(() => second.bodyDone);
  first.respond('one');
  second.respond('two');
  await uploading.completed();
  assert.deepEqual(uploading.response, [200, 'one']);
  await empty.completed();
  assert.deepEqual(empty.response, [200, 'two']);
});

test('A client that leaves while its token is verified causes no request to the origin', async (t) => {
  let verified = (): void => {};
  const keys: TokenKeys = {
    claims: () =>
      new Promise((resolve) => {
        verified = () => resolve({ exp: 2e9 });
      }),
  };
  const { rig, scripted } = guarded(t, guardOf({}, keys));
  rig.send({ headers: HEADERS }).leave();
  verified();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(scripted.exchanges.length, 0);
});

test('An exception while a token is looked at, or after it, ends only that exchange', async (t) => {
  const failing: TokenKeys = { claims: () => Promise.reject(new Error('thrown by the test')) };
  const { rig } = guarded(t, guardOf({}, failing));
  assert.equal((await rig.send({ headers: HEADERS }).failed()).code, 'HF_INTERNAL');
  assert.equal(rig.counters.faults, 1);
  assert.match(String(rig.log.of('internal error')[0]?.detail), /thrown by the test/);
  const throwing = guarded(t, guardOf());
  Object.assign(throwing.scripted, {
    service: () => {
      throw new Error('thrown later');
    },
  });
  assert.equal((await throwing.rig.send({ headers: HEADERS }).failed()).code, 'HF_INTERNAL');
});

const request = (headers: string[], target = '/'): RequestHead =>
  ({ headers, target, method: 'GET' }) as unknown as RequestHead;

test('The token of a request is found in the first place that has one', () => {
  const guard = guardOf({ cookie: 'c', query: 'q' });
  for (const [headers, target, token] of [
    [['authorization', 'bearer  t'], '/?q=u', 't'],
    [['Authorization', 'Bearer t', 'Authorization', 'Bearer u'], '/', ''],
    [['Authorization', 'Basic t', 'Cookie', 'a=b;c=u'], '/?q=v', 'u'],
    [['Cookie', 'ac=b', 'Cookie', ' c=t ; c=u'], '/', 't'],
    [['Cookie', 'c'], '/?xq=1&q=t=&q=u', 't='],
    [[], '/q=t', null],
    [[], '/?q', null],
    [[], '*', null],
  ] as const) {
    assert.equal(guard.tokenOf(request([...headers], target)), token);
  }
});

test('Tokens do not get into the log', () => {
  const guard = guardOf({ query: 'q' });
  assert.equal(guard.shown('/a?x=1&q=secret&y=2'), '/a?x=1&q=…&y=2');
  assert.equal(guard.shown('/a'), '/a');
});

test('Only values that a field can have become fields', async () => {
  const guard = guardOf({ headers: { A: 'a', B: 'b', C: 'c', D: 'd', E: 'e', F: 'f', G: 'toString' } });
  const claims = { a: 'x\r\nInjected: y', b: ['one', 2, true], c: { d: 1 }, d: null, e: 'Ü', f: [['deep']] };
  const { permit } = await guard.verify(secretToken(claims, 'secret'));
  assert.deepEqual(permit.headers, ['B', 'one,2,true', 'E', Buffer.from('Ü').toString('latin1')]);
});

test('A preflight passes without a token only where that is allowed', () => {
  const preflight = {
    ...request(['Origin', 'https://app.example', 'Access-Control-Request-Method', 'GET']),
    method: 'OPTIONS',
  };
  assert.equal(guardOf().passes(preflight), false);
  const guard = guardOf({ allow_preflight: true });
  assert.equal(guard.passes(preflight), true);
  assert.equal(guard.passes({ ...preflight, headers: ['Origin', 'https://app.example'] }), false);
  assert.equal(guard.passes({ ...preflight, method: 'GET' }), false);
  assert.equal(guard.passes({ ...preflight, scheme: 'wss' }), false);
});

for (const hold of ['response', 'stream']) {
  test(`A preflight that passed without a token is not held: ${hold}`, async (t) => {
    const { rig, scripted } = guarded(t, guardOf({ allow_preflight: true, channels: 'ch' }));
    const headers = ['Origin', 'https://app.example', 'Access-Control-Request-Method', 'GET'];
    const preflight = () => rig.send({ method: 'OPTIONS', headers });
    const held = preflight();
    (await scripted.next()).respond('', { headers: ['Grip-Hold', hold, 'Grip-Channel', 'a'] });
    await held.completed();
    assert.deepEqual(held.response, [502, 'Error while proxying to origin.\n']);
    assert.match(String(rig.log.of('request failed')[0]?.detail), /preflight/);
    const plain = preflight();
    (await scripted.next()).respond('fine');
    await plain.completed();
    assert.deepEqual(plain.response, [200, 'fine']);
  });
}

test('Requests with tokens do not share a response, even where the origin does not see the tokens', async (t) => {
  const { rig, scripted } = guarded(t, guardOf({ remove_token: true }));
  rig.settings.current = { ...rig.settings.current, shareAll: true };
  const tokens = ['ann', 'bob'].map((sub) => secretToken({ sub }, 'secret'));
  const clients = tokens.map((token) => rig.send({ headers: ['Authorization', `Bearer ${token}`] }));
  for (const _ of clients) (await scripted.next()).respond('hello');
  for (const client of clients) await client.completed();
  assert.equal(scripted.exchanges.length, 2);
});

test('A token names the user by the claim that the route says, and by no other', async () => {
  const userOf = async (claims: object, rules: object = { user_claim: 'sub' }): Promise<string | null> => {
    const { permit } = await guardOf({ ...rules }).verify(secretToken(claims, 'secret'));
    assert.equal(Permit.moved(permit.state).user, permit.user);
    return permit.user;
  };
  assert.equal(await userOf({ sub: 'ann' }), 'ann');
  assert.equal(await userOf({ sub: 'ann' }, {}), null);
  assert.equal(await userOf({ sub: 'ann', uid: 7 }, { user_claim: 'uid' }), '7');
  for (const uid of [undefined, null, true, ['ann'], { name: 'ann' }])
    assert.equal(await userOf({ sub: 'ann', uid }, { user_claim: 'uid' }), null);
  assert.equal(await userOf({}, { user_claim: 'constructor' }), null);
});
