import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, request as nodeRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { Payload } from '../../../src/exchange/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { portOf } from '../../support/port-of.ts';
import { type RunningServer, startServer, startUnixServer } from '../../support/running-server.ts';
import type { ScriptedExchange } from '../../support/scripted-service.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Lets time pass until the server has found out that a client is gone. */
async function passUntilGone(exchange: ScriptedExchange, advance: (seconds: number) => void): Promise<void> {
  for (let i = 0; i < 100 && exchange.failure() === ''; i++) {
    advance(5);
    await turn();
  }
  assert.equal(exchange.failure(), 'HF_CLIENT_GONE');
}

/** Resolves when the server knows that the client sends no more. */
async function inputEnded(running: RunningServer, client: Parameters<RunningServer['serverEnd']>[0]): Promise<Socket> {
  const socket = await running.serverEnd(client);
  if (!socket.readableEnded) await once(socket, 'end');
  return socket;
}

test('a FIN after the request does not cancel the response; the connection ends with it', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.end(GET);
  const exchange = await running.next();
  await inputEnded(running, client);
  exchange.respond('late');
  const response = await client.takeResponse();
  assert.deepEqual([response.body, response.headers.get('connection')], ['late', 'close']);
  assert.equal(await client.ended, 'fin');
  assert.equal(running.counters.requestsAborted, 0);
});

test('a FIN cancels the exchange at once if so configured, whatever is unread or already sent', async (t) => {
  const running = await startServer(t, { abortOnHalfClose: true });
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n';
  for (const sent of [GET, GET + GET, post, `${post}123456789`]) {
    const client = await running.connect();
    client.write(sent);
    const exchange = await running.next();
    client.end();
    assert.equal((await exchange.failed()).code, 'HF_CLIENT_GONE');
    assert.equal(await client.takeAll(), '');
    await client.closed;
  }
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  exchange.head();
  await client.takeHead();
  client.end();
  assert.equal((await exchange.failed()).code, 'HF_CLIENT_GONE');
  assert.equal(running.counters.requestsAborted, 5);
});

test('a FIN after a complete response cancels nothing, in either configuration', async (t) => {
  const running = await startServer(t, { abortOnHalfClose: true });
  running.script.onExchange = (exchange) => exchange.respond('whole');
  const client = await running.connect();
  client.end(GET + GET);
  assert.deepEqual([(await client.takeResponse()).body, (await client.takeResponse()).body], ['whole', 'whole']);
  assert.equal(await client.ended, 'fin');
  assert.equal(running.counters.requestsAborted, 0);
});

test('all requests before a FIN get their responses, in order', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.end(GET + GET + GET);
  for (const body of ['1', '2', '3']) {
    const exchange = await running.next();
    await turn();
    exchange.respond(body);
    assert.equal((await client.takeResponse()).body, body);
  }
  assert.equal(await client.ended, 'fin');
});

test('a FIN between two requests ends the connection', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => exchange.respond();
  const client = await running.connect();
  await client.request(GET);
  client.end();
  assert.equal(await client.takeAll(), '');
  await client.closed;
  assert.equal(running.counters.requestsRefused, 0);
});

test('a FIN within a request head gets a 400', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.end(GET.slice(0, -2));
  const response = await client.takeResponse();
  assert.deepEqual([response.status, response.headers.get('connection')], [400, 'close']);
  assert.equal(running.counters.requestsRefused, 1);
  assert.equal(running.log.with('request refused')[0]?.fields.detail, 'the connection ended within the request header');
});

test('a FIN within a request body gets a 400, and the responder gets an error', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123');
  const exchange = await running.next();
  exchange.grant(100);
  client.end('456');
  assert.equal((await exchange.failed()).code, 'HF_BAD_REQUEST');
  assert.equal(exchange.body, '123456');
  assert.equal((await client.takeResponse()).status, 400);
});

test('a FIN after a body that was not taken yet loses none of it', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.end('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
  const exchange = await running.next();
  await inputEnded(running, client);
  exchange.grant(3);
  assert.deepEqual([exchange.body, exchange.bodyDone], ['abc', true]);
  exchange.respond('ok');
  assert.equal((await client.takeResponse()).body, 'ok');
});

test('a reset cancels the exchange at once, and its responder gets an error', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  client.reset();
  assert.equal((await exchange.failed()).code, 'HF_CLIENT_GONE');
  assert.equal(running.counters.requestsAborted, 1);
  assert.equal(running.counters.connectionsOpen, 0);
  // What the responder does before it knows comes to nothing.
  exchange.respond('into the void');
});

test('a held stream continues for a client that has closed its sending side', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  exchange.head();
  await client.takeHead();
  client.end();
  await inputEnded(running, client);
  for (let i = 0; i < 5; i++) {
    advance(5);
    await turn();
    exchange.requester.onResponsePayload(new Payload(Buffer.from(`item ${i}`)));
    assert.equal(await client.takeChunk(), `item ${i}`);
  }
  exchange.send('', false);
  assert.match(await client.takeAll(), /^0+\r\n\r\n$/);
});

for (const begun of [false, true]) {
  const when = begun ? 'within' : 'before';
  test(`node:http reads a stream correctly after closing its sending side ${when} the response`, async (t) => {
    const advance = manualClock(t);
    const running = await startServer(t);
    const socket = connect({ port: portOf(running.address), host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => socket.destroy());
    const request = nodeRequest({ createConnection: () => socket, headers: { host: 'a' } });
    request.end();
    const exchange = await running.next();
    const answered = once(request, 'response');
    if (!begun) socket.end();
    exchange.head();
    const [response] = await answered;
    if (begun) socket.end();
    let body = '';
    response.setEncoding('latin1');
    response.on('data', (text: string) => {
      body += text;
    });
    for (let i = 0; i < 3; i++) {
      advance(10);
      exchange.send(`${i}`.repeat(10));
      await once(response, 'data');
    }
    advance(10);
    exchange.send('', false);
    await once(response, 'end');
    assert.equal(body, '000000000011111111112222222222');
    assert.equal(response.complete, true);
  });
}

test('a client that closed its sending side and then reset is detected without an item for it', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t);
  for (const held of ['stream', 'response']) {
    const client = await running.connect();
    client.write(GET);
    const exchange = await running.next();
    if (held === 'stream') {
      exchange.head();
      await client.takeHead();
    }
    client.end();
    await inputEnded(running, client);
    client.reset();
    await client.closed;
    await passUntilGone(exchange, advance);
  }
  assert.equal(running.counters.requestsAborted, 2);
  assert.equal(running.counters.connectionsOpen, 0);
});

test('a client that closes while its stream is held is detected without an item for it', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t);
  const request = get({ port: portOf(running.address), host: '127.0.0.1', agent: false });
  const exchange = await running.next();
  exchange.head();
  await once(request, 'response');
  request.on('error', () => {});
  request.destroy();
  await once(request, 'close');
  await passUntilGone(exchange, advance);
});

test('a client on a unix socket that closes is detected in the same way', async (t) => {
  const advance = manualClock(t);
  const running = await startUnixServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  client.socket.destroy();
  await inputEnded(running, client);
  await passUntilGone(exchange, advance);
});

test('a client that is not read because it sent too much ahead is detected when it leaves', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { pipelineBytes: 4_096 });
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  const socket = await running.serverEnd(client);
  const paused = once(socket, 'pause');
  client.write(Buffer.alloc(32_000_000, GET));
  await paused;
  client.reset();
  await client.closed;
  await passUntilGone(exchange, advance);
  assert.equal(running.counters.connectionsOpen, 0);
});
