import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { startEdge } from '../support/edge/edge.ts';
import { Handler, type HandlerSession } from '../support/edge/handler.ts';
import { openWebSocket } from '../support/edge/websocket-client.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a stop cancels each of 300 open sessions, many in a packet, and leaves no socket file', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const held: RawClient[] = [];
  const sessions: HandlerSession[] = [];
  for (let i = 0; i < 200; i++) {
    const client = await connectTo(t, edge.address);
    client.write(GET);
    const session = await handler.request();
    await session.send(i % 2 === 0 ? { type: 'keep-alive' } : { code: 200, more: true });
    held.push(client);
    sessions.push(session);
  }
  const webSockets = [];
  for (let i = 0; i < 100; i++) {
    const { client, session } = await openWebSocket(t, edge.address, handler);
    webSockets.push(client);
    sessions.push(session);
  }
  const stopped = edge.stop();
  await Promise.all(sessions.map((session) => session.next('cancel')));
  for (const client of webSockets) assert.equal(await client.next(), 'close 1001 ');
  for (const [i, client] of held.entries()) {
    if (i % 2 === 0) assert.equal((await client.takeResponse()).status, 503);
    // Cut off: the last chunk is missing.
    else assert.match(await client.takeAll(), /^HTTP\/1\.1 200 [^\0]*chunked\r\n\r\n$/);
  }
  const { zhttp } = await stopped;
  assert.deepEqual([zhttp.sessions, zhttp.packetsUndelivered], [300, 0]);
  assert.ok(handler.packets.filter(({ type }) => type === 'cancel').length < 300);
  assert.deepEqual(readdirSync(edge.folder), []);
});

test('a stop completes responses under way, and refuses new clients', async (t) => {
  const edge = await startEdge(t, ['--drain-timeout', '20']);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n');
  const session = await handler.request();
  const idle = await connectTo(t, edge.address);
  const stopped = edge.stop();
  assert.equal(await idle.ended, 'fin');
  idle.socket.destroy();
  client.write('body');
  await session.send({ type: 'credit', credits: 4 });
  assert.equal((await session.takeBody()).toString(), 'body');
  await session.send({ code: 200, body: Buffer.from('all '), more: true });
  await session.send({ body: Buffer.from('of it') });
  const { body, headers } = await client.takeResponse();
  assert.deepEqual([body, headers.get('connection')], ['all of it', 'close']);
  client.socket.destroy();
  await stopped;
});

test('a stop without handlers ends at once, and waiting clients get an error', async (t) => {
  const edge = await startEdge(t);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  await (await connectTo(t, edge.address)).request('nonsense\r\n\r\n');
  const stopped = edge.stop();
  assert.equal((await client.takeResponse()).status, 503);
  await stopped;
});

test('a handler that vanished does not delay a stop for long', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  await (await handler.request()).send({ code: 200, more: true });
  await client.takeHead();
  handler.close();
  await edge.stop();
});

test('a signal during the start ends the program as a later one does', async (t) => {
  const folder = temporaryFolder(t);
  const program = startHoldfast(t, ['condure', '--listen', '127.0.0.1:0'], { cwd: folder });
  await program.logged('handlers can connect');
  const { code, stderr } = await program.stop();
  assert.deepEqual([code, stderr], [0, '']);
  await program.logged('stopped');
  assert.deepEqual(readdirSync(folder), []);
});
