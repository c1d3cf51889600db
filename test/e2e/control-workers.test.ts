import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ControlSocket } from '../support/control/control-socket.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CONFIG = `
[server]
listen = ["127.0.0.1:0"]
workers = 2
[control]
listen = ["unix:control.sock"]
[log]
level = "debug"
[[route]]
host = "*"
targets = ["test"]
`;

test('channels, items and connections of all workers are reached over the control socket', async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': CONFIG });
  const program = startHoldfast(t, ['run'], { cwd });
  const { clients } = await program.logged('started');
  const control = new ControlSocket(t, join(cwd, 'control.sock'));
  const held = [];
  for (const channel of ['a', 'a', 'a', 'a', 'b']) {
    const client = await connectTo(t, (clients as string[])[0] ?? '');
    client.write(`GET /stream?channel=${channel} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.take('\r\n\r\n');
    held.push(client);
  }
  const { json: page } = await control.send('GET', '/channels');
  assert.deepEqual(
    page.channels.map(({ name, subscribers }: { name: string; subscribers: number }) => [name, subscribers]),
    [
      ['a', 4],
      ['b', 1],
    ],
  );
  assert.equal((await control.send('GET', '/channels/a')).json.subscribers, 4);
  assert.equal((await control.send('GET', '/channels/c')).status, 404);
  const tap = await control.open('GET', '/channels/a/messages');
  const items = Array.from({ length: 20 }, (_, i) => ({
    channel: 'a',
    id: String(i),
    formats: { 'http-stream': { content: i < 19 ? `${i}\n` : 'the last one\n' } },
  }));
  const published = await control.open('POST', '/publish', { items });
  await published.ended();
  assert.equal(published.status, 200);
  await tap.until('"bytes":13,"receivers":4}\n\n');
  const seen = [...tap.text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));
  assert.deepEqual(
    seen.map(({ id, receivers }) => [id, receivers]),
    items.map(({ id }) => [id, 4]),
  );
  const hold = program.log().find(({ msg }) => msg === 'hold')?.id as string;
  assert.match(hold, /^\d\.\d+-\d+$/);
  assert.equal((await control.send('DELETE', '/connections/9.1-1')).status, 404);
  assert.equal((await control.send('DELETE', `/connections/${hold}`)).status, 204);
  const { json: status } = await control.send('GET', '/status');
  assert.equal(status.workers, 2);
});
