import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { postItems, publishTarget } from '../../../src/cli/publish-request.ts';
import { TokenVerifier } from '../../../src/codec/grip/index.ts';

const URLS = [
  ['http://localhost:5561', 'http://localhost:5561/publish/'],
  ['http://localhost:5561/', 'http://localhost:5561/publish/'],
  ['https://api.example/realm/r/', 'https://api.example/realm/r/publish/'],
  ['https://api.example/fastly?iss=me&key=base64:AAAA', 'https://api.example/fastly/publish/'],
  ['http://localhost:5561/publish/', 'http://localhost:5561/publish/'],
  ['http://localhost:5561/realm/publish', 'http://localhost:5561/realm/publish/'],
  ['http://localhost:5561/publisher', 'http://localhost:5561/publisher/publish/'],
  ['http://[::1]:80/#x', 'http://[::1]/publish/'],
] as const;

for (const [spec, expected] of URLS) {
  test(`items for ${spec} are posted to ${expected}`, () => {
    assert.equal(publishTarget(spec, null).url.href, expected);
  });
}

const WRONG = [
  ['inproc://pushpin', null, /expected http:\/\/…, https:\/\/… or tcp:\/\/…/],
  ['localhost:5561', null, /expected http:\/\/…, https:\/\/… or tcp:\/\/…/],
  ['127.0.0.1', null, /expected http:\/\/…, https:\/\/… or tcp:\/\/…/],
  ['http://me:secret@example.com', null, /only sent over https/],
  ['http://example.com', 'Bearer x', /only sent over https/],
  ['http://127.evil.example', 'Bearer x', /only sent over https/],
  ['http://10.0.0.1/?key=secret', null, /only sent over https/],
  ['http://localhost/?iss=me&key=base64:secret!', null, /the key .* cannot be used: invalid base64/],
  ['http://localhost/?iss=me&key=file:none', null, /the key .* cannot be used: cannot read key file "none"/],
] as const;

for (const [spec, authorization, message] of WRONG) {
  test(`${spec} is refused${authorization === null ? '' : ' for credentials'}, and not repeated`, () => {
    assert.throws(
      () => publishTarget(spec, authorization),
      (error: Error & { exitCode: number }) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        assert.equal(error.exitCode, 2);
        return true;
      },
    );
  });
}

for (const spec of ['http://localhost', 'http://127.0.0.9:1', 'http://[::1]:1', 'https://example.com']) {
  test(`credentials are sent to ${spec}`, () => {
    assert.equal(publishTarget(spec, 'Bearer x').authorization, 'Bearer x');
  });
}

test('a GRIP_URL with a key alone gives the key as a token, unless credentials are given', () => {
  const spec = 'https://api.example/service?key=a%2Bb+c';
  assert.equal(publishTarget(spec, null).authorization, 'Bearer a+b+c');
  assert.equal(publishTarget(spec, 'Basic x').authorization, 'Basic x');
});

test('a GRIP_URL with a user gives Basic authentication, and is not part of what is shown', () => {
  const { url, authorization } = publishTarget('https://me:a%3Ab@api.example/realm', null);
  assert.equal(url.href, 'https://api.example/realm/publish/');
  assert.equal(authorization, `Basic ${Buffer.from('me:a:b').toString('base64')}`);
});

test('a GRIP_URL with iss and key gives a signed token', async () => {
  const { authorization, url } = publishTarget('https://api.example/realm/me?iss=me&key=base64:c2VjcmV0', null);
  assert.equal(url.href, 'https://api.example/realm/me/publish/');
  const token = (authorization ?? '').replace(/^Bearer /, '');
  const verifier = new TokenVerifier(Buffer.from('secret'));
  assert.deepEqual([await verifier.verifies(token, 'me'), await verifier.verifies(token, 'you')], [true, false]);
});

/** Ports that browsers, and so the built-in fetch, refuse to connect to (WHATWG Fetch, "bad port"). */
const BLOCKED = [6000, 6566, 6665, 6666, 6667, 6668, 6669, 10_080];

test('items are posted to ports that browsers block', async (t) => {
  const server = createServer((_request, response) => response.end('Published'));
  t.after(() => server.close());
  for (const port of BLOCKED) {
    server.listen(port, '127.0.0.1');
    const bound = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!bound) continue;
    await postItems(publishTarget(`http://127.0.0.1:${port}`, null), [], false);
    return;
  }
  assert.fail('all of these ports are in use');
});
