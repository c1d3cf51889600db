import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { runServer } from '../support/holdfast.ts';
import { inSeconds, secretToken } from '../support/tokens.ts';
import { refusedWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

const PAGE = 'https://page.example';

/** Runs a server with one route that serves SockJS at `/s`, and these tables of it. */
async function start(t: TestContext, target: string, tables: string) {
  const toml = `[[route]]\nhost = "*"\nid = "one"\nsockjs = "/s"\nsockjs_as_path = "/ws"\ntargets = ["${target}"]\n${tables}`;
  const { program, clients, controlUrl } = await runServer(t, ['--log-level', 'debug'], toml);
  const ask = async (request: string, body?: string, headers = {}): Promise<[number, string]> => {
    const [method = '', path = ''] = request.split(' ');
    const init = { method, headers: { Origin: PAGE, ...headers }, ...(body === undefined ? {} : { body }) };
    const response = await fetch(`http://${clients[0]}/s${path}`, init);
    // Pages of other origins have to see a refusal too.
    assert.equal(response.headers.get('access-control-allow-origin'), PAGE);
    if (response.status === 429) assert.ok(response.headers.has('retry-after'));
    return [response.status, await response.text()];
  };
  return { ask, url: `ws://${clients[0]}/s`, address: clients[0] ?? '', controlUrl, program };
}

test('every request of a SockJS client needs a valid token, and the session has the permit it was opened with', async (t) => {
  const origin = await startWsOrigin(t);
  const tables = '[route.jwt]\nkey = "secret"\nquery = "t"\nremove_token = true\nheaders = { "X-User" = "sub" }\n';
  const { ask, url } = await start(t, origin.address, tables);
  const token = secretToken({ sub: 'ann' }, 'secret');
  const forged = secretToken({ sub: 'ann' }, 'other');
  assert.deepEqual(await ask(`POST /1/a/xhr?t=${token}`), [200, 'o\n']);
  const { peer, request } = await origin.accept();
  assert.deepEqual([request.url, request.headers['x-user']], ['/ws', 'ann']);
  for (const query of ['', `?t=${forged}`, `?t=${secretToken({ exp: inSeconds(-60) }, 'secret')}`]) {
    for (const path of ['/info', '/iframe.html', '/1/a/jsonp', '/1/a/eventsource', '/1/2/other', '']) {
      assert.equal((await ask(`GET ${path}${query}`))[0], 401, path);
    }
    for (const path of ['/1/a/xhr', '/1/a/xhr_streaming', '/1/b/xhr']) {
      assert.equal((await ask(`POST ${path}${query}`))[0], 401, path);
    }
    for (const path of ['/1/a/xhr_send', '/1/a/jsonp_send']) {
      assert.equal((await ask(`POST ${path}${query}`, '["forged"]'))[0], 401, path);
    }
    assert.equal((await ask(`OPTIONS /1/a/xhr_send${query}`))[0], 401);
    for (const path of ['/websocket', '/1/c/websocket', '/1/c/other']) {
      assert.equal((await refusedWs(t, url + path + query)).response.statusCode, 401, path);
    }
  }
  for (const path of ['/info', '/iframe.html']) assert.equal((await ask(`GET ${path}?t=${token}`))[0], 200, path);
  const other = secretToken({ sub: 'ann', exp: inSeconds(30) }, 'secret');
  assert.deepEqual(await ask(`POST /1/a/xhr_send?t=${other}`, '["hello"]'), [200, 'ok']);
  assert.equal(await peer.next(), 'text hello');
  assert.deepEqual(await ask(`POST /1/a/jsonp_send?t=${token}`, 'd=["form"]'), [200, 'ok']);
  assert.equal(await peer.next(), 'text form');
  peer.send('news');
  assert.deepEqual(await ask(`POST /1/a/xhr?t=${other}`), [200, 'a["news"]\n']);
  assert.equal((await refusedWs(t, `${url}/1/c/other?t=${token}`)).response.statusCode, 404);
});

test('the log names the URI that a SockJS client has asked for, without its token', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask, url, address, program } = await start(t, origin.address, '[route.jwt]\nkey = "secret"\nquery = "t"\n');
  const bad = secretToken({}, 'other');
  await ask(`POST /1/a/xhr?t=${bad}`);
  const refusedHttp = await program.logged('request refused');
  assert.deepEqual([refusedHttp.method, refusedHttp.uri], ['POST', `http://${address}/s/1/a/xhr?t=…`]);
  await refusedWs(t, `${url}/1/b/websocket?t=${bad}`);
  await program.logged('request refused', ({ uri }) => uri === `ws://${address}/s/1/b/websocket?t=…`);
  await ask(`POST /1/a/xhr?t=${secretToken({}, 'secret')}`);
  assert.equal((await program.logged('request')).uri, `http://${address}/s/1/a/xhr?t=…`);
});

test('a token of another subject does not reach a SockJS session whose id is known', async (t) => {
  const origin = await startWsOrigin(t);
  const tables = '[route.jwt]\nkey = "secret"\nquery = "t"\nchannels = "may"\nheaders = { "X-User" = "user" }\n';
  const { ask } = await start(t, origin.address, tables);
  const token = (claims: object) => secretToken(claims, 'secret');
  const ann = token({ sub: 'ann', iss: 'one' });
  assert.deepEqual(await ask(`POST /1/a/xhr?t=${ann}`), [200, 'o\n']);
  const { peer: first } = await origin.accept();
  first.send('for ann');
  for (const claims of [{ sub: 'bob', iss: 'one' }, { sub: 'ann', iss: 'two' }, { user: 'ann' }, {}]) {
    const other = token(claims);
    for (const path of ['xhr_send', 'jsonp_send']) {
      assert.deepEqual(await ask(`POST /1/a/${path}?t=${other}`, '["forged"]'), [404, 'Not Found\n'], path);
    }
    // For them the id is free.
    assert.deepEqual(await ask(`POST /1/a/xhr?t=${other}`), [200, 'o\n']);
    const { peer } = await origin.accept();
    assert.deepEqual(await ask(`POST /1/a/xhr_send?t=${other}`, '["own"]'), [200, 'ok']);
    assert.equal(await peer.next(), 'text own');
  }
  // Without a subject a token is of whom it tells the origin of, and with what it permits.
  for (const claims of [{ user: 'eve' }, { user: 'ann', may: ['a'] }]) {
    assert.equal((await ask(`POST /1/a/xhr_send?t=${token(claims)}`, '[]'))[0], 404);
  }
  assert.equal((await ask(`POST /1/a/xhr_send?t=${token({ user: 'ann', exp: inSeconds(40) })}`, '[]'))[0], 200);
  const renewed = token({ sub: 'ann', iss: 'one', user: 'ann', may: ['a'] });
  assert.deepEqual(await ask(`POST /1/a/xhr_send?t=${renewed}`, '["mine"]'), [200, 'ok']);
  assert.equal(await first.next(), 'text mine');
  assert.deepEqual(await ask(`POST /1/a/xhr?t=${renewed}`), [200, 'a["for ann"]\n']);
});

test('a SockJS session ends when the token that it was opened with expires', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask } = await start(t, origin.address, '[route.jwt]\nkey = "secret"\nquery = "t"\n');
  assert.deepEqual(await ask(`POST /1/a/xhr?t=${secretToken({ exp: inSeconds(2) }, 'secret')}`), [200, 'o\n']);
  const { peer } = await origin.accept();
  const later = secretToken({ exp: inSeconds(60) }, 'secret');
  assert.deepEqual(await ask(`POST /1/a/xhr?t=${later}`), [200, 'c[1008,"the token has expired"]\n']);
  assert.match(await peer.next(), /^close/);
});

test('preflights of SockJS clients pass without a token where that is allowed', async (t) => {
  const { ask } = await start(t, '127.0.0.1:1', '[route.jwt]\nkey = "secret"\nallow_preflight = true\n');
  const preflight = { 'Access-Control-Request-Method': 'POST' };
  assert.equal((await ask('OPTIONS /1/a/xhr_send', undefined, preflight))[0], 204);
  assert.equal((await ask('OPTIONS /1/a/xhr_send'))[0], 401);
  assert.equal((await ask('POST /1/a/xhr', undefined, preflight))[0], 401);
});

test('every request of a SockJS client counts for the limit, and the one that opens a session counts once', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask, url, controlUrl } = await start(t, origin.address, '[route.limit]\nrate = 0.02\nburst = 5\n');
  assert.equal((await ask('GET /info'))[0], 200);
  assert.deepEqual(await ask('POST /1/a/xhr'), [200, 'o\n']);
  const { peer } = await origin.accept();
  assert.deepEqual(await ask('POST /1/a/xhr_send', '["one"]'), [200, 'ok']);
  assert.equal(await peer.next(), 'text one');
  peer.send('two');
  assert.deepEqual(await ask('POST /1/a/xhr'), [200, 'a["two"]\n']);
  assert.equal((await refusedWs(t, `${url}/stray`)).response.statusCode, 404);
  for (const request of ['GET /info', 'POST /1/a/xhr', 'POST /1/b/xhr', 'POST /1/a/xhr_send', 'OPTIONS /1/a/xhr']) {
    assert.equal((await ask(request))[0], 429, request);
  }
  for (const path of ['/websocket', '/1/c/websocket', '/stray']) {
    assert.equal((await refusedWs(t, url + path)).response.statusCode, 429, path);
  }
  const metrics = await (await fetch(`${controlUrl}/metrics`)).text();
  assert.match(metrics, /^holdfast_route_limited_total\{route="one"\} 8$/m);
});

test('with a limit by claim, requests of one user count together, whatever token they have', async (t) => {
  const origin = await startWsOrigin(t);
  const limit = '[route.limit]\nrate = 0.02\nburst = 2\nby = "claim:sub"\n';
  const { ask } = await start(t, origin.address, `[route.jwt]\nkey = "secret"\nquery = "t"\n${limit}`);
  const token = (sub: string, exp: number) => secretToken({ sub, exp: inSeconds(exp) }, 'secret');
  assert.equal((await ask(`POST /1/a/xhr?t=${token('ann', 60)}`))[0], 200);
  assert.equal((await ask(`POST /1/a/xhr_send?t=${token('ann', 70)}`, '[]'))[0], 200);
  assert.equal((await ask(`POST /1/a/xhr_send?t=${token('ann', 80)}`, '[]'))[0], 429);
  // Another user has a session of his own.
  assert.equal((await ask(`POST /1/a/xhr?t=${token('bob', 60)}`))[0], 200);
  assert.equal((await ask(`POST /1/a/xhr_send?t=${token('bob', 70)}`, '[]'))[0], 200);
});
