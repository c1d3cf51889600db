import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Edge, startEdge } from '../support/edge/edge.ts';
import { Handler } from '../support/edge/handler.ts';
import { ReqHandler } from '../support/edge/req-handler.ts';
import { openWebSocket } from '../support/edge/websocket-client.ts';
import { IDENTITIES } from '../support/loopback-certificate.ts';
import { turn } from '../support/manual-clock.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { childrenOf } from '../support/worker-of.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** The part of a session's id that names its process. */
function processOf(session: { readonly id: string }): string {
  return session.id.slice(0, session.id.indexOf('-'));
}

/** Sessions of new connections, until each of the workers has some. */
async function spread(t: TestContext, edge: Edge, handler: Handler, workers: number) {
  const held = [];
  const processes = new Set<string>();
  while (processes.size < workers || held.length < 20) {
    const client = await connectTo(t, edge.address);
    client.write(GET);
    const session = await handler.request();
    processes.add(processOf(session));
    await session.send({ code: 200, more: true });
    await client.takeHead();
    held.push({ client, session });
  }
  return held;
}

test('two workers serve the same address, and each response and broadcast reaches its client', async (t) => {
  const edge = await startEdge(t, ['--workers', '2']);
  const handler = await Handler.start(t, edge.base);
  const held = await spread(t, edge, handler, 2);
  const sessions = held.map(({ session }) => session);
  await handler.broadcast(sessions, { body: Buffer.from('to all'), more: true });
  for (const { client } of held) assert.equal(await client.takeChunk(), 'to all');
  for (const [i, { client, session }] of held.entries()) {
    await session.send({ body: Buffer.from(`to ${i}`) });
    assert.equal(await client.takeChunk(), `to ${i}`);
    assert.equal(await client.takeChunk(), '');
    client.socket.destroy();
  }
  const uploads = await connectTo(t, edge.address);
  uploads.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n').write('x'.repeat(100_000));
  const upload = await handler.request();
  await upload.send({ type: 'credit', credits: 10_000 });
  assert.equal((await upload.takeBody()).length, 100_000);
  await upload.respond('taken');
  assert.equal((await uploads.takeResponse()).body, 'taken');
  uploads.socket.destroy();
  const { client, session } = await openWebSocket(t, edge.address, handler);
  client.socket.send('hello');
  assert.equal((await session.next('data')).body.toString(), 'hello');
  client.socket.terminate();
  await session.next('cancel');
  // The counters of all processes are added up.
  const { server, zhttp, zmq } = await edge.stop();
  assert.equal(server.requests, held.length + 2);
  assert.equal(zhttp.sessions, held.length + 2);
  assert.equal(zmq.bytesHeld, 0);
});

test('a killed worker loses only its own connections, and is replaced', async (t) => {
  if (!existsSync(`/proc/${process.pid}/task`)) return t.skip('processes cannot be listed here');
  const edge = await startEdge(t, ['--workers', '2']);
  const handler = await Handler.start(t, edge.base);
  const held = await spread(t, edge, handler, 2);
  const [victim = 0] = childrenOf(edge.program.pid);
  process.kill(victim, 'SIGKILL');
  await edge.program.logged('worker died, its connections are lost');
  // Exactly one of the two processes is gone: a packet to each session shows which.
  for (const { session } of held) await session.send({ body: Buffer.from('still here'), more: true });
  const outcomes = await Promise.all(
    held.map(({ client }) =>
      client.takeChunk().then(
        (chunk) => chunk,
        () => 'lost',
      ),
    ),
  );
  const byProcess = new Map<string, Set<string>>();
  for (const [i, { session }] of held.entries()) {
    const process = processOf(session);
    byProcess.set(process, (byProcess.get(process) ?? new Set()).add(outcomes[i] ?? ''));
  }
  assert.deepEqual([...byProcess.values()].map((each) => [...each].join()).sort(), ['lost', 'still here']);
  // Handlers of lost sessions are told when they send something for them.
  for (const [i, { session }] of held.entries()) if (outcomes[i] === 'lost') await session.next('cancel');
  const before = new Set(byProcess.keys());
  for (let found = false; !found; ) {
    const client = await connectTo(t, edge.address);
    client.write(GET);
    const session = await handler.request();
    await session.respond('served');
    assert.equal((await client.takeResponse()).body, 'served');
    client.socket.destroy();
    found = !before.has(processOf(session));
  }
  for (const { client } of held) client.socket.destroy();
  const { code } = await edge.program.stop();
  assert.equal(code, 0);
});

test('a stop ends all processes and cancels every session, and no file exists beside the endpoints', async (t) => {
  const temporary = temporaryFolder(t);
  const edge = await startEdge(t, ['--workers', '2'], {}, { TMPDIR: temporary });
  const handler = await Handler.start(t, edge.base);
  const held = await spread(t, edge, handler, 2);
  const workers = existsSync(`/proc/${edge.program.pid}/task`) ? childrenOf(edge.program.pid) : [];
  assert.deepEqual(readdirSync(temporary), []);
  const stopped = edge.stop();
  await Promise.all(held.map(({ session }) => session.next('cancel')));
  await stopped;
  for (const pid of workers) assert.ok(!existsSync(`/proc/${pid}`), `worker ${pid}`);
  assert.deepEqual(readdirSync(edge.folder), []);
  assert.equal(edge.program.log().filter(({ msg }) => msg === 'worker stopped').length, 2);
});

test('a worker that cannot be replaced is tried again, leaves no idle process, and does not delay the end', async (t) => {
  if (!existsSync(`/proc/${process.pid}/task`)) return t.skip('processes cannot be listed here');
  const { certificate, key } = IDENTITIES.one;
  const files = { 'default.crt': certificate, 'default.key': key };
  const edge = await startEdge(t, ['--workers', '2', '--listen', '127.0.0.1:0,tls,default-cert=default'], files);
  rmSync(join(edge.folder, 'default.key'));
  const [victim = 0, survivor = 0] = childrenOf(edge.program.pid);
  process.kill(victim, 'SIGKILL');
  await edge.program.logged('worker cannot be replaced yet');
  while (childrenOf(edge.program.pid).length > 1) await turn();
  assert.deepEqual(childrenOf(edge.program.pid), [survivor]);
  writeFileSync(join(edge.folder, 'default.key'), key);
  while (childrenOf(edge.program.pid).length < 2) await turn();
  const { code } = await edge.program.stop();
  assert.equal(code, 0);
});

test('with --zclient-connect each worker connects to the handlers itself, with its own address', async (t) => {
  const base = `ipc://${join(temporaryFolder(t), 'handler')}`;
  const handler = await Handler.start(t, base, { bind: true });
  const edge = await startEdge(t, ['--workers', '2', '--zclient-connect', '--zclient-stream', base]);
  assert.deepEqual((await handler.subscriptions(2)).sort(), ['condure-1 ', 'condure-2 ']);
  const held = await spread(t, edge, handler, 2);
  assert.deepEqual([...new Set(held.map(({ session }) => session.first.from))].sort(), ['condure-1', 'condure-2']);
  for (const [i, { client, session }] of held.entries()) {
    await session.send({ body: Buffer.from(`to ${i}`) });
    assert.equal(await client.takeChunk(), `to ${i}`);
    client.socket.destroy();
  }
  const { server } = await edge.stop();
  assert.equal(server.requests, held.length);
});

test('with --zclient-connect a worker cancels sessions of the killed one that it replaces', async (t) => {
  if (!existsSync(`/proc/${process.pid}/task`)) return t.skip('processes cannot be listed here');
  const base = `ipc://${join(temporaryFolder(t), 'handler')}`;
  const handler = await Handler.start(t, base, { bind: true });
  const edge = await startEdge(t, ['--workers', '2', '--zclient-connect', '--zclient-stream', base]);
  await handler.subscriptions(2);
  const held = await spread(t, edge, handler, 2);
  const before = new Set(held.map(({ session }) => processOf(session)));
  const [victim = 0] = childrenOf(edge.program.pid);
  process.kill(victim, 'SIGKILL');
  await edge.program.logged('worker died, its connections are lost');
  await handler.subscriptions(1);
  let from = '';
  while (from === '') {
    const client = await connectTo(t, edge.address);
    client.write(GET);
    const session = await handler.request();
    await session.send({ code: 200, body: Buffer.alloc(8_000), more: true });
    // The worker reaches the handler by its ROUTER socket.
    await session.next('credit');
    if (!before.has(processOf(session))) from = session.first.from;
    client.socket.destroy();
  }
  for (const { client, session } of held) {
    if (session.first.from === from) {
      await session.send({ type: 'keep-alive' });
      await session.next('cancel');
    }
    client.socket.destroy();
  }
  await edge.program.stop();
});

test('req mode works with several workers too', async (t) => {
  const edge = await startEdge(t, ['--workers', '2', '--listen', '127.0.0.1:0,req']);
  const handler = await ReqHandler.start(t, edge.reqEndpoint);
  const processes = new Set<string>();
  while (processes.size < 2) {
    const client = await connectTo(t, edge.address);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody');
    const request = await handler.request();
    processes.add(processOf({ id: request.packet.ids[0]?.id ?? '' }));
    await request.respond({ code: 200, body: request.packet.body });
    assert.equal((await client.takeResponse()).body, 'body');
    client.socket.destroy();
  }
  await edge.stop();
});
