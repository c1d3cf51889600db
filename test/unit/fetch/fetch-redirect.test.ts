import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ExchangeError, UNKNOWN_LENGTH, WINDOW } from '../../../src/exchange/index.ts';
import { MAX_DISCARDED } from '../../../src/fetch/redirect-follower.ts';
import { Guard } from '../../../src/net/index.ts';
import { FetchRig, FOLLOWED, follow, type RigRequest } from './fetch-rig.ts';

const GONE = new ExchangeError('HF_CLIENT_GONE');

/** A request that was answered with a redirect. */
function redirected(t: TestContext, status: number, location: string, fields: RigRequest = {}, uri = FOLLOWED) {
  const rig = new FetchRig(t);
  const requester = follow(rig, fields, uri);
  const first = rig.sent;
  first.respond(status, ['Location', location]);
  return { rig, requester, first };
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`A ${status} is followed, and only the last response is passed on`, async (t) => {
    const rig = new FetchRig(t);
    const requester = follow(rig, { headers: ['X', '1'] });
    rig.sent.respond(status, ['Location', '../e', 'Content-Type', 'text/html'], 'moved');
    assert.equal(rig.client.count, 2);
    assert.equal(rig.sent.line, 'GET http://a.example/e');
    assert.deepEqual(rig.sent.head.headers, ['Host', 'a.example', 'X', '1']);
    assert.deepEqual(requester.calls, []);
    rig.sent.respond(200, ['X', '2'], 'there');
    const head = await requester.completed();
    assert.equal(head.status, 200);
    assert.deepEqual(head.headers, ['X', '2']);
    assert.equal(requester.body, 'there');
    assert.deepEqual(requester.calls, ['onResponse', 'onResponseData']);
  });
}

for (const [what, status, headers] of [
  ['a 300', 300, ['Location', '/e']],
  ['a 304', 304, ['Location', '/e']],
  ['a 305', 305, ['Location', '/e']],
  ['a 306', 306, ['Location', '/e']],
  ['a 200 with a Location', 200, ['Location', '/e']],
  ['a 201 with a Location', 201, ['Location', '/e']],
  ['a 404 with a Location', 404, ['Location', '/e']],
  ['a redirect without a Location', 302, ['X', '/e']],
  ['one with an empty Location', 302, ['Location', '']],
  ['one with a Location that is no URI', 302, ['Location', 'http://']],
  ['one to another scheme', 302, ['Location', 'ftp://a.example/']],
  ['one to a WebSocket', 302, ['Location', 'ws://a.example/']],
  ['one with two Locations that differ', 302, ['Location', '/e', 'location', '/f']],
] as const) {
  test(`${what} is the response`, async (t) => {
    const rig = new FetchRig(t);
    const requester = follow(rig);
    const body = status === 304 ? '' : 'answer';
    rig.sent.respond(status, [...headers], body);
    const head = await requester.completed();
    assert.equal(head.status, status);
    assert.deepEqual(head.headers, headers);
    assert.equal(requester.body, body);
    assert.equal(rig.client.count, 1);
  });
}

test('Two equal Location fields count as one', (t) => {
  const rig = new FetchRig(t);
  follow(rig);
  rig.sent.respond(302, ['Location', '/e', 'location', '/e']);
  assert.equal(rig.sent.line, 'GET http://a.example/e');
});

test('Eight redirects are followed, and the ninth fails', async (t) => {
  for (const last of [200, 302]) {
    const rig = new FetchRig(t);
    const requester = follow(rig);
    for (let i = 0; i < 8; i++) rig.sent.respond(302, ['Location', `/${i}`]);
    assert.equal(rig.client.count, 9);
    assert.equal(rig.sent.line, 'GET http://a.example/7');
    if (last === 200) {
      rig.sent.respond(200, [], 'there');
      await requester.completed();
      continue;
    }
    rig.sent.start(302, ['Location', '/8']);
    const error = await requester.failed();
    assert.equal(error.code, 'HF_TOO_MANY_REDIRECTS');
    assert.equal(rig.counters.originErrors, 1);
    assert.notEqual(rig.sent.left, null);
  }
});

for (const [status, method, next, withBody] of [
  [301, 'POST', 'GET', false],
  [302, 'POST', 'GET', false],
  [303, 'POST', 'GET', false],
  [307, 'POST', 'POST', true],
  [308, 'POST', 'POST', true],
  [301, 'PUT', 'PUT', true],
  [302, 'DELETE', 'DELETE', true],
  [302, 'PATCH', 'PATCH', true],
  [303, 'PUT', 'GET', false],
  [303, 'DELETE', 'GET', false],
  [303, 'GET', 'GET', false],
  [302, 'GET', 'GET', true],
  [307, 'X-OWN', 'X-OWN', true],
  [303, 'X-OWN', 'GET', false],
] as const) {
  test(`A ${status} makes ${next}${withBody ? '' : ' without a body'} of ${method}`, async (t) => {
    const rig = new FetchRig(t);
    const headers = ['Content-Type', 'a/b', 'X', '1'];
    const requester = follow(rig, { method, bodyLength: 5, headers });
    rig.sent.grant(WINDOW);
    requester.send('hello', false);
    assert.equal(rig.sent.body, 'hello');
    rig.sent.respond(status, ['Location', '/e']);
    assert.equal(rig.client.count, 2);
    assert.equal(rig.sent.line, `${next} http://a.example/e`);
    assert.equal(rig.sent.head.bodyLength, withBody ? 5 : 0);
    assert.deepEqual(rig.sent.values('content-type'), withBody ? ['a/b'] : []);
    assert.deepEqual(rig.sent.values('x'), ['1']);
    if (withBody) rig.sent.grant(WINDOW);
    assert.equal(rig.sent.body, withBody ? 'hello' : '');
    assert.ok(rig.sent.complete);
    assert.deepEqual(requester.grants, [WINDOW]);
    rig.sent.respond(200, [], 'ok');
    await requester.completed();
  });
}

test('HEAD stays HEAD', (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { rig } = redirected(t, status, '/e', { method: 'HEAD' });
    assert.equal(rig.sent.line, 'HEAD http://a.example/e');
  }
});

test('A request that became GET stays GET', (t) => {
  const { rig } = redirected(t, 302, '/e', { method: 'POST' });
  rig.sent.respond(308, ['Location', '/f']);
  assert.equal(rig.sent.line, 'GET http://a.example/f');
});

const CREDENTIALS = ['Authorization', 'Bearer x', 'Cookie', 'a=b', 'X-Own', '1'];

for (const [what, uri, location, kept] of [
  ['the same origin', 'https://a.example/', 'https://A.example:443/e', true],
  ['another path', 'https://a.example/', '/e', true],
  ['another host', 'https://a.example/', 'https://b.example/', false],
  ['a host below it', 'https://a.example/', 'https://www.a.example/', false],
  ['another port', 'https://a.example/', 'https://a.example:444/', false],
  ['the same host without TLS', 'https://a.example/', 'http://a.example/', false],
  ['the same port without TLS', 'https://a.example:8443/', 'http://a.example:8443/', false],
  ['the same host with TLS', 'http://a.example/', 'https://a.example/', false],
] as const) {
  test(`A redirect to ${what} ${kept ? 'keeps credentials' : 'drops credentials'}`, (t) => {
    const { rig } = redirected(t, 307, location, { headers: CREDENTIALS }, uri);
    assert.equal(rig.client.count, 2);
    assert.deepEqual(rig.sent.values('authorization'), kept ? ['Bearer x'] : []);
    assert.deepEqual(rig.sent.values('cookie'), kept ? ['a=b'] : []);
    assert.deepEqual(rig.sent.values('x-own'), ['1']);
  });
}

test('Userinfo of the URI is kept as credentials are, and that of a Location is ignored', (t) => {
  const uri = 'http://u:p@a.example/';
  const own = [`Basic ${Buffer.from('u:p').toString('base64')}`];
  for (const [location, expected] of [
    ['/e', own],
    ['http://x:y@a.example/e', own],
    ['http://b.example/', []],
    ['http://x:y@b.example/', []],
  ] as const) {
    const { rig, first } = redirected(t, 302, location, {}, uri);
    assert.deepEqual(first.values('authorization'), own);
    assert.deepEqual(rig.sent.values('authorization'), expected, location);
  }
});

test('Dropped credentials do not come back', (t) => {
  const { rig } = redirected(t, 302, 'http://b.example/', { headers: CREDENTIALS });
  rig.sent.respond(302, ['Location', FOLLOWED]);
  assert.equal(rig.sent.line, `GET ${FOLLOWED}`);
  assert.deepEqual(rig.sent.values('authorization'), []);
  assert.deepEqual(rig.sent.values('cookie'), []);
});

test('Each hop has its own Host', (t) => {
  const { rig } = redirected(t, 302, 'http://b.example:81/', { headers: ['Host', 'evil.example'] });
  assert.deepEqual(rig.sent.values('host'), ['b.example:81']);
  assert.equal(rig.sent.head.authority, 'b.example:81');
});

test('connect-host applies to every hop, and its trust to the first one only', (t) => {
  const options = {
    connectHost: '127.0.0.1',
    connectPort: 1,
    trustConnectHost: true,
    clientCert: 'C',
    clientKey: 'K',
  };
  const uri = 'https://a.example/';
  const { rig, first } = redirected(t, 302, 'https://b.example/', { options }, uri);
  assert.deepEqual(first.origin.tls, {
    serverName: 'a.example',
    alsoTrusted: '127.0.0.1',
    verify: true,
    clientCert: 'C',
    clientKey: 'K',
  });
  assert.equal(rig.sent.origin.name, '127.0.0.1:1');
  assert.deepEqual(rig.sent.origin.tls, {
    serverName: 'b.example',
    alsoTrusted: '',
    verify: true,
    clientCert: '',
    clientKey: '',
  });
  rig.sent.respond(302, ['Location', uri]);
  assert.equal(rig.sent.origin.key, first.origin.key);
  rig.sent.respond(302, ['Location', 'http://a.example/']);
  assert.equal(rig.sent.origin.tls, null);
});

test('The guard of the request applies to every hop', (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: false });
  const { rig, first } = redirected(t, 302, 'http://b.example/', { options: { guard } });
  assert.equal(first.origin.guard, guard);
  assert.equal(rig.sent.origin.guard, guard);
});

for (const location of ['http://evil.example/', '//EVIL.example./x', 'https://evil.example:8443', 'http://0xa.1/']) {
  test(`A redirect to ${location}, which the guard denies, is a policy violation`, async (t) => {
    const deny = ['evil.example', '10.0.0.0/8'];
    const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny, denyInternal: false });
    const rig = new FetchRig(t);
    const requester = follow(rig, { options: { guard } });
    const hop = rig.sent;
    hop.start(302, ['Location', location]);
    const error = await requester.failed();
    assert.equal(error.code, 'HF_POLICY_VIOLATION');
    assert.match(error.detail, /^(evil\.example|10\.0\.0\.1): rule /);
    assert.equal(rig.client.count, 1);
    assert.notEqual(hop.left, null);
    assert.equal(rig.counters.originErrors, 0);
  });
}

test('A redirect is logged, without secrets of the URI', (t) => {
  const { rig } = redirected(t, 302, 'https://u:p@b.example/secret?x', { id: 'r' });
  assert.deepEqual(
    rig.log.with('redirect followed').map(({ fields }) => fields),
    [{ id: 'r', origin: 'a.example:80', to: 'b.example:443' }],
  );
});

test('The body of a redirect is discarded, whatever the requester has granted', async (t) => {
  for (const credits of [0, 10, 1_000_000]) {
    const rig = new FetchRig(t);
    const requester = follow(rig, { credits });
    const first = rig.sent;
    first.start(302, ['Location', '/e']);
    assert.deepEqual(first.grants, [MAX_DISCARDED]);
    requester.grant(5);
    assert.deepEqual(first.grants, [MAX_DISCARDED]);
    first.data('x'.repeat(MAX_DISCARDED), true);
    assert.equal(rig.client.count, 1);
    first.data('', false);
    assert.equal(first.left, null);
    assert.equal(rig.sent.line, 'GET http://a.example/e');
    // What was granted meanwhile counts for the next place.
    assert.equal(rig.sent.head.credits, credits + 5);
    requester.grant(10);
    rig.sent.respond(200, [], 'answer');
    await requester.completed();
    assert.equal(requester.body, 'answer');
  }
});

for (const [what, bodyLength, pieces] of [
  ['that is announced', MAX_DISCARDED + 1, []],
  ['that comes', UNKNOWN_LENGTH, [MAX_DISCARDED, 1]],
] as const) {
  test(`A larger body of a redirect ${what} ends the connection instead`, async (t) => {
    const rig = new FetchRig(t);
    const requester = follow(rig, { credits: 1_000_000 });
    const first = rig.sent;
    first.start(302, ['Location', '/e'], bodyLength);
    for (const size of pieces) first.data(Buffer.alloc(size), true);
    assert.notEqual(first.left, null);
    assert.equal(rig.client.count, 2);
    rig.sent.respond(200, [], 'answer');
    await requester.completed();
    assert.equal(requester.body, 'answer');
  });
}

test('Each redirect may have a body up to the limit', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig);
  for (let i = 0; i < 3; i++) {
    const { sent } = rig;
    sent.start(302, ['Location', '/e']);
    sent.data(Buffer.alloc(MAX_DISCARDED), true);
    sent.data('', false);
    assert.equal(sent.left, null);
  }
  rig.sent.respond(200, [], 'answer');
  await requester.completed();
});

test('The body of a redirect may break off', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig);
  rig.sent.start(302, ['Location', '/e']);
  rig.sent.data('mov', true);
  rig.sent.fail(new ExchangeError('HF_ORIGIN_TRUNCATED'));
  assert.equal(rig.sent.line, 'GET http://a.example/e');
  rig.sent.respond(200, [], 'answer');
  await requester.completed();
});

test('An error of any hop is passed on', async (t) => {
  for (const redirects of [0, 1]) {
    const rig = new FetchRig(t);
    const requester = follow(rig);
    if (redirects === 1) rig.sent.respond(302, ['Location', '/e']);
    const error = new ExchangeError('HF_ORIGIN_UNREACHABLE');
    rig.sent.fail(error);
    assert.equal(await requester.failed(), error);
  }
});

test('An error within the response ends it', async (t) => {
  const { rig, requester } = redirected(t, 302, '/e');
  rig.sent.start(200);
  rig.sent.data('ans', true);
  const error = new ExchangeError('HF_ORIGIN_TRUNCATED');
  rig.sent.fail(error);
  assert.equal(await requester.failed(), error);
  assert.equal(requester.body, 'ans');
});

test('A requester that leaves ends the request at any hop', (t) => {
  for (const at of ['before any answer', 'while a body is read for nothing', 'at the next place', 'in the answer']) {
    const rig = new FetchRig(t);
    const requester = follow(rig, { method: 'PUT', bodyLength: 5 });
    rig.sent.grant(5);
    requester.send('hello', false);
    if (at !== 'before any answer') rig.sent.start(307, ['Location', '/e']);
    if (at === 'at the next place' || at === 'in the answer') rig.sent.data('', false);
    if (at === 'in the answer') rig.sent.start(200);
    const { sent } = rig;
    requester.leave(GONE);
    assert.equal(sent.left, GONE, at);
  }
});

test('A requester that leaves when the next hop grants its body ends the request there', (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'PUT', bodyLength: 5 });
  rig.client.onSend = (sent) => sent.grant(5);
  requester.onCall = () => requester.leave(GONE);
  rig.sent.start(307, ['Location', '/e']);
  assert.equal(rig.client.count, 2);
  assert.equal(rig.sent.left, GONE);
});

test('A redirect before the responder is known is followed too', async (t) => {
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => {
    if (rig.client.count <= 5) sent.respond(302, ['Location', `/${rig.client.count}`], 'x');
    else sent.respond(200, [], 'answer');
  };
  const requester = follow(rig);
  await requester.completed();
  assert.equal(requester.body, 'answer');
  assert.equal(rig.sent.line, 'GET http://a.example/5');
});

test('Such a redirect is given up when its body is too large, and read on when it is incomplete', async (t) => {
  for (const size of [MAX_DISCARDED + 1, 10]) {
    const rig = new FetchRig(t);
    rig.client.onSend = (sent) => {
      if (rig.client.count > 1) return;
      sent.start(302, ['Location', '/e'], size);
      sent.onCredit = () => sent.data(Buffer.alloc(size), false);
    };
    const requester = follow(rig, { credits: 0 });
    assert.equal(rig.client.count, 2);
    assert.equal(rig.client.sent[0]?.left === null, size === 10);
    requester.grant(10);
    rig.sent.respond(200, [], 'answer');
    await requester.completed();
  }
});

test('Such a redirect may be denied, and its connection is left then', async (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: ['b.example'], denyInternal: false });
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => sent.start(302, ['Location', '//b.example']);
  const requester = follow(rig, { options: { guard } });
  assert.equal((await requester.failed()).code, 'HF_POLICY_VIOLATION');
  assert.notEqual(rig.sent.left, null);
});
