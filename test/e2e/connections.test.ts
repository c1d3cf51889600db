import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client } from '../support/client.ts';
import { ControlSocket } from '../support/control/control-socket.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { portOf } from '../support/port-of.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openWs } from '../support/websocket/ws-peers.ts';

/** Asks until the answer is the one that is waited for: the server works between two questions. */
async function until(test: () => Promise<boolean>): Promise<void> {
  while (!(await test()));
}

/** A server, its control socket, and an origin whose path says how a client is held and whose it is; `/never` gets no response. */
async function start(t: TestContext, workers: number) {
  const origin = await startOrigin(t, (request, response) => {
    const [, mode = '', user = '', channel = ''] = (request.url ?? '').split('/');
    if (mode === 'never') return;
    const meta = user === '' ? {} : { 'Grip-Set-Meta': `user=${user}` };
    response.writeHead(200, { 'Grip-Hold': mode, 'Grip-Channel': channel, ...meta }).end('nothing\n');
  });
  const cwd = temporaryFolder(t, {
    'holdfast.toml': `
[server]
listen = ["127.0.0.1:0"]
workers = ${workers}
[control]
listen = ["unix:control.sock"]
[[channel]]
match = "room.>"
history_items = 10
presence = true
[[route]]
host = "*"
path_beg = "/test"
targets = ["test"]
[[route]]
id = "main"
host = "*"
targets = ["${origin}"]
`,
  });
  const program = startHoldfast(t, ['run'], { cwd });
  const { clients } = await program.logged('started');
  const [address = ''] = clients as string[];
  const port = portOf(address);
  return { cwd, address, client: new Client(t, port), control: new ControlSocket(t, join(cwd, 'control.sock')) };
}

for (const workers of [1, 2]) {
  test(`connections are listed, described and closed with ${workers} processes`, async (t) => {
    const { cwd, address, client, control } = await start(t, workers);
    const list = async (query = '') => (await control.send('GET', `/connections?${query}`)).json;
    const held = (count: number) => until(async () => (await list()).total === count);
    const streams = [
      await client.stream({ path: '/stream/ann/room.a' }),
      await client.stream({ path: '/stream/bob/room.a' }),
    ];
    const waiting = client.send({ path: '/response/ann/room.b' });
    const socket = await openWs(t, `ws://${address}/test/ws?channel=room.c`);
    await held(4);

    const all = (await list()).connections;
    assert.deepEqual(all.map(({ kind }: { kind: string }) => kind).sort(), [
      'response',
      'stream',
      'stream',
      'websocket',
    ]);
    const paged: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page: { connections: { id: string }[]; next: string | null } = await list(`limit=1&after=${after}`);
      paged.push(...page.connections.map(({ id }) => id));
      after = page.next;
    }
    assert.deepEqual(
      paged,
      all.map(({ id }: { id: string }) => id),
    );
    const ofAnn = (await list('user=ann')).connections;
    assert.deepEqual(ofAnn.map(({ channels }: { channels: string[] }) => channels[0]).sort(), ['room.a', 'room.b']);
    assert.equal((await list('channel=room.a')).total, 2);
    assert.equal((await list('channel=room.a&pattern=true')).total, 0);

    const stream = all.find(({ kind, user }: { kind: string; user: string }) => kind === 'stream' && user === 'ann');
    const { json } = await control.send('GET', `/connections/${stream.id}`);
    const { since, received, sent, ...rest } = json;
    assert.ok(Math.abs(Date.parse(since) - Date.now()) < 600_000);
    assert.ok(received > 30 && sent > 30);
    assert.deepEqual(rest, {
      ...{ id: stream.id, kind: 'stream', held: true, peer: '127.0.0.1', encrypted: false, route: 'main', user: 'ann' },
      ...{ channels: ['room.a'], patterns: [], items: null, cursor: null },
    });

    const { json: users } = await control.send('GET', '/channels/room.a/presence');
    assert.deepEqual(
      users.users.map(({ user, connections }: never) => [user, connections]),
      [
        ['ann', 1],
        ['bob', 1],
      ],
    );
    assert.equal((await control.send('GET', '/channels/other/presence')).status, 404);

    const ws = all.find(({ kind }: { kind: string }) => kind === 'websocket');
    const closed = once(socket.socket, 'close');
    const kicked = await holdfast(t, ['kick', '--connection', ws.id], { cwd });
    assert.deepEqual([kicked.code, kicked.stdout], [0, 'closed 1 connection\n']);
    const [code, reason] = await closed;
    assert.deepEqual([code, String(reason)], [1008, 'disconnected']);

    assert.deepEqual((await control.send('POST', '/users/ann/disconnect')).json, { closed: 2 });
    assert.equal((await waiting).text, 'nothing\n');
    await streams[0]?.ended();
    await held(1);
    assert.deepEqual((await control.send('POST', '/users/ann/disconnect')).json, { closed: 0 });
    for (const [args, message] of [
      [['ann'], /the user has no connections that are held/],
      [['--connection', '9.9-9'], /there is no connection of this id/],
      [[], /give the name of a user or --connection/],
    ] as const) {
      assert.match((await holdfast(t, ['kick', ...args], { cwd })).stderr, message);
    }
    const byUser = await holdfast(t, ['kick', 'bob'], { cwd });
    assert.equal(byUser.stdout, 'closed 1 connection\n');
    await streams[1]?.ended();
  });
}

test('a connection that is not held is described as far as it is known, and cut', async (t) => {
  const { client, control, cwd } = await start(t, 1);
  const stream = await client.stream({ path: '/stream/ann/room.a' });
  const [held] = (await control.send('GET', '/connections')).json.connections;
  const [name] = held.id.split('-');
  const request = client.send({ path: '/never/x/y' }).then(
    () => 'answered',
    () => 'cut',
  );
  const id = `${Number(name) + 1}-1`;
  await until(async () => (await control.send('GET', `/connections/${id}`)).status === 200);
  const { json } = await control.send('GET', `/connections/${id}`);
  assert.deepEqual([json.kind, json.held, json.channels, json.cursor], ['other', false, [], null]);
  assert.equal((await control.send('DELETE', `/connections/${id}`)).status, 204);
  assert.equal(await request, 'cut');
  assert.equal((await control.send('GET', `/connections/${id}`)).status, 404);

  const shown = await holdfast(t, ['presence', 'room.a'], { cwd });
  assert.match(shown.stdout, /^USER +CONNECTIONS +SINCE\nann +1 +\d+ s\n$/);
  const line = await holdfast(t, ['presence', 'room.a', '--json'], { cwd });
  assert.equal(JSON.parse(line.stdout).user, 'ann');
  assert.match((await holdfast(t, ['presence', 'other'], { cwd })).stderr, /the channel has no presence/);
  await holdfast(t, ['kick', '--connection', held.id], { cwd });
  await stream.ended();
});
