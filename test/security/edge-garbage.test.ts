import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Dealer, Pull, Push, Reply, Request, Subscriber } from 'zeromq';
import { type Edge, startEdge } from '../support/edge/edge.ts';
import { endpointsOf, Handler } from '../support/edge/handler.ts';
import { connectTo } from '../support/raw-client.ts';
import { GARBAGE, rawAt } from '../support/zmq/garbage.ts';

/** The types of socket that the three endpoints and that of req mode are made for. */
const FITTING = ['PULL', 'DEALER', 'PUB', 'ROUTER'];

async function serves(t: TestContext, edge: Edge, handler: Handler): Promise<void> {
  const client = await connectTo(t, edge.address);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody');
  const session = await handler.request();
  await session.send({ type: 'credit', credits: 4 });
  assert.equal((await session.takeBody()).toString(), 'body');
  await session.respond('served');
  assert.equal((await client.takeResponse()).body, 'served');
  client.socket.destroy();
}

test('a peer that sends garbage to any ZeroMQ endpoint is cut off, and others are not affected', async (t) => {
  const edge = await startEdge(t, ['--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0,req']);
  const handler = await Handler.start(t, edge.base);
  const before = edge.descriptors().length;
  const endpoints = [...endpointsOf(edge.base), edge.reqEndpoint];
  for (const [what, bytes] of Object.entries(GARBAGE)) {
    await t.test(what, async (t) => {
      for (const [index, endpoint] of endpoints.entries()) {
        const socket = await rawAt(t, endpoint);
        const closed = once(socket, 'close');
        socket.write(bytes(FITTING[index] ?? ''));
        await closed;
      }
      await serves(t, edge, handler);
    });
  }
  const { zmq } = await edge.stop();
  assert.equal(zmq.peersRefused, Object.keys(GARBAGE).length * endpoints.length);
  if (before > 0) assert.ok(before < 100);
});

test('many silent connections do not affect others', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const sockets: Socket[] = [];
  for (const endpoint of endpointsOf(edge.base)) {
    for (let i = 0; i < 100; i++) sockets.push(await rawAt(t, endpoint));
  }
  await serves(t, edge, handler);
  for (const socket of sockets) socket.destroy();
  await serves(t, edge, handler);
  await edge.stop();
});

test('libzmq sockets of a wrong type are refused', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const [out, outStream, into] = endpointsOf(edge.base);
  const strangers = [
    [new Push(), out],
    [new Subscriber(), out],
    [new Pull(), outStream],
    [new Request(), into],
    [new Dealer(), into],
    [new Reply(), into],
  ] as const;
  for (const [socket, endpoint] of strangers) {
    socket.linger = 0;
    t.after(() => socket.close());
    socket.connect(endpoint);
  }
  for (let refused = 0; refused < strangers.length; ) {
    await edge.program.logged('zmq peer cut off', () => {
      refused = edge.program.log().filter(({ msg }) => msg === 'zmq peer cut off').length;
      return refused >= strangers.length;
    });
  }
  await serves(t, edge, handler);
  await edge.stop();
});

test('messages of handlers to the wrong endpoint change nothing', async (t) => {
  const edge = await startEdge(t, ['--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0,req']);
  const handler = await Handler.start(t, edge.base);
  const [, outStream] = endpointsOf(edge.base);
  const dealer = new Dealer({ linger: 0, routingId: 'stranger' });
  t.after(() => dealer.close());
  dealer.connect(outStream);
  for (const message of [
    ['x'],
    ['', ''],
    ['', 'T'],
    ['', 'T0:}', 'more'],
    ['a', 'b', 'c'],
    ['', Buffer.alloc(5_000_000)],
  ]) {
    await dealer.send(message);
  }
  await handler.publish('condure ', '');
  await handler.publish('condure T', Buffer.alloc(100_000));
  await handler.publish(Buffer.alloc(20_000_000, 'condure T'));
  await serves(t, edge, handler);
  // An address that somebody else has already is not given away.
  const usurper = new Dealer({ linger: 0, routingId: handler.id });
  t.after(() => usurper.close());
  usurper.connect(outStream);
  await edge.program.logged('zmq peer cut off', ({ reason }) => String(reason).includes('identity is in use'));
  await serves(t, edge, handler);
  await edge.stop();
});
