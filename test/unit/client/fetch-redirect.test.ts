import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MAX_DISCARDED } from '../../../src/client/redirect-follower.ts';
import { MAX_REPLAY } from '../../../src/client/replayed-body.ts';
import { ExchangeError, UNKNOWN_LENGTH, WINDOW } from '../../../src/exchange/index.ts';
import { Guard } from '../../../src/net/index.ts';
import type { FakeRequester } from './fake-requester.ts';
import { FetchRig, type RigRequest } from './fetch-rig.ts';

const URI = 'http://a.example/b/c?d';
const GONE = new ExchangeError('HF_CLIENT_GONE');

/** Makes a request whose redirects are followed. */
function follow(rig: FetchRig, fields: RigRequest = {}, uri = URI): FakeRequester {
  return rig.fetch(uri, { ...fields, options: { followRedirects: true, ...fields.options } });
}

/** A request that was answered with a redirect. */
function redirected(t: TestContext, status: number, location: string, fields: RigRequest = {}, uri = URI) {
  const rig = new FetchRig(t);
  const requester = follow(rig, fields, uri);
  const first = rig.sent;
  first.respond(status, ['Location', location]);
  return { rig, requester, first };
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`A ${status} is followed, and only the last answer is heard of`, async (t) => {
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
  test(`${what} is the answer`, async (t) => {
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

test('The same Location twice is one', (t) => {
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
    rig.sent.answer(302, ['Location', '/8']);
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

test('What has become a GET stays one', (t) => {
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
  test(`To ${what} ${kept ? 'credentials go along' : 'no credentials go along'}`, (t) => {
    const { rig } = redirected(t, 307, location, { headers: CREDENTIALS }, uri);
    assert.equal(rig.client.count, 2);
    assert.deepEqual(rig.sent.values('authorization'), kept ? ['Bearer x'] : []);
    assert.deepEqual(rig.sent.values('cookie'), kept ? ['a=b'] : []);
    assert.deepEqual(rig.sent.values('x-own'), ['1']);
  });
}

test('Userinfo of the URI goes along as credentials do, and that of a Location is not used', (t) => {
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

test('Credentials that were left behind do not come back', (t) => {
  const { rig } = redirected(t, 302, 'http://b.example/', { headers: CREDENTIALS });
  rig.sent.respond(302, ['Location', URI]);
  assert.equal(rig.sent.line, `GET ${URI}`);
  assert.deepEqual(rig.sent.values('authorization'), []);
  assert.deepEqual(rig.sent.values('cookie'), []);
});

test('Host is that of each place', (t) => {
  const { rig } = redirected(t, 302, 'http://b.example:81/', { headers: ['Host', 'evil.example'] });
  assert.deepEqual(rig.sent.values('host'), ['b.example:81']);
  assert.equal(rig.sent.head.authority, 'b.example:81');
});

test('connect-host is for every place, and what it is trusted with for the first one alone', (t) => {
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

test('The guard of the request goes along', (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: false });
  const { rig, first } = redirected(t, 302, 'http://b.example/', { options: { guard } });
  assert.equal(first.origin.guard, guard);
  assert.equal(rig.sent.origin.guard, guard);
});

for (const location of ['http://evil.example/', '//EVIL.example./x', 'https://evil.example:8443', 'http://0xa.1/']) {
  test(`A redirect to ${location}, which the guard denies, is a violation`, async (t) => {
    const deny = ['evil.example', '10.0.0.0/8'];
    const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny, denyInternal: false });
    const rig = new FetchRig(t);
    const requester = follow(rig, { options: { guard } });
    const hop = rig.sent;
    hop.answer(302, ['Location', location]);
    const error = await requester.failed();
    assert.equal(error.code, 'HF_POLICY_VIOLATION');
    assert.match(error.detail, /^(evil\.example|10\.0\.0\.1): rule /);
    assert.equal(rig.client.count, 1);
    assert.notEqual(hop.left, null);
    assert.equal(rig.counters.originErrors, 0);
  });
}

test('A redirect is told to the log, without what stands in the URI', (t) => {
  const { rig } = redirected(t, 302, 'https://u:p@b.example/secret?x', { id: 'r' });
  assert.deepEqual(
    rig.log.with('redirect followed').map(({ fields }) => fields),
    [{ id: 'r', origin: 'a.example:80', to: 'b.example:443' }],
  );
});

test('The body of an answer that redirects is read for nothing, whatever the requester has granted', async (t) => {
  for (const credits of [0, 10, 1_000_000]) {
    const rig = new FetchRig(t);
    const requester = follow(rig, { credits });
    const first = rig.sent;
    first.answer(302, ['Location', '/e']);
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
  test(`A larger one ${what} ends the connection instead`, async (t) => {
    const rig = new FetchRig(t);
    const requester = follow(rig, { credits: 1_000_000 });
    const first = rig.sent;
    first.answer(302, ['Location', '/e'], bodyLength);
    for (const size of pieces) first.data(Buffer.alloc(size), true);
    assert.notEqual(first.left, null);
    assert.equal(rig.client.count, 2);
    rig.sent.respond(200, [], 'answer');
    await requester.completed();
    assert.equal(requester.body, 'answer');
  });
}

test('Each place may have so much of a body', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig);
  for (let i = 0; i < 3; i++) {
    const { sent } = rig;
    sent.answer(302, ['Location', '/e']);
    sent.data(Buffer.alloc(MAX_DISCARDED), true);
    sent.data('', false);
    assert.equal(sent.left, null);
  }
  rig.sent.respond(200, [], 'answer');
  await requester.completed();
});

test('The body of an answer that redirects may break off: it is known where to go', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig);
  rig.sent.answer(302, ['Location', '/e']);
  rig.sent.data('mov', true);
  rig.sent.fail(new ExchangeError('HF_ORIGIN_TRUNCATED'));
  assert.equal(rig.sent.line, 'GET http://a.example/e');
  rig.sent.respond(200, [], 'answer');
  await requester.completed();
});

test('An error of any place is the answer', async (t) => {
  for (const redirects of [0, 1]) {
    const rig = new FetchRig(t);
    const requester = follow(rig);
    if (redirects === 1) rig.sent.respond(302, ['Location', '/e']);
    const error = new ExchangeError('HF_ORIGIN_UNREACHABLE');
    rig.sent.fail(error);
    assert.equal(await requester.failed(), error);
  }
});

test('An error within the answer ends it', async (t) => {
  const { rig, requester } = redirected(t, 302, '/e');
  rig.sent.answer(200);
  rig.sent.data('ans', true);
  const error = new ExchangeError('HF_ORIGIN_TRUNCATED');
  rig.sent.fail(error);
  assert.equal(await requester.failed(), error);
  assert.equal(requester.body, 'ans');
});

test('A requester that leaves ends the request, whatever it is at', (t) => {
  for (const at of ['before any answer', 'while a body is read for nothing', 'at the next place', 'in the answer']) {
    const rig = new FetchRig(t);
    const requester = follow(rig, { method: 'PUT', bodyLength: 5 });
    rig.sent.grant(5);
    requester.send('hello', false);
    if (at !== 'before any answer') rig.sent.answer(307, ['Location', '/e']);
    if (at === 'at the next place' || at === 'in the answer') rig.sent.data('', false);
    if (at === 'in the answer') rig.sent.answer(200);
    const { sent } = rig;
    requester.leave(GONE);
    assert.equal(sent.left, GONE, at);
  }
});

test('A requester that leaves when it is asked for its body at the next place ends the request there', (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'PUT', bodyLength: 5 });
  rig.client.onSend = (sent) => sent.grant(5);
  requester.onCall = () => requester.leave(GONE);
  rig.sent.answer(307, ['Location', '/e']);
  assert.equal(rig.client.count, 2);
  assert.equal(rig.sent.left, GONE);
});

test('A client that answers before it has said who answers is followed too', async (t) => {
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

test('Such a client is given up when its body is too large, and read on when it is not complete', async (t) => {
  for (const size of [MAX_DISCARDED + 1, 10]) {
    const rig = new FetchRig(t);
    rig.client.onSend = (sent) => {
      if (rig.client.count > 1) return;
      sent.answer(302, ['Location', '/e'], size);
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

test('Such a client may be forbidden where it redirects to, and is left then', async (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: ['b.example'], denyInternal: false });
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => sent.answer(302, ['Location', '//b.example']);
  const requester = follow(rig, { options: { guard } });
  assert.equal((await requester.failed()).code, 'HF_POLICY_VIOLATION');
  assert.notEqual(rig.sent.left, null);
});

test('A body goes through as it is granted while nothing redirects', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  assert.deepEqual(requester.grants, []);
  rig.sent.grant(4);
  requester.send('ab', true);
  requester.send('cd', true);
  assert.deepEqual(rig.sent.chunks.map(String), ['ab', 'cd']);
  rig.sent.grant(10);
  requester.send('ef', false);
  assert.equal(rig.sent.body, 'abcdef');
  assert.ok(rig.sent.complete);
  assert.deepEqual(requester.grants, [4, 10]);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

test('A body is sent again as the next place grants it, from its beginning', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  rig.sent.grant(100);
  for (const piece of ['ab', 'cde', 'f']) requester.send(piece, true);
  requester.send('', false);
  rig.sent.respond(307, ['Location', '/e']);
  assert.equal(rig.sent.head.bodyLength, UNKNOWN_LENGTH);
  rig.sent.grant(4);
  assert.deepEqual(rig.sent.chunks.map(String), ['abcd']);
  rig.sent.grant(1);
  assert.ok(!rig.sent.complete);
  rig.sent.grant(100);
  assert.equal(rig.sent.body, 'abcdef');
  assert.ok(rig.sent.complete);
  assert.deepEqual(requester.grants, [100]);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

test('A body that has not all come goes on at the next place', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: 9 });
  const first = rig.sent;
  first.grant(5);
  requester.send('abc', true);
  first.answer(307, ['Location', '/e'], 5);
  // It may wait for the rest before it ends its answer.
  assert.notEqual(first.left, null);
  requester.send('d', true);
  assert.equal(rig.sent.head.bodyLength, 9);
  rig.sent.grant(2);
  assert.equal(rig.sent.body, 'ab');
  requester.send('e', true);
  assert.equal(rig.sent.body, 'ab');
  assert.deepEqual(requester.grants, [5]);
  rig.sent.grant(5);
  assert.equal(rig.sent.body, 'abcde');
  // Only what the requester has not been granted before.
  assert.deepEqual(requester.grants, [5, 2]);
  requester.send('fg', true);
  rig.sent.grant(10);
  requester.send('hi', false);
  assert.equal(rig.sent.body, 'abcdefghi');
  assert.ok(rig.sent.complete);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

test('A place may grant before it is known who takes the body there', async (t) => {
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => sent.grant(WINDOW);
  const requester = follow(rig, { method: 'POST', bodyLength: 5 });
  requester.send('abc', true);
  rig.sent.answer(308, ['Location', '/e']);
  assert.equal(rig.sent.body, 'abc');
  requester.send('de', false);
  assert.equal(rig.sent.body, 'abcde');
  assert.deepEqual(requester.grants, [WINDOW]);
});

test('A place may answer within the last piece of the body', async (t) => {
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => {
    sent.grant(WINDOW);
    sent.onComplete = () => {
      if (rig.client.count < 3) sent.respond(307, ['Location', '/e']);
      else sent.respond(200, [], sent.body);
    };
  };
  const requester = follow(rig, { method: 'POST', bodyLength: 5 });
  requester.send('hello', false);
  await requester.completed();
  assert.equal(rig.client.count, 3);
  assert.equal(requester.body, 'hello');
});

test("The rest of a body that is not sent any more is nobody's", async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: 9 });
  rig.sent.grant(5);
  requester.send('abc', true);
  const first = rig.sent;
  first.answer(303, ['Location', '/e']);
  assert.notEqual(first.left, null);
  requester.send('de', true);
  assert.equal(rig.sent.body, '');
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
  assert.deepEqual(requester.grants, [5]);
});

/** Sends a body of `size` bytes in pieces. */
function sendBody(rig: FetchRig, requester: FakeRequester, size: number): void {
  for (let left = size; left > 0; ) {
    const piece = Math.min(left, 50_000);
    left -= piece;
    rig.sent.grant(piece);
    requester.send(Buffer.alloc(piece, left % 251), left > 0);
  }
}

for (const bodyLength of [MAX_REPLAY, UNKNOWN_LENGTH]) {
  test(`A body of a million bytes is sent again, when its length is ${bodyLength === UNKNOWN_LENGTH ? 'not ' : ''}known`, async (t) => {
    const rig = new FetchRig(t);
    const requester = follow(rig, { method: 'POST', bodyLength });
    sendBody(rig, requester, MAX_REPLAY);
    const first = rig.sent;
    first.respond(307, ['Location', '/e']);
    for (let i = 0; i < 20; i++) rig.sent.grant(50_000);
    assert.ok(Buffer.concat(rig.sent.chunks).equals(Buffer.concat(first.chunks)));
    rig.sent.respond(200, [], 'ok');
    await requester.completed();
  });
}

for (const bodyLength of [MAX_REPLAY + 1, UNKNOWN_LENGTH]) {
  test(`A larger one is not, when its length is ${bodyLength === UNKNOWN_LENGTH ? 'not ' : ''}known`, async (t) => {
    for (const [status, fails] of [
      [307, true],
      [302, false],
      [200, false],
    ] as const) {
      const rig = new FetchRig(t);
      const requester = follow(rig, { method: 'POST', bodyLength });
      sendBody(rig, requester, MAX_REPLAY + 1);
      const first = rig.sent;
      assert.ok(first.complete);
      first.answer(status, ['Location', '/e'], 2);
      if (fails) {
        const error = await requester.failed();
        assert.equal(error.code, 'HF_ORIGIN_PROTOCOL');
        assert.match(error.detail, /^a\.example: redirects a request whose body is too large to be sent again$/);
        assert.notEqual(first.left, null);
        continue;
      }
      first.data('ok', false);
      if (status === 302) rig.sent.respond(200, [], 'ok');
      await requester.completed();
    }
  });
}

test('A large body of which little has come can still be redirected', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'PUT', bodyLength: 2 * MAX_REPLAY });
  rig.sent.grant(3);
  requester.send('abc', true);
  rig.sent.answer(307, ['Location', '/e']);
  rig.sent.grant(2 * MAX_REPLAY);
  assert.equal(rig.sent.body, 'abc');
  requester.send(Buffer.alloc(2 * MAX_REPLAY - 3), false);
  assert.ok(rig.sent.complete);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

test('What grows over a million bytes at the next place goes through, and cannot be redirected once more', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  rig.sent.grant(MAX_REPLAY + 10);
  requester.send(Buffer.alloc(MAX_REPLAY, 'a'), true);
  rig.sent.answer(307, ['Location', '/e']);
  requester.send('b', true);
  rig.sent.grant(MAX_REPLAY);
  requester.send('c', true);
  rig.sent.grant(100);
  requester.send('d', false);
  assert.equal(
    Buffer.concat(rig.sent.chunks)
      .subarray(MAX_REPLAY - 1)
      .toString(),
    'abcd',
  );
  assert.ok(rig.sent.complete);
  rig.sent.answer(307, ['Location', '/f']);
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_PROTOCOL');
});

test('An answer that comes before the body has all come lets the rest of it through', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: 6 });
  rig.sent.grant(6);
  requester.send('abc', true);
  rig.sent.answer(200);
  requester.send('def', false);
  assert.equal(rig.sent.body, 'abcdef');
  rig.sent.data('ok', false);
  await requester.completed();
});

test('An answer that comes before the body was sent again lets the rest of it through', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: 6 });
  rig.sent.grant(6);
  requester.send('abcdef', false);
  rig.sent.respond(307, ['Location', '/e']);
  rig.sent.grant(2);
  rig.sent.answer(200);
  rig.sent.grant(2);
  rig.sent.grant(2);
  assert.equal(rig.sent.body, 'abcdef');
  rig.sent.data('ok', false);
  await requester.completed();
});

test('A declared body is one at every place', async (t) => {
  const rig = new FetchRig(t);
  const fields = { method: 'POST', bodyLength: UNKNOWN_LENGTH, headers: ['Content-Length', '5'] };
  const requester = follow(rig, fields);
  rig.sent.grant(10);
  requester.send('hello', false);
  rig.sent.respond(307, ['Location', '/e']);
  assert.equal(rig.sent.head.bodyLength, 5);
  rig.sent.grant(10);
  assert.equal(rig.sent.body, 'hello');
});
