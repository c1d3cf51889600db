import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ControlSocket } from '../support/control/control-socket.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CONFIG = (workers: number, folder: string) => `
[server]
listen = ["127.0.0.1:0"]
workers = ${workers}
[control]
listen = ["unix:control.sock"]
[history]
store = "disk"
path = "${folder}"
[[channel]]
match = "orders.>"
history_items = 50
[[route]]
host = "*"
targets = ["test"]
`;

for (const workers of [1, 2]) {
  test(`the history of channels is listed and read with ${workers} processes and a store on disk`, async (t) => {
    const cwd = temporaryFolder(t, { 'holdfast.toml': CONFIG(workers, join(temporaryFolder(t), 'kept')) });
    const program = startHoldfast(t, ['run'], { cwd });
    const { clients } = await program.logged('started');
    const control = new ControlSocket(t, join(cwd, 'control.sock'));
    const client = await connectTo(t, (clients as string[])[0] ?? '');
    client.write('GET /stream?channel=orders.eu HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.take('\r\n\r\n');
    const item = (channel: string, content: string) => ({
      channel,
      id: content,
      formats: { 'http-stream': { content } },
    });
    const contents = Array.from({ length: 30 }, (_, i) => `${i}\u001b[2J`);
    const items = [...contents.map((content) => item('orders.eu', content)), item('orders.us', 'x')];
    const published = await control.open('POST', '/publish', { items });
    await published.ended();
    assert.equal(published.status, 200);

    const { json: page } = await control.send('GET', '/channels?kept=true');
    assert.deepEqual(
      page.channels.map(({ name, subscribers, history }: never) => [
        name,
        subscribers,
        (history as { items: number }).items,
      ]),
      [
        ['orders.eu', 1, 30],
        ['orders.us', 0, 1],
      ],
    );

    const listed = await holdfast(t, ['channels', 'orders.'], { cwd });
    assert.match(
      listed.stdout,
      /^CHANNEL +CLIENTS +KEPT +BYTES +OLDEST +LAST ID\norders\.eu +1 +30 .*\norders\.us +0 +1 .*\n$/,
    );
    const lines = await holdfast(t, ['channels', '--json'], { cwd });
    assert.deepEqual(
      lines.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).name),
      ['orders.eu', 'orders.us'],
    );

    const shown = await holdfast(t, ['history', 'orders.eu', '--limit', '2'], { cwd });
    assert.match(
      shown.stdout,
      /^\S+Z {2}\w+-29 {2}id 28\\u001b\[2J {2}6 B\n {2}http-stream 28\\u001b\[2J\n\S+Z {2}\w+-30 .*\n {2}http-stream 29\\u001b\[2J\n$/,
    );
    assert.ok(!shown.stdout.includes('\u001b'));
    const [, cursor = ''] = /Z {2}(\w+-29)/.exec(shown.stdout) ?? [];
    const before = await holdfast(
      t,
      ['history', 'orders.eu', '--since', cursor, '--reverse', '--limit', '1', '--json'],
      { cwd },
    );
    assert.equal(JSON.parse(before.stdout).id, '27\u001b[2J');
    const after = await holdfast(t, ['history', 'orders.eu', '--since', cursor, '--json'], { cwd });
    assert.equal(JSON.parse(after.stdout).id, '29\u001b[2J');
    for (const [args, message, code] of [
      [['history', 'other'], /the channel has no history/, 1],
      [['history', 'orders.eu', '--since', 'none-1'], /some items after none-1 are not kept any more/, 1],
      [['history', 'orders.eu', '--since', '?'], /Expected a cursor/, 2],
      [['channels', 'other'], /there are no such channels/, 0],
      [['nodes'], /has no such operation: it is not a node of a cluster, as \[cluster\] is not set/, 1],
    ] as const) {
      const ended = await holdfast(t, args, { cwd });
      assert.match(ended.stderr, message);
      assert.deepEqual([ended.code, ended.stdout], [code, '']);
    }
  });
}
