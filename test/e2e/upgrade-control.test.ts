import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { startReloading } from '../support/reloading.ts';
import { Upgraded } from '../support/upgraded.ts';

const SKIP = existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only';

test('a process that was replaced makes no changes, which the new one would not know of', { skip: SKIP }, async (t) => {
  let asked = (_response: ServerResponse): void => {};
  const waiting = new Promise<ServerResponse>((resolve) => {
    asked = resolve;
  });
  const origin = await startOrigin(t, (_, response) => asked(response));
  const rig = await startReloading(t, `[[route]]\nid = "main"\nhost = "*"\ntargets = ["${origin}"]\n`);
  const socketPath = join(rig.folder, 'control');
  const agents = [0, 1].map(() => new Agent({ keepAlive: true }));
  t.after(() => {
    for (const agent of agents) agent.destroy();
  });
  const send = async (agent: Agent | undefined, method: string, path: string, body?: object) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const sent = request({ agent, socketPath, method, path, headers });
    sent.end(body === undefined ? '' : JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode, json: text === '' ? null : JSON.parse(text) };
  };
  for (const agent of agents) assert.equal((await send(agent, 'GET', '/status')).json.pid, rig.program.pid);
  // The old process goes on for a client that cannot move.
  const client = await connectTo(t, rig.address);
  client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const held = await waiting;
  const server = new Upgraded(t, rig.program);
  const old = server.pid;
  await server.upgrade();
  const change = { line: 'other.example test' };
  const refused = [
    await send(agents[0], 'PUT', '/routes/other?keep=true', change),
    await send(agents[1], 'POST', '/reload'),
  ];
  for (const { status, json } of refused) {
    assert.equal(status, 409);
    assert.equal(json.error.code, 'HF_CONTROL_CONFLICT');
  }
  assert.ok(!existsSync(join(rig.folder, 'state/overlay.json')));
  assert.equal((await rig.ask('PUT', '/routes/other?keep=true', change)).status, 204);
  assert.ok(existsSync(join(rig.folder, 'state/overlay.json')));
  held.end('done');
  await client.take('done');
  await server.gone(old);
  await server.stop();
});
