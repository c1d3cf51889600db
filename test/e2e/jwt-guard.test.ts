import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { Client } from '../support/client.ts';
import { holdfast, runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { inSeconds, secretToken, TokenSigner } from '../support/tokens.ts';
import { openWs, refusedWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

/** Runs a server with one route to this target, and these tables of it. */
async function guarded(t: TestContext, target: string, tables: string) {
  const toml = `[[route]]\nhost = "*"\ntargets = ["${target}"]\n${tables}`;
  const { clients, controlUrl } = await runServer(t, [], toml);
  return { url: `http://${clients[0]}`, webSocketUrl: `ws://${clients[0]}`, controlUrl };
}

/** An origin that says what it got. */
function echo(t: TestContext): Promise<string> {
  return startOrigin(t, ({ url, headers }, response) => {
    const { authorization = null, cookie = null } = headers;
    response.end(
      JSON.stringify({ url, authorization, cookie, user: headers['x-user'] ?? null, other: headers.x_user ?? null }),
    );
  });
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

async function outcome(url: string, init: RequestInit): Promise<[number, string | null]> {
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return [response.status, response.headers.get('www-authenticate')];
}

test('only requests with a valid token pass', async (t) => {
  const { url } = await guarded(
    t,
    await echo(t),
    '[route.jwt]\nkey = "secret"\nissuer = "app"\naudience = "us"\nleeway = 5\n',
  );
  const good = { iss: 'app', aud: ['them', 'us'] };
  const invalid = 'Bearer error="invalid_token"';
  const expired = `${invalid}, error_description="The token has expired"`;
  for (const [token, expected] of [
    [secretToken(good, 'secret'), [200, null]],
    [secretToken({ ...good, exp: inSeconds(-3) }, 'secret'), [200, null]],
    [secretToken({ ...good, exp: inSeconds(-30) }, 'secret'), [401, expired]],
    [secretToken({ ...good, exp: undefined }, 'secret'), [401, invalid]],
    [secretToken({ ...good, nbf: inSeconds(30) }, 'secret'), [401, invalid]],
    [secretToken({ ...good, iss: 'other' }, 'secret'), [401, invalid]],
    [secretToken({ ...good, aud: 'them' }, 'secret'), [401, invalid]],
    [secretToken(good, 'other'), [401, invalid]],
    ['nonsense', [401, invalid]],
  ] as const) {
    assert.deepEqual(await outcome(url, bearer(token)), expected);
  }
  assert.deepEqual(await outcome(url, {}), [401, 'Bearer']);
  assert.deepEqual(await outcome(url, { headers: { Authorization: 'Basic eA==' } }), [401, 'Bearer']);
  const upload = { ...bearer(secretToken(good, 'secret')), method: 'POST', body: Buffer.alloc(1_000_000) };
  assert.deepEqual(await outcome(url, upload), [200, null]);
});

test('a public key accepts its own algorithm alone', async (t) => {
  for (const algorithm of ['RS256', 'ES256'] as const) {
    const signer = new TokenSigner(algorithm);
    const file = `${temporaryFolder(t, { 'key.pem': signer.pem })}/key.pem`;
    const { url } = await guarded(t, await echo(t), `[route.jwt]\nkey = "file:${file}"\n`);
    assert.equal((await outcome(url, bearer(signer.token({}))))[0], 200);
    assert.equal((await outcome(url, bearer(new TokenSigner(algorithm).token({}))))[0], 401);
    // The public key as a secret.
    assert.equal((await outcome(url, bearer(secretToken({}, signer.pem))))[0], 401);
  }
});

test('a private key verifies nothing: it is refused, for publishers too', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const type of ['pkcs8', 'sec1'] as const) {
    const cwd = temporaryFolder(t, {
      'key.pem': privateKey.export({ type, format: 'pem' }) as string,
      'holdfast.toml':
        '[control]\nbearer_key = "file:key.pem"\n[[route]]\nhost = "*"\ntargets = ["localhost:1"]\n[route.jwt]\nkey = "file:key.pem"\n',
    });
    const { code, stderr } = await holdfast(t, ['check'], { cwd });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^holdfast\.toml:2: control\.bearer_key: the file has the private key, .*"openssl pkey -in FILE/m,
    );
    assert.match(stderr, /^holdfast\.toml:7: route\[0\]\.jwt\.key: the file has the private key, /m);
  }
});

test('a token may be in a cookie or in the query, and is removed on the way to the origin', async (t) => {
  const tables =
    '[route.jwt]\nkey = "secret"\ncookie = "session"\nquery = "token"\nremove_token = true\nheaders = { "X-User" = "sub" }\n';
  const { url } = await guarded(t, await echo(t), tables);
  const token = secretToken({ sub: 'Ann Ü' }, 'secret');
  const user = Buffer.from('Ann Ü').toString('latin1');
  const plain = { authorization: null, cookie: null, user, other: null };
  const got = async (path: string, headers: Record<string, string>) => (await fetch(url + path, { headers })).json();
  assert.deepEqual(await got('/a?x=1', bearer(token).headers), { ...plain, url: '/a?x=1' });
  assert.deepEqual(await got(`/a?token=${token}`, {}), { ...plain, url: '/a' });
  assert.deepEqual(await got(`/a?x=1&token=${token}&y=2`, {}), { ...plain, url: '/a?x=1&y=2' });
  const cookies = { Cookie: `a=1; session=${token}; b=2` };
  assert.deepEqual(await got('/', cookies), { ...plain, url: '/', cookie: 'a=1; b=2' });
  assert.deepEqual(await got('/', { Cookie: `session=${token}` }), { ...plain, url: '/' });
  // Connection cannot remove what the proxy adds.
  const forged = { 'X-User': 'root', X_User: 'root', Connection: 'close, x-user' };
  const client = new Client(t, Number(new URL(url).port));
  const { body } = await client.send({ path: '/', headers: { ...bearer(token).headers, ...forged } });
  assert.deepEqual(JSON.parse(body.toString()), { ...plain, url: '/' });
});

test('keys come from a URL: new ones are fetched when a token names them, old ones stay while it fails', async (t) => {
  const [first, second, third] = ['1', '2', '3'].map((kid) => new TokenSigner('ES256', kid)) as [
    TokenSigner,
    TokenSigner,
    TokenSigner,
  ];
  let keys: object[] | null = null;
  let fetched = 0;
  const set = await startOrigin(t, (_request, response) => {
    fetched++;
    if (keys === null) response.writeHead(500);
    response.end(JSON.stringify({ keys }));
  });
  const tables = `[route.jwt]\njwks = "http://${set}/keys"\n`;
  const without = await guarded(t, await echo(t), tables);
  assert.deepEqual(await outcome(without.url, bearer(first.token({}))), [503, null]);
  keys = [first.jwk, second.jwk];
  const { url } = await guarded(t, await echo(t), tables);
  fetched = 0;
  assert.equal((await outcome(url, bearer(first.token({}))))[0], 200);
  assert.equal((await outcome(url, bearer(second.token({}))))[0], 200);
  keys = null;
  assert.equal((await outcome(url, bearer(third.token({}))))[0], 401);
  assert.equal((await outcome(url, bearer(first.token({}))))[0], 200);
  assert.equal((await outcome(url, bearer(secretToken({}, JSON.stringify(first.jwk)))))[0], 401);
  assert.equal(fetched, 1);
});

test('clients are held only on the channels that their token permits', async (t) => {
  const origin = await startOrigin(t, ({ url }, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': (url ?? '').slice(1) }).end('open\n');
  });
  const { url } = await guarded(t, origin, '[route.jwt]\nkey = "secret"\nchannels = "channels"\n');
  const token = secretToken({ channels: ['a', 'b-*'] }, 'secret');
  const leave = new AbortController();
  for (const [channel, status] of [
    ['a', 200],
    ['b-1', 200],
    ['b-', 200],
    ['ab', 403],
    ['b', 403],
    ['a,c', 403],
  ] as const) {
    const response = await fetch(`${url}/${channel}`, { ...bearer(token), signal: leave.signal });
    assert.equal(response.status, status, channel);
    if (status === 403) assert.equal(response.headers.get('www-authenticate'), 'Bearer error="insufficient_scope"');
  }
  assert.equal((await fetch(`${url}/a`, bearer(secretToken({}, 'secret')))).status, 403);
  leave.abort();
});

test('holds end when their token expires', async (t) => {
  const origin = await startOrigin(t, ({ url }, response) => {
    response
      .writeHead(200, { 'Content-Type': 'text/plain', 'Grip-Hold': (url ?? '').slice(1), 'Grip-Channel': 'a' })
      .end('open\n');
  });
  const { url } = await guarded(t, origin, '[route.jwt]\nkey = "secret"\n[route.compress]\n');
  const token = () => secretToken({ exp: inSeconds(2) }, 'secret');
  const stream = await fetch(`${url}/stream`, bearer(token()));
  assert.equal(stream.headers.get('content-encoding'), 'gzip');
  assert.equal(await stream.text(), 'open\n');
  const held = await fetch(`${url}/response`, bearer(token()));
  assert.equal(held.status, 401);
  assert.match(held.headers.get('www-authenticate') ?? '', /invalid_token/);
});

test('WebSockets need a token too, subscribe to what it permits, and end with it', async (t) => {
  const origin = await startWsOrigin(t, {}, ['Sec-WebSocket-Extensions: grip; message-prefix=""']);
  const { webSocketUrl } = await guarded(
    t,
    origin.address,
    '[route.jwt]\nkey = "secret"\nquery = "t"\nchannels = "ch"\n',
  );
  assert.equal((await refusedWs(t, webSocketUrl)).response.statusCode, 401);
  const permitted = await openWs(t, `${webSocketUrl}/?t=${secretToken({ ch: ['a'] }, 'secret')}`);
  const { peer } = await origin.accept();
  permitted.send('hello');
  assert.equal(await peer.next(), 'text hello');
  peer.send('c:{"type":"subscribe","channel":"b"}');
  assert.equal(await permitted.next(), 'close 1008 the token does not permit the channel');
  assert.match(await peer.next(), /^close 1000/);
  const short = await openWs(t, `${webSocketUrl}/?t=${secretToken({ exp: inSeconds(2) }, 'secret')}`);
  const other = (await origin.accept()).peer;
  assert.equal(await short.next(), 'close 1008 the token has expired');
  assert.match(await other.next(), /^close/);
});
