import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Client, type StreamedResponse } from '../support/client.ts';
import { ControlSocket } from '../support/control/control-socket.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { startNats } from '../support/nats.ts';
import { startOrigin } from '../support/origin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A node of two processes that serve clients. */
async function startNode(t: TestContext, nats: string, name: string, origin: string) {
  const cwd = temporaryFolder(t, {
    'holdfast.toml': `
[server]
listen = ["127.0.0.1:0"]
workers = 2
drain_timeout = 3
[control]
listen = ["unix:control.sock"]
[cluster]
nats = ["${nats}"]
node = "${name}"
[[route]]
host = "*"
targets = ["${origin}"]
`,
  });
  const program = startHoldfast(t, ['run'], { cwd });
  const { clients } = await program.logged('started');
  const [address = ''] = clients as string[];
  const client = new Client(t, Number(address.split(':')[1]));
  return { cwd, program, client, control: new ControlSocket(t, join(cwd, 'control.sock')) };
}

test('nodes of several processes answer for each other, and drain', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const origin = await startOrigin(t, (_request, response) => {
    const headers = { 'Content-Type': 'text/event-stream', 'Grip-Hold': 'stream', 'Grip-Channel': 'x' };
    response.writeHead(200, { ...headers, 'Grip-Set-Meta': 'user=ann' }).end(': open\n\n');
  });
  const alpha = await startNode(t, nats.url, 'alpha', origin);
  const beta = await startNode(t, nats.url, 'beta', origin);
  const streams: StreamedResponse[] = [];
  for (const { client } of [alpha, beta, beta, beta]) {
    const stream = await client.stream();
    await stream.until(': open\n\n');
    streams.push(stream);
  }
  const ask = async (path: string) => (await alpha.control.send('GET', path)).json;
  while ((await ask('/nodes')).nodes.length < 2) await setTimeout(20);
  while ((await ask('/channels/x')).subscribers < 4) await setTimeout(20);
  const { connections } = await ask('/connections');
  assert.equal(new Set(connections.map(({ id }: { id: string }) => id)).size, 4);
  assert.equal((await ask('/connections?scope=node')).total, 1);

  const listed = await holdfast(t, ['nodes'], { cwd: alpha.cwd });
  const [heading = '', ...lines] = listed.stdout.trimEnd().split('\n');
  assert.match(heading, /^NODE +ID +VERSION +PROTOCOL +STATE +CONNECTIONS +CHANNELS +PUBLISHED +DELIVERED +HEARD$/);
  assert.deepEqual(
    lines.map((line) => /^(\w+)( \(asked\))? +[\w-]+ +\S+ +1 +(\w+)/.exec(line)?.slice(1, 4)),
    [
      ['alpha', ' (asked)', 'ready'],
      ['beta', undefined, 'ready'],
    ],
  );
  const json = await holdfast(t, ['nodes', '--json'], { cwd: alpha.cwd });
  assert.deepEqual(
    json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).name),
    ['alpha', 'beta'],
  );

  // A node of a cluster is restarted instead.
  const upgrade = await beta.control.send('POST', '/upgrade');
  assert.deepEqual([upgrade.status, upgrade.json.error.code], [409, 'HF_CONTROL_CONFLICT']);
  beta.program.kill('SIGUSR2');
  const refused = () => beta.program.log().filter(({ msg }) => msg === 'upgrade refused');
  while (refused().length < 2) await setTimeout(20);
  for (const { reason } of refused()) assert.match(String(reason), /drain it, and start it again/);

  const drained = holdfast(t, ['drain'], { cwd: beta.cwd });
  while (!(await ask('/nodes')).nodes.some(({ state }: { state: string }) => state === 'draining'))
    await setTimeout(20);
  for (const stream of streams.slice(1)) {
    await stream.ended();
    assert.match(stream.text, /\nretry: \d+\n\n$/);
  }
  assert.equal((await drained).code, 0);
  assert.equal((await beta.program.ended).code, 0);
  while ((await ask('/nodes')).nodes.length > 1) await setTimeout(20);
  assert.deepEqual((await alpha.control.send('POST', '/users/ann/disconnect')).json, { closed: 1 });
});
