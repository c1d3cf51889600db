import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startHoldfast } from '../support/holdfast.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';
import { startSubscribing } from '../support/websocket/subscribing-origin.ts';
import { openWs, startWsOrigin, type WsPeer } from '../support/websocket/ws-peers.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'descriptors can be passed on Linux only';

/** A server that keeps the last items of each channel. */
async function started(t: TestContext, { workers = 1, items = 100, route = '', target = '', hub = '' } = {}) {
  const origin = target || `${await startSubscribing(t)},over_http`;
  const toml = `
[server]
listen = ["127.0.0.1:0"]
upgrade_timeout = 2
workers = ${workers}
[hub]
${hub}
[control]
listen = ["127.0.0.1:0"]
[[channel]]
match = "p.>"
history_items = ${items}
[[route]]
host = "*"
prefix = "p."
cursor = "envelope"
targets = ["${origin}"]
${route}
`;
  const program = startHoldfast(t, ['run'], { cwd: temporaryFolder(t, { 'holdfast.toml': toml }) });
  const { clients, publishers } = await program.logged('started');
  const control = `http://${(publishers as string[])[0]}`;
  return {
    program,
    control,
    url: `ws://${(clients as string[])[0]}`,
    open(channels: string, since: string | null = null): Promise<WsPeer> {
      const query = since === null ? '' : `&since=${since}`;
      return openWs(t, `${this.url}/?c=${channels}${query}`);
    },
    async publish(channel: string, ...texts: readonly string[]): Promise<void> {
      const list = texts.map((content) => ({ channel: `p.${channel}`, formats: { 'ws-message': { content } } }));
      const response = await fetch(`${control}/publish`, { method: 'POST', body: JSON.stringify({ items: list }) });
      assert.equal(response.status, 200, await response.text());
    },
  };
}

interface Envelope {
  readonly type?: string;
  readonly channel?: string;
  readonly channels?: readonly string[];
  readonly cursor: string;
  readonly text?: string;
}

async function nextOf(client: WsPeer): Promise<Envelope> {
  const event = await client.next();
  assert.match(event, /^text \{/);
  return JSON.parse(event.slice('text '.length));
}

async function textsOf(client: WsPeer, count: number): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  while (texts.length < count) {
    const { type, text } = await nextOf(client);
    if (type === undefined) texts.push(text);
  }
  return texts;
}

for (const workers of [1, 2]) {
  test(`a WebSocket that comes back gets what it has missed, and then what comes (${workers} workers)`, async (t) => {
    const rig = await started(t, { workers });
    const client = await rig.open('a,b');
    const first = await nextOf(client);
    assert.equal(first.type, 'cursor');
    await rig.publish('a', '1');
    const { cursor, channel, text } = await nextOf(client);
    assert.deepEqual([channel, text], ['a', '1']);
    client.socket.terminate();
    await rig.publish('b', '2');
    await rig.publish('a', '3', '4');
    for (const [since, expected] of [
      [cursor, ['2', '3', '4', '5']],
      [first.cursor, ['1', '2', '3', '4', '5']],
    ] as const) {
      const again = await rig.open('a,b', since);
      const missed = await textsOf(again, expected.length - 1);
      assert.equal((await nextOf(again)).type, 'cursor');
      await rig.publish('a', '5');
      assert.deepEqual([...missed, ...(await textsOf(again, 1))], expected);
      again.socket.terminate();
      if (since === cursor) break;
    }
    const lost = await rig.open('a', 'forged-1');
    const gap = await nextOf(lost);
    assert.deepEqual([gap.type, gap.channels], ['gap', ['a']]);
    assert.equal((await nextOf(lost)).cursor, gap.cursor);
    // A message of its own brings it to another channel, of which it has missed something.
    lost.send(JSON.stringify({ channel: 'b', from: first.cursor }));
    const after = [await lost.next(), await lost.next()].filter((event) => event !== 'text subscribed to b');
    assert.match(after.join(), /"channel":"b".*"text":"2"/);
  });
}

test('an origin with WebSockets of its own says where its client is, and its own messages stay as they are', async (t) => {
  const server = await startWsOrigin(t, {}, ['Sec-WebSocket-Extensions: grip']);
  const rig = await started(t, { target: server.address });
  await rig.publish('a', '1', '2');
  const client = await openWs(t, rig.url);
  const { peer } = await server.accept();
  peer.send('c:{"type":"subscribe","channel":"a"}');
  const { cursor } = await nextOf(client);
  await rig.publish('a', '3');
  assert.equal((await nextOf(client)).text, '3');
  peer.send('m:{"mine":1}');
  assert.equal(await client.next(), 'text {"mine":1}');
  const again = await openWs(t, rig.url);
  (await server.accept()).peer.send(`c:${JSON.stringify({ type: 'subscribe', channel: 'a', since: cursor })}`);
  assert.deepEqual(await textsOf(again, 1), ['3']);
});

test('SockJS clients get envelopes and cursors too', async (t) => {
  const rig = await started(t, { route: 'sockjs = "/sock"\nsockjs_as_path = "/"\n' });
  const client = await openWs(t, `${rig.url}/sock/1/abc/websocket?c=a`);
  assert.equal(await client.next(), 'text o');
  const [first = ''] = JSON.parse((await client.next()).slice('text a'.length));
  assert.equal(JSON.parse(first).type, 'cursor');
  await rig.publish('a', 'hello');
  const [second = ''] = JSON.parse((await client.next()).slice('text a'.length));
  assert.equal(JSON.parse(second).text, 'hello');
});

test('a client that does not read is closed with its cursor, and gets the rest when it comes back', async (t) => {
  const rig = await started(t, { items: 10_000, route: 'slow = "close"\n', hub: 'queue_items = 10' });
  const client = await rig.open('a');
  await nextOf(client);
  (client.socket as unknown as { _socket: Socket })._socket.pause();
  const padding = 'x'.repeat(50_000);
  let count = 0;
  const closed = rig.program.logged('slow client: WebSocket closed');
  let isClosed = false;
  closed.then(() => {
    isClosed = true;
  });
  while (!isClosed) await rig.publish('a', `${++count} ${padding}`);
  (client.socket as unknown as { _socket: Socket })._socket.resume();
  const numbers: number[] = [];
  let end = '';
  while (end === '') {
    const event = await client.next();
    if (event.startsWith('close ')) end = event;
    else numbers.push(Number.parseInt(JSON.parse(event.slice('text '.length)).text, 10));
  }
  const [, code, cursor = ''] = end.split(' ');
  assert.equal(code, '1013');
  const again = await rig.open('a', cursor);
  const rest = await textsOf(again, count - numbers.length);
  const all = [...numbers, ...rest.map((text) => Number.parseInt(text ?? '', 10))];
  assert.deepEqual(
    all,
    Array.from({ length: count }, (_, at) => at + 1),
  );
});

test('a client that does not read gets each message once when it reads again', async (t) => {
  const rig = await started(t, { items: 10_000, hub: 'queue_items = 10' });
  const client = await rig.open('a');
  await nextOf(client);
  const { _socket: socket } = client.socket as unknown as { _socket: Socket };
  socket.pause();
  const padding = 'x'.repeat(50_000);
  for (let i = 1; i <= 300; i++) await rig.publish('a', `${i} ${padding}`);
  socket.resume();
  const texts = await textsOf(client, 300);
  assert.deepEqual(
    texts.map((text) => Number.parseInt(text ?? '', 10)),
    Array.from({ length: 300 }, (_, at) => at + 1),
  );
});

for (const workers of [1, 2]) {
  test(`WebSockets and their cursors go over to the new process (${workers} workers)`, { skip: SKIP }, async (t) => {
    const rig = await started(t, { workers });
    const server = new Upgraded(t, rig.program);
    const client = await rig.open('a');
    const { cursor } = await nextOf(client);
    const old = server.pid;
    await rig.publish('a', '1');
    const upgraded = server.upgrade();
    for (let i = 2; i <= 20; i++) await rig.publish('a', `${i}`);
    await upgraded;
    await server.gone(old);
    await rig.publish('a', '21');
    const expected = Array.from({ length: 21 }, (_, at) => `${at + 1}`);
    const cursors = new Set<string>();
    for (const text of expected) {
      const envelope = await nextOf(client);
      assert.equal(envelope.text, text);
      cursors.add(envelope.cursor);
    }
    assert.equal(cursors.size, 21);
    const again = await rig.open('a', cursor);
    assert.deepEqual(await textsOf(again, 21), expected);
    await server.stop();
    assert.deepEqual(rig.program.errors(), []);
  });
}
