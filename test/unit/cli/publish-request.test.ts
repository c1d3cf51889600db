import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { postItems, publishUrl } from '../../../src/cli/publish-request.ts';

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
    assert.equal(publishUrl(spec, null).href, expected);
  });
}

const WRONG = [
  ['inproc://pushpin', null, /expected http:\/\/…, https:\/\/… or tcp:\/\/…/],
  ['localhost:5561', null, /expected http:\/\/…, https:\/\/… or tcp:\/\/…/],
  ['127.0.0.1', null, /expected http:\/\/…, https:\/\/… or tcp:\/\/…/],
  ['http://me:secret@localhost', null, /credentials in the URL are not accepted/],
  ['http://localhost', 'Bearer x', /only sent over https/],
] as const;

for (const [spec, authorization, message] of WRONG) {
  test(`${spec} is refused${authorization === null ? '' : ' for credentials'}, and not repeated`, () => {
    assert.throws(
      () => publishUrl(spec, authorization),
      (error: Error & { exitCode: number }) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        assert.equal(error.exitCode, 2);
        return true;
      },
    );
  });
}

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
    await postItems(publishUrl(`http://127.0.0.1:${port}`, null), [], null);
    return;
  }
  assert.fail('all of these ports are in use');
});
