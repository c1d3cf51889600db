import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Mongrel2Handler } from '../../src/mongrel2-handler/index.ts';
import { Handler } from '../support/edge/handler.ts';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { turn } from '../support/manual-clock.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** One request to each role of one program. Returns the lines of the access log. */
async function linesOfRoles(t: TestContext, format: string): Promise<{ lines: string[]; origin: string }> {
  const origin = await startOrigin(t, (_request, response) => response.end('hello'));
  const folder = temporaryFolder(t);
  const file = join(folder, 'access.log');
  const [proxy = 0, edge = 0, site = 0, control = 0] = await freePorts(4);
  const toml = `[server]
listen = ["127.0.0.1:${proxy}"]
[control]
listen = ["127.0.0.1:${control}"]
[edge]
listen = ["127.0.0.1:${edge}"]
zclient_stream = ["ipc://${folder}/client"]
[[edge.mongrel2]]
listen = "127.0.0.1:${site}"
default_host = "a"
[edge.mongrel2.handler.chat]
send_spec = "ipc://${folder}/send"
send_ident = "server"
recv_spec = "ipc://${folder}/recv"
[[edge.mongrel2.host]]
name = "a"
route = [{ path = "/", handler = "chat" }]
[fetch]
stream = ["ipc://${folder}/fetch"]
allow_internal = true
[access_log]
to = "${file}"
format = "${format}"
`;
  const program = startHoldfast(t, ['run', '--route', `*,id=main ${origin}`], {
    cwd: temporaryFolder(t, { 'holdfast.toml': toml }),
  });
  await program.logged('started');
  const chat = new Mongrel2Handler({ sendSpec: `ipc://${folder}/send`, recvSpec: `ipc://${folder}/recv` });
  t.after(() => chat.stop());
  void chat.each((event) => {
    if (event.kind === 'request') chat.respond({ uuid: event.uuid, ids: [event.id] }, { body: 'hello' });
  });
  const handler = await Handler.start(t, `ipc://${folder}/client`, { id: 'handler-1', edge: 'holdfast' });
  for (const port of [proxy, edge, site]) {
    const client = await connectTo(t, `127.0.0.1:${port}`);
    client.write('POST /x?a=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nContent-Length: 2\r\n\r\nhi');
    if (port === edge) await (await handler.request()).respond('hello');
    await client.takeResponse();
  }
  await (await fetch(`http://127.0.0.1:${control}/healthz?a=1`)).text();
  const args = ['fetch', '--stream', `ipc://${folder}/fetch`, '-H', 'X-Request-Id: mine', `http://${origin}/x?a=1`];
  assert.equal((await holdfast(t, args)).code, 0);
  let lines: string[] = [];
  while (lines.length < 5) {
    if (existsSync(file)) lines = readFileSync(file, 'latin1').split('\n').slice(0, -1);
    await turn();
  }
  assert.equal((await program.stop()).code, 0);
  return { lines, origin };
}

/** What every role tells of a request that has a response. */
const COMMON = ['time', 'role', 'client', 'method', 'target', 'version', 'status', 'outcome', 'requestBytes'];
const TIMES = ['responseBytes', 'durationMs', 'firstByteMs', 'id'];

test('in JSON each role tells of its requests what it knows', async (t) => {
  const { lines, origin } = await linesOfRoles(t, 'json');
  const byRole = new Map(lines.map((text) => JSON.parse(text)).map((line) => [line.role, line]));
  assert.deepEqual([...byRole.keys()].sort(), ['control', 'edge', 'fetch', 'mongrel2', 'proxy']);
  for (const line of byRole.values()) {
    for (const name of [...COMMON, ...TIMES]) assert.ok(name in line, `${line.role} has ${name}`);
    assert.deepEqual([line.status, line.outcome], [200, 'completed'], line.role);
  }
  const told = ({
    client,
    method,
    target,
    host,
    requestBytes,
    responseBytes,
    route,
    origin: by,
    requestId,
  }: never) => ({
    ...{ client, method, target, host, requestBytes, responseBytes, route, by, requestId },
  });
  const asked = { client: '127.0.0.1', method: 'POST', target: '/x?a=1', host: 'a', responseBytes: 5 };
  for (const [role, route, by] of [
    ['proxy', 'main', origin],
    ['edge', undefined, 'handler-1'],
    ['mongrel2', '/', 'chat'],
  ] as const) {
    const line = byRole.get(role);
    // The handler of the edge responds without asking for the body.
    const requestBytes = role === 'edge' ? 0 : 2;
    assert.deepEqual(told(line as never), { ...asked, requestBytes, route, by, requestId: 'mine' });
    assert.ok(line.originMs >= 0 && line.originMs <= line.durationMs, role);
  }
  const fetched = byRole.get('fetch');
  assert.equal(fetched.target, `http://${origin}/x?a=1`);
  assert.deepEqual([fetched.method, fetched.responseBytes, fetched.requestId], ['GET', 5, 'mine']);
  assert.ok(fetched.originMs >= 0);
  const { client, method, target } = byRole.get('control');
  assert.deepEqual([client, method, target], ['127.0.0.1', 'GET', '/healthz?a=1']);
});

test('logfmt says the same', async (t) => {
  const { lines } = await linesOfRoles(t, 'logfmt');
  const roles = lines.map((line) => {
    const pairs = new Map([...line.matchAll(/(\w+)=("[^"]*"|\S*)/g)].map(([, name = '', value = '']) => [name, value]));
    for (const name of [...COMMON, ...TIMES]) assert.ok(pairs.has(name), `${name}: ${line}`);
    const role = pairs.get('role') ?? '';
    assert.equal(pairs.has('originMs'), role !== 'control', line);
    if (role !== 'control') assert.equal(pairs.get('requestId'), 'mine', line);
    return role;
  });
  assert.deepEqual(roles.sort(), ['control', 'edge', 'fetch', 'mongrel2', 'proxy']);
});

test('the combined format has client, request, status and bytes of each role', async (t) => {
  const { lines, origin } = await linesOfRoles(t, 'combined');
  const requests = lines.map((line) => /^\S+ - - \[[^\]]+\] "([^"]*)" 200 \d+ "/.exec(line)?.[1] ?? line).sort();
  const posted = 'POST /x?a=1 HTTP/1.1';
  const others = ['GET /healthz?a=1 HTTP/1.1', `GET http://${origin}/x?a=1 HTTP/1.1`];
  assert.deepEqual(requests, [...others, posted, posted, posted].sort());
});
