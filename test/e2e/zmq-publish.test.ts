import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode, encode, type TnetstringInput } from '../../src/codec/tnetstring/index.ts';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { connectTo } from '../support/raw-client.ts';
import { LibzmqPeer } from '../support/zmq/libzmq-peer.ts';

const SCRIPT = fileURLToPath(new URL('../support/zmq/libzmq-peer.py', import.meta.url));

/** A server with an origin that holds streams on the channel in the query, and programs with libzmq beside it. */
async function start(t: TestContext, publish: string) {
  if (requirePeer(t, 'python3-zmq') === null) return null;
  const origin = await startOrigin(t, (request, response) => {
    const channel = new URL(request.url ?? '', 'http://x').searchParams.get('c') ?? '';
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': channel }).end('open\n');
  });
  const server = await runServer(t, ['--route', `* ${origin}`], `[publish]\n${publish}`);
  const peer = new LibzmqPeer(['/usr/bin/python3', SCRIPT]);
  t.after(() => peer.stop());
  /** A client that is held on a channel. */
  const hold = async (channel: string) => {
    const client = await connectTo(t, server.clients[0] ?? '');
    client.write(`GET /?c=${channel} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.take('open\n');
    return client;
  };
  return { server, peer, hold };
}

function item(channel: string | null, content: string): TnetstringInput {
  return { ...(channel !== null && { channel }), formats: { 'http-stream': { content } } };
}

test('items arrive through PULL, as tnetstrings and as JSON; what is no item is counted and logged', async (t) => {
  const [port] = await freePorts(1);
  const rig = await start(t, `pull = ["tcp://127.0.0.1:${port}"]`);
  if (rig === null) return;
  const { server, peer, hold } = rig;
  const client = await hold('a');
  const push = await peer.open('PUSH', { connect: `tcp://127.0.0.1:${port}` });
  await push.send([encode(item('a', 'bare\n'))]);
  await push.send([Buffer.concat([Buffer.from('T'), encode(item('a', 'marked\n'))])]);
  await push.send([Buffer.from(`J${JSON.stringify(item('a', 'json\n'))}`)]);
  assert.match(await client.take('json\n'), /bare\n[\s\S]*marked\n[\s\S]*json\n/);
  await push.send([Buffer.from('nonsense')]);
  await server.program.logged('publish refused', ({ input }) => input === 'pull');
});

test('holdfast publish --spec tcp://… sends the item to PULL', async (t) => {
  const [port] = await freePorts(1);
  const rig = await start(t, `pull = ["tcp://127.0.0.1:${port}"]`);
  if (rig === null) return;
  const client = await rig.hold('a');
  const { code, stdout } = await holdfast(t, ['publish', 'a', 'hello', '--spec', `tcp://127.0.0.1:${port}`]);
  assert.deepEqual({ code, stdout }, { code: 0, stdout: 'Published\n' });
  await client.take('hello\n');
});

test('items arrive through SUB for channels that have subscribers, matched exactly', async (t) => {
  const [port] = await freePorts(1);
  const rig = await start(t, `sub = ["tcp://127.0.0.1:${port}"]`);
  if (rig === null) return;
  const { peer, hold } = rig;
  const publisher = await peer.open('XPUB', { connect: `tcp://127.0.0.1:${port}` });
  const client = await hold('news');
  const [subscription] = await publisher.messages.next();
  assert.equal(subscription?.toString(), '\x01news');
  await publisher.send([Buffer.from('newspaper'), encode(item(null, 'wrong\n'))]);
  await publisher.send([Buffer.from('news'), encode(item(null, 'right\n'))]);
  assert.doesNotMatch(await client.take('right\n'), /wrong/);
  client.reset();
  const [gone] = await publisher.messages.next();
  assert.equal(gone?.toString(), '\x00news');
});

test('SUB asks for all that begins as a pattern does, and takes what the pattern matches', async (t) => {
  const [port] = await freePorts(1);
  const rig = await start(t, `sub = ["tcp://127.0.0.1:${port}"]`);
  if (rig === null) return;
  const { peer, hold } = rig;
  const publisher = await peer.open('XPUB', { connect: `tcp://127.0.0.1:${port}` });
  const client = await hold('news.*.x;pattern');
  assert.equal((await publisher.messages.next())[0]?.toString(), '\x01news.');
  const other = await hold('news.%3E;pattern');
  await publisher.send([Buffer.from('news.a'), encode(item(null, 'short\n'))]);
  await other.take('short\n');
  other.reset();
  await publisher.send([Buffer.from('news.a.x'), encode(item(null, 'right\n'))]);
  assert.doesNotMatch(await client.take('right\n'), /short/);
  client.reset();
  assert.equal((await publisher.messages.next())[0]?.toString(), '\x00news.');
});

test('SUB connects to a publisher that binds, if sub_connect says so', async (t) => {
  const [port] = await freePorts(1);
  const rig = await start(t, `sub = ["tcp://127.0.0.1:${port}"]\nsub_connect = true`);
  if (rig === null) return;
  const { peer, hold } = rig;
  const publisher = await peer.open('XPUB', { bind: `tcp://127.0.0.1:${port}` });
  const client = await hold('a');
  await publisher.messages.next();
  await publisher.send([Buffer.from('a'), Buffer.from(`J${JSON.stringify(item(null, 'hello\n'))}`)]);
  await client.take('hello\n');
});

test('the command socket has all methods', async (t) => {
  const [pull, command] = await freePorts(2);
  const rig = await start(t, `pull = ["tcp://127.0.0.1:${pull}"]\ncommand = ["tcp://127.0.0.1:${command}"]`);
  if (rig === null) return;
  const { peer, hold } = rig;
  const client = await hold('a');
  const req = await peer.open('REQ', { connect: `tcp://127.0.0.1:${command}` });
  const ask = async (method: string, args: TnetstringInput = {}): Promise<unknown> => {
    await req.send([encode({ id: '7', method, args })]);
    const [reply] = await req.messages.next();
    return plain(decode(reply as Buffer));
  };
  const failed = (condition: string, value: unknown = null) => ({ id: '7', success: false, condition, value });
  const done = (value: unknown = null) => ({ id: '7', success: true, value });
  assert.deepEqual(await ask('publish', { items: [item('a', 'one\n'), item('a', 'two\n')] }), done());
  await client.take('two\n');
  assert.deepEqual(await ask('publish', { items: [{ channel: 'a' }] }), failed('bad-request', 'no formats specified'));
  assert.deepEqual(await ask('publish'), failed('bad-request', "object does not contain 'items'"));
  assert.deepEqual(await ask('recover'), done());
  assert.deepEqual(
    await ask('get-zmq-uris'),
    done({ command: `tcp://127.0.0.1:${command}`, 'publish-pull': `tcp://127.0.0.1:${pull}`, 'publish-sub': null }),
  );
  assert.deepEqual(await ask('conncheck', { ids: ['no-such-id'] }), done([]));
  assert.deepEqual(await ask('conncheck'), failed('bad-request'));
  assert.deepEqual(await ask('refresh', { cid: 'no-such-id' }), failed('item-not-found'));
  assert.deepEqual(await ask('refresh', { channel: 'a' }), done());
  assert.deepEqual(await ask('refresh'), failed('bad-request'));
  assert.deepEqual(await ask('dance'), failed('method-not-found'));
});

test('a frame that is no command gets no reply, and others are served', async (t) => {
  const [command] = await freePorts(1);
  const rig = await start(t, `command = ["tcp://127.0.0.1:${command}"]`);
  if (rig === null) return;
  const silent = await rig.peer.open('REQ', { connect: `tcp://127.0.0.1:${command}` });
  await silent.send([Buffer.from('nonsense')]);
  await rig.server.program.logged('command ignored: not a command');
  const req = await rig.peer.open('REQ', { connect: `tcp://127.0.0.1:${command}` });
  await req.send([encode({ id: '1', method: 'recover' })]);
  const [reply] = await req.messages.next();
  assert.equal((decode(reply as Buffer) as { success: unknown }).success, true);
});

/** A decoded value with texts for byte strings. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

test('above request_rate the sockets are not read for a while, and nothing is lost', async (t) => {
  const [port] = await freePorts(1);
  const rig = await start(t, `request_rate = 3\npull = ["tcp://127.0.0.1:${port}"]`);
  if (rig === null) return;
  const client = await rig.hold('a');
  const push = await rig.peer.open('PUSH', { connect: `tcp://127.0.0.1:${port}` });
  for (let i = 0; i < 6; i++) await push.send([encode(item('a', `item ${i}\n`))]);
  for (let i = 0; i < 6; i++) await client.take(`item ${i}\n`);
});
