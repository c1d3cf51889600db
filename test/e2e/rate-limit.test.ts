import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/index.ts';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { secretToken } from '../support/tokens.ts';
import { refusedWs } from '../support/websocket/ws-peers.ts';

test('clients above the limit of a route get a 429, WebSockets too, and the metrics count them', async (t) => {
  let asked = 0;
  const origin = await startOrigin(t, (_request, response) => {
    asked++;
    response.end();
  });
  const route = `[[route]]\nhost = "*"\nid = "one"\ntargets = ["${origin}"]\n[route.limit]\nrate = 0.02\nburst = 2\n`;
  const free = `[[route]]\nhost = "*"\npath_beg = "/free"\ntargets = ["${origin}"]\n`;
  const { clients, controlUrl } = await runServer(t, [], route + free);
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await fetch(`http://${clients[0]}/`)).status);
  assert.deepEqual(statuses, [200, 200, 429]);
  assert.equal(asked, 2);
  const refused = await fetch(`http://${clients[0]}/`);
  assert.match(refused.headers.get('retry-after') ?? '', /^(?:49|50)$/);
  assert.equal(await refused.text(), 'Too many requests, try again later.\n');
  const { response } = await refusedWs(t, `ws://${clients[0]}/`);
  assert.equal(response.statusCode, 429);
  assert.equal((await fetch(`http://${clients[0]}/free`)).status, 200);
  const metrics = await (await fetch(`${controlUrl}/metrics`)).text();
  assert.match(metrics, /^holdfast_route_limited_total\{route="one"\} 3$/m);
  assert.match(metrics, /^holdfast_proxy_requests_limited_total 3$/m);
});

test('a claim can tell clients apart', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const limit = '[route.limit]\nrate = 0.02\nburst = 1\nby = "claim:sub"\n';
  const route = `[[route]]\nhost = "*"\ntargets = ["${origin}"]\n[route.jwt]\nkey = "secret"\n${limit}`;
  const { clients } = await runServer(t, [], route);
  const send = async (claims: object) => {
    const headers = { Authorization: `Bearer ${secretToken(claims, 'secret')}` };
    return (await fetch(`http://${clients[0]}/`, { headers })).status;
  };
  const statuses = [];
  for (const claims of [{ sub: 'a' }, { sub: 'b' }, { sub: 'a' }, {}, {}]) statuses.push(await send(claims));
  assert.deepEqual(statuses, [200, 200, 429, 200, 429]);
});

test('a limit by claim without [route.jwt] is an error', () => {
  const toml = '[[route]]\nhost = "*"\ntargets = ["a:1"]\n[route.limit]\nby = "claim:sub"\n';
  assert.throws(() => loadConfig(toml, 'a.toml'), /by = "claim:sub" needs \[route\.jwt\]/);
});

test('with a limit by claim, requests without a valid token count by address, and cost others there nothing', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const limit = '[route.limit]\nrate = 0.02\nburst = 2\nby = "claim:sub"\n';
  const route = `[[route]]\nhost = "*"\ntargets = ["${origin}"]\n[route.jwt]\nkey = "secret"\n${limit}`;
  const { clients } = await runServer(t, [], route);
  const send = async (headers: Record<string, string>) => (await fetch(`http://${clients[0]}/`, { headers })).status;
  const bearer = (key: string) => ({ Authorization: `Bearer ${secretToken({ sub: 'a' }, key)}` });
  const statuses = [];
  for (const headers of [{}, bearer('other'), {}, bearer('other'), bearer('secret')])
    statuses.push(await send(headers));
  assert.deepEqual(statuses, [401, 401, 429, 429, 200]);
});
