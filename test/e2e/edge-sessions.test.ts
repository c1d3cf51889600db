import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEdge } from '../support/edge/edge.ts';
import { Handler, type HandlerSession } from '../support/edge/handler.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('requests go to several handlers in turn, and each response to its own client', async (t) => {
  const edge = await startEdge(t);
  const handlers = await Promise.all(['h1', 'h2', 'h3'].map((id) => Handler.start(t, edge.base, { id })));
  const taken = new Map<string, number>();
  for (const handler of handlers) {
    const serve = async () => {
      for (;;) {
        const session = await handler.request();
        taken.set(handler.id, (taken.get(handler.id) ?? 0) + 1);
        await session.respond(session.first.uri);
      }
    };
    void serve();
  }
  const client = await connectTo(t, edge.address);
  // PUSH gives to those that are connected: the first answers show that one is, not that all are.
  for (let i = 0; taken.size < 3 || i < 30; i++) {
    const { body } = await client.request(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(body, `http://a/${i}`);
  }
  const before = new Map(taken);
  for (let i = 0; i < 30; i++) await client.request(GET);
  for (const { id } of handlers) assert.equal(taken.get(id), (before.get(id) ?? 0) + 10);
  client.socket.destroy();
  await edge.stop();
});

test('a handler that is connected by several bases gets requests by all of them', async (t) => {
  const edge = await startEdge(t, ['--zclient-stream', 'ipc://one', '--zclient-stream', 'ipc://two']);
  const one = await Handler.start(t, `ipc://${edge.folder}/one`, { id: 'h1' });
  const two = await Handler.start(t, `ipc://${edge.folder}/two`, { id: 'h2' });
  const clients = [await connectTo(t, edge.address), await connectTo(t, edge.address)];
  for (const client of clients) client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok');
  for (const session of [await one.request(), await two.request()]) {
    await session.send({ type: 'credit', credits: 2 });
    assert.equal((await session.takeBody()).toString(), 'ok');
    await session.respond('done');
  }
  for (const client of clients) {
    assert.equal((await client.takeResponse()).body, 'done');
    client.socket.destroy();
  }
  await edge.stop();
});

test('a client that leaves during a stream gives its handler a cancel', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const session = await handler.request();
  await session.send({ code: 200, more: true });
  await client.takeHead();
  client.socket.destroy();
  await session.next('cancel');
  assert.equal((await edge.stop()).server.requestsAborted, 1);
});

test('a client that closes its sending side while it waits counts as gone', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const session = await handler.request();
  await session.send({ type: 'keep-alive' });
  client.end();
  await session.next('cancel');
  assert.equal(await client.takeAll(), '');
  await edge.stop();
});

test('the handler of a client that left gets a cancel on its first packet', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const session = await handler.request();
  client.reset();
  // The edge has read to the end of that connection when it has served a later one.
  const other = await connectTo(t, edge.address);
  other.write(GET);
  await (await handler.request()).respond('other');
  assert.equal((await other.takeResponse()).body, 'other');
  await session.respond('too late', { more: true });
  await session.next('cancel');
  other.socket.destroy();
  await edge.stop();
});

test('a client that leaves before a handler has its request withdraws it', async (t) => {
  const edge = await startEdge(t);
  const gone = await connectTo(t, edge.address);
  gone.write('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n');
  const client = await connectTo(t, edge.address);
  await client.request('nonsense\r\n\r\n');
  gone.reset();
  await gone.closed;
  const waiting = await connectTo(t, edge.address);
  waiting.write('GET /here HTTP/1.1\r\nHost: a\r\n\r\n');
  await (await connectTo(t, edge.address)).request('nonsense\r\n\r\n');
  const handler = await Handler.start(t, edge.base);
  const session = await handler.request();
  assert.equal(session.first.uri, 'http://a/here');
  await session.respond('here');
  assert.equal((await waiting.takeResponse()).body, 'here');
  waiting.socket.destroy();
  await edge.stop();
});

test('a client that leaves in the middle of an upload without credits is noticed', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart');
  const session = await handler.request();
  await session.send({ type: 'keep-alive' });
  client.socket.destroy();
  await session.next('cancel');
  await edge.stop();
});

test('a session is handed over while its client stays, and the numbers continue', async (t) => {
  const edge = await startEdge(t);
  const first = await Handler.start(t, edge.base, { id: 'first' });
  const client = await connectTo(t, edge.address);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
  const before = await first.request();
  await before.send({ type: 'credit', credits: 100 });
  assert.equal((await before.next('data')).body.toString(), 'one');
  await before.send({ code: 200, body: Buffer.from('first'), more: true });
  await client.takeHead();
  assert.equal(await client.takeChunk(), 'first');
  await before.send({ type: 'handoff-start' });
  await before.next('handoff-proceed');
  const { length } = first.packets;
  // Nobody has the session now: what the client sends has to wait.
  client.write('3\r\ntwo\r\n');
  const second = await Handler.start(t, edge.base, { id: 'second' });
  const after = second.take(before);
  await after.send({ type: 'keep-alive' });
  assert.equal((await after.next('data')).body.toString(), 'two');
  await after.send({ body: Buffer.from('second'), more: true });
  assert.equal(await client.takeChunk(), 'second');
  client.socket.destroy();
  await after.next('cancel');
  assert.equal(first.packets.length, length);
  await edge.stop();
});

test('a client that leaves during a handoff is reported to the new handler', async (t) => {
  const edge = await startEdge(t);
  const first = await Handler.start(t, edge.base, { id: 'first' });
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const before = await first.request();
  await before.send({ code: 200, more: true });
  await client.takeHead();
  await before.send({ type: 'handoff-start' });
  await before.next('handoff-proceed');
  client.socket.destroy();
  const second = await Handler.start(t, edge.base, { id: 'second' });
  const after = second.take(before);
  await after.send({ type: 'keep-alive' });
  await after.next('cancel');
  await edge.stop();
});

test('one packet with 128 ids reaches 128 clients, and three reach 300, with their own numbers', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const clients: RawClient[] = [];
  const sessions: HandlerSession[] = [];
  for (let i = 0; i < 300; i++) {
    const client = await connectTo(t, edge.address);
    client.write(GET);
    const session = await handler.request();
    await session.send({ code: 200, more: true });
    clients.push(client);
    sessions.push(session);
  }
  const broadcast = async (text: string) => {
    for (let at = 0; at < sessions.length; at += 128) {
      await handler.broadcast(sessions.slice(at, at + 128), { body: Buffer.from(text), more: true });
    }
  };
  for (const client of clients) await client.takeHead();
  for (const text of ['tick', 'tock']) {
    await broadcast(text);
    for (const client of clients) assert.equal(await client.takeChunk(), text);
  }
  // One of many that is out of step loses its own session only.
  const [spoilt] = sessions.splice(100, 1);
  const [cut] = clients.splice(100, 1);
  await handler.sendFor(
    [spoilt as HandlerSession, ...sessions.slice(0, 100)].map((each) => ({
      id: each.id,
      seq: each === spoilt ? 99 : each.nextOut++,
    })),
    { body: Buffer.from('mixed'), more: true },
  );
  for (const client of clients.slice(0, 100)) assert.equal(await client.takeChunk(), 'mixed');
  await cut?.ended;
  await spoilt?.next('cancel');
  for (let at = 0; at < sessions.length; at += 128) await handler.broadcast(sessions.slice(at, at + 128), {});
  for (const client of clients) {
    assert.equal(await client.takeChunk(), '');
    client.socket.destroy();
  }
  await edge.stop();
});

test('a packet with more than 128 ids is dropped and counted', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const session = await handler.request();
  const { id } = session;
  const element = `2:id,${id.length}:${id},3:seq,1:0#`;
  const ids = `${element.length}:${element}}`.repeat(129);
  const map = `4:from,2:h1,2:id,${ids.length}:${ids}]4:code,3:200#`;
  await handler.publish(`condure T${map.length}:${map}}`);
  await session.respond('by itself');
  assert.equal((await client.takeResponse()).body, 'by itself');
  client.socket.destroy();
  assert.equal((await edge.stop()).zhttp.packetsMalformed, 1);
});

test('keep-alives for all sessions of a handler come in packets for many of them', async (t) => {
  const edge = await startEdge(t, ['--session-timeout', '3']);
  const handler = await Handler.start(t, edge.base);
  const clients: RawClient[] = [];
  const sessions: HandlerSession[] = [];
  for (let i = 0; i < 20; i++) {
    const client = await connectTo(t, edge.address);
    client.write(GET);
    clients.push(client);
    sessions.push(await handler.request());
  }
  await handler.broadcast(sessions, { code: 200, more: true });
  const keptAlive = sessions.map((session) => session.next('keep-alive'));
  await Promise.race(keptAlive);
  // Signs of life of the handler keep its sessions while the edge is on its round.
  await handler.broadcast(sessions, { type: 'keep-alive' });
  await Promise.all(keptAlive);
  const keepAlives = handler.packets.filter(({ type }) => type === 'keep-alive');
  assert.ok(keepAlives.length < sessions.length, `${keepAlives.length} packets`);
  await handler.broadcast(sessions, { body: Buffer.from('still here') });
  for (const client of clients) {
    assert.equal((await client.takeResponse()).body, 'still here');
    client.socket.destroy();
  }
  await edge.stop();
});

test('a handler that restarts under its id continues the sessions that it remembers', async (t) => {
  const edge = await startEdge(t, ['--log-level', '3']);
  const first = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234');
  const before = await first.request();
  await before.send({ type: 'credit', credits: 100 });
  assert.equal((await before.next('data')).body.toString(), '01234');
  first.close();
  // What is sent to a peer that is just leaving is lost with it.
  await edge.program.logged('zmq connection closed', ({ type }) => type === 'ROUTER');
  client.write('56789');
  const second = await Handler.start(t, edge.base);
  const after = second.take(before);
  assert.equal((await after.takeBody()).toString(), '56789');
  await after.respond('done');
  assert.equal((await client.takeResponse()).body, 'done');
  client.write('GET /new HTTP/1.1\r\nHost: a\r\n\r\n');
  await (await second.request()).respond('new');
  assert.equal((await client.takeResponse()).body, 'new');
  client.socket.destroy();
  await edge.stop();
});

test('a handler that dies for good loses its sessions after --session-timeout, and another one serves', async (t) => {
  const edge = await startEdge(t, ['--session-timeout', '1']);
  const first = await Handler.start(t, edge.base, { id: 'first' });
  const begun = await connectTo(t, edge.address);
  const waiting = await connectTo(t, edge.address);
  begun.write(GET);
  await (await first.request()).send({ code: 200, more: true });
  await begun.takeHead();
  waiting.write(GET);
  await (await first.request()).send({ type: 'keep-alive' });
  first.close();
  assert.equal((await waiting.takeResponse()).status, 504);
  await begun.ended;
  assert.equal(begun.text, '');
  const second = await Handler.start(t, edge.base, { id: 'second' });
  waiting.write(GET);
  await (await second.request()).respond('second');
  assert.equal((await waiting.takeResponse()).body, 'second');
  waiting.socket.destroy();
  assert.equal((await edge.stop()).zhttp.sessionsExpired, 2);
});

test('--router-resp requests responses over the ROUTER socket', async (t) => {
  const edge = await startEdge(t, ['--router-resp']);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const session = await handler.request();
  assert.equal(session.first.routerResp, true);
  await session.respond('published all the same');
  assert.equal((await client.takeResponse()).body, 'published all the same');
  client.socket.destroy();
  await edge.stop();
});
