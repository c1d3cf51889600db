import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessRules, Caller } from '../../../src/control/index.ts';
import { basic, ControlEndpoint, type Reply, rulesWith } from '../../support/control/control-endpoint.ts';

const OWN = ['Origin', 'http://localhost', 'Sec-Fetch-Site', 'same-origin'];
const USERS = { 'ann:pw': new Set(['admin'] as const), 'bob:pw': new Set(['publish', 'read'] as const) };

function fieldOf({ headers }: Reply, name: string): string {
  return headers[headers.indexOf(name) + 1] ?? '';
}

/** Logs in, and returns the field with the cookie. */
async function cookieOf(endpoint: ControlEndpoint, login: object): Promise<string[]> {
  const reply = await endpoint.tcp('POST', '/session', OWN, JSON.stringify(login));
  assert.equal(reply.status, 200, reply.text);
  return ['Cookie', `a=b; ${fieldOf(reply, 'Set-Cookie').split(';')[0]}`];
}

test('a page logs in with a name and a password, and out again', async () => {
  const endpoint = new ControlEndpoint({}, rulesWith(USERS));
  const before = await endpoint.tcp('GET', '/session', OWN);
  assert.deepEqual(before.json, { name: '', role: null, roles: [], accepts: ['password'] });
  const reply = await endpoint.tcp('POST', '/session', OWN, '{"name":"ann","password":"pw"}');
  assert.deepEqual(reply.json, { name: 'ann', role: 'admin', roles: ['admin'], accepts: ['password'] });
  assert.match(
    fieldOf(reply, 'Set-Cookie'),
    /^holdfast_session_default=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
  );
  const cookie = await cookieOf(endpoint, { name: 'ann', password: 'pw' });
  assert.equal((await endpoint.tcp('GET', '/status', [...cookie, ...OWN])).status, 200);
  const out = await endpoint.tcp('DELETE', '/session', [...cookie, ...OWN]);
  assert.equal(out.status, 204);
  assert.match(fieldOf(out, 'Set-Cookie'), /^holdfast_session_default=; Path=\/; Max-Age=0;/);
  assert.equal((await endpoint.tcp('GET', '/status', [...cookie, ...OWN])).status, 401);
});

test('a token logs in for as long as it lasts', async () => {
  const caller: Caller = { name: 'app', roles: new Set(['read']), expires: Date.now() + 60_000, grantedBy: 'jwt' };
  const verifyToken = async (token: string) => (token === 'good' ? caller : null);
  const rules: AccessRules = { verifyToken, users: [], fingerprint: 'jwt' };
  const endpoint = new ControlEndpoint({}, rules);
  assert.equal((await endpoint.tcp('POST', '/session', OWN, '{"token":"bad"}')).status, 401);
  const cookie = await cookieOf(endpoint, { token: 'good' });
  assert.equal((await endpoint.tcp('GET', '/status', cookie)).status, 200);
  endpoint.rules.current = { ...rules, fingerprint: 'another key' };
  assert.equal((await endpoint.tcp('GET', '/status', cookie)).status, 401);
});

test('behind TLS the cookie is for TLS only, and its name has the port', async () => {
  const endpoint = new ControlEndpoint({}, rulesWith(USERS));
  const body = '{"name":"ann","password":"pw"}';
  const { requester } = endpoint.begin({
    ...{ method: 'POST', target: '/session', authority: 'localhost:5561', bodyLength: body.length },
    headers: ['Content-Type', 'application/json', 'X-Forwarded-Proto', 'https'],
    peer: { address: '192.0.2.1', port: 1 },
  });
  requester.send(body);
  const { headers } = await requester.completed();
  assert.match(headers[headers.indexOf('Set-Cookie') + 1] ?? '', /^holdfast_session_5561=.*; SameSite=Strict; Secure$/);
});

test('the cookie does nothing for pages of other sites, nor for what says nothing of its page', async () => {
  const endpoint = new ControlEndpoint({}, rulesWith(USERS));
  const cookie = await cookieOf(endpoint, { name: 'ann', password: 'pw' });
  const items = '{"items":[]}';
  for (const page of [
    ['Origin', 'https://evil.example'],
    ['Origin', 'http://localhost:8080', 'Sec-Fetch-Site', 'same-site'],
    ['Sec-Fetch-Site', 'cross-site'],
    ['Origin', 'null'],
  ]) {
    for (const [method, target] of [
      ['GET', '/status'],
      ['DELETE', '/session'],
      ['POST', '/session'],
    ] as const) {
      const body = method === 'POST' ? '{"name":"ann","password":"pw"}' : '';
      const { status, json } = await endpoint.tcp(method, target, [...cookie, ...page], body);
      assert.deepEqual([status, json.error.code], [403, 'HF_CROSS_SITE'], `${method} ${target} ${page}`);
    }
    const { status } = await endpoint.tcp(
      'POST',
      '/publish',
      [...cookie, ...page, 'Content-Type', 'text/plain'],
      items,
    );
    assert.ok(status === 401 || status === 403, `publish ${page}: ${status}`);
  }
  const silent = await endpoint.tcp('POST', '/publish', [...cookie, 'Content-Type', 'text/plain'], items);
  assert.equal(silent.status, 401);
  assert.equal((await endpoint.tcp('GET', '/status', [...cookie, ...OWN])).status, 200);
});

test('a page whose own name leads here gets nothing', async () => {
  const endpoint = new ControlEndpoint({}, rulesWith(USERS));
  for (const target of ['/status', '/session', '/events']) {
    const { requester } = endpoint.begin({
      target: target === '/session' ? '/status' : target,
      authority: 'rebound.example',
      headers: [...basic('ann:pw'), 'Sec-Fetch-Site', 'same-origin'],
      peer: { address: '127.0.0.1', port: 1 },
    });
    assert.equal((await requester.completed()).status, 403, target);
    assert.match(requester.body, /HF_CONTROL_HOST/);
  }
});

test('guessing passwords is slowed down, for headers and for logins, and others go on', async () => {
  const endpoint = new ControlEndpoint({}, rulesWith(USERS));
  assert.equal((await endpoint.tcp('GET', '/status', basic('bob:pw'))).status, 200);
  const statuses = new Map<number, number>();
  for (let i = 0; i < 10_000; i++) {
    const { requester } = endpoint.begin({
      target: '/status',
      headers: basic(`ann:${i}`),
      peer: { address: '192.0.2.1', port: 1 },
    });
    const status = requester.head?.status ?? 0;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assert.ok((statuses.get(401) ?? 0) < 50, 'few were looked at');
  assert.equal((statuses.get(401) ?? 0) + (statuses.get(429) ?? 0), 10_000);
  const login = await endpoint.tcp('POST', '/session', OWN, '{"name":"ann","password":"pw"}');
  assert.deepEqual([login.status, login.json.error.code], [429, 'HF_LOGIN_RATE']);
  assert.equal((await endpoint.tcp('GET', '/status', basic('bob:pw'))).status, 200, 'it was right before');
});

test('a browser gets no challenge that makes it ask for a password by itself', async () => {
  const endpoint = new ControlEndpoint({}, rulesWith(USERS));
  const page = await endpoint.tcp('GET', '/status', OWN);
  assert.deepEqual([page.status, fieldOf(page, 'WWW-Authenticate')], [401, 'Session']);
  const program = await endpoint.tcp('GET', '/status');
  assert.match(fieldOf(program, 'WWW-Authenticate'), /^Basic/);
});

test('a login with another body is refused, and what it was is not shown', async () => {
  const endpoint = new ControlEndpoint({}, rulesWith(USERS));
  for (const [body, code] of [
    ['{', 'HF_CONTROL_INVALID'],
    ['[]', 'HF_CONTROL_INVALID'],
    ['{"token":"a","name":"b","password":"c"}', 'HF_CONTROL_INVALID'],
    ['{"token":5}', 'HF_CONTROL_INVALID'],
    ['"x"', 'HF_CONTROL_INVALID'],
  ] as const) {
    const { status, json, text } = await endpoint.tcp('POST', '/session', OWN, body);
    assert.deepEqual([status, json.error.code], [400, code], body);
    assert.ok(!text.includes('"c"'));
  }
  const plain = await endpoint.tcp('POST', '/session', [...OWN, 'Content-Type', 'text/plain'], '{"token":"a"}');
  assert.deepEqual([plain.status, plain.json.error.code], [415, 'HF_CONTROL_MEDIA_TYPE']);
  const none = await endpoint.tcp('POST', '/session', OWN);
  assert.equal(none.json.error.code, 'HF_CONTROL_INVALID');
  const large = await endpoint.tcp('POST', '/session', OWN, `{"token":"${'x'.repeat(300_000)}"}`);
  assert.deepEqual([large.status, large.json.error.code], [413, 'HF_BODY_TOO_LARGE']);
});
