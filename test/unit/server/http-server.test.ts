import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Server } from 'node:net';
import { test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Counters, type RequestHead, silentLog, textResponse } from '../../../src/exchange/index.ts';
import { HttpServer } from '../../../src/server/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { nextRead } from '../../support/next-read.ts';
import { connectTo, openTo } from '../../support/raw-client.ts';
import { startServer, startUnixServer, unixAddress } from '../../support/running-server.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('one server listens on IPv4, IPv6 and a unix socket', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = ({ request, requester }) => {
    const { head, body } = textResponse(200, JSON.stringify(request.peer.address));
    requester.onResponse(head);
    requester.onResponseData(body, false);
  };
  const ipv6 = await running.server.listen({ kind: 'tcp', host: '::1', port: 0 });
  const unix = await running.server.listen(unixAddress(t));
  assert.match(ipv6.address, /^\[::1\]:\d+$/);
  const peers: unknown[] = [];
  for (const address of [running.address, ipv6.address, unix.address]) {
    const client = await connectTo(t, address);
    peers.push(JSON.parse((await client.request(GET)).body));
  }
  assert.deepEqual(peers, ['127.0.0.1', '::1', '']);
});

test('draining closes idle connections at once and the listeners too', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => exchange.respond();
  const idle = await running.connect();
  await idle.request(GET);
  running.server.drain();
  assert.equal(await idle.takeAll(), '');
  idle.end();
  await running.server.whenEmpty();
  const late = openTo(t, running.address);
  const [error] = await once(late.socket, 'error');
  assert.equal(error.code, 'ECONNREFUSED');
});

test('draining lets exchanges complete, with Connection: close', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET + GET);
  const exchange = await running.next();
  running.server.drain();
  exchange.respond('in time');
  const response = await client.takeResponse();
  assert.deepEqual([response.body, response.headers.get('connection')], ['in time', 'close']);
  assert.equal(await client.takeAll(), '');
  assert.equal(running.counters.requests, 1);
});

test('draining lets a request that is arriving complete', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  const read = nextRead(await running.serverEnd(client));
  client.write(GET.slice(0, 5));
  await read;
  running.server.drain();
  client.write(GET.slice(5));
  (await running.next()).respond('in time');
  const response = await client.takeResponse();
  assert.deepEqual([response.body, response.headers.get('connection')], ['in time', 'close']);
});

test('draining lets a stream go on until its responder ends it', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  exchange.head();
  await client.takeHead();
  running.server.drain();
  exchange.send('bye', false);
  assert.equal(await client.takeAll(), '3\r\nbye\r\n0\r\n\r\n');
});

test('the server is empty only when its last connection is closed', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  running.server.drain();
  let empty = false;
  const settled = running.server.whenEmpty().then(() => {
    empty = true;
  });
  await turn();
  assert.equal(empty, false);
  exchange.respond();
  await client.takeResponse();
  client.end();
  await settled;
  assert.equal(running.counters.connectionsOpen, 0);
  await running.server.whenEmpty();
});

test('destroying cuts every connection, and the responders get an error', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  exchange.head();
  exchange.send('part');
  await client.take('part\r\n');
  running.server.destroy();
  assert.equal((await exchange.failed()).code, 'HF_CLIENT_GONE');
  assert.equal(await client.takeAll(), '');
});

test('destroying resets a response that only the end of the connection would end', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write('GET / HTTP/1.0\r\n\r\n');
  const exchange = await running.next();
  exchange.head();
  exchange.send('part');
  await client.take('part');
  running.server.destroy();
  assert.equal(await client.ended, 'reset');
});

test('destroying does not disturb a response that is complete and on its way', async (t) => {
  const running = await startUnixServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  running.server.drain();
  exchange.respond('whole');
  running.server.destroy();
  assert.equal((await client.takeResponse()).body, 'whole');
});

test('the responses to requests that the server refuses are configurable', async (t) => {
  const wheel = new TimerWheel();
  const seen: RequestHead[] = [];
  const server = new HttpServer({
    service: (request) => {
      seen.push(request);
      throw new Error('not to be called');
    },
    limits: { current: (await startServer(t)).limits },
    wheel,
    counters: new Counters(),
    log: silentLog,
    describeError: (error) => textResponse(499, `${error.code}, ${error.detail}`),
  });
  t.after(() => {
    server.drain();
    server.destroy();
    wheel.stop();
  });
  const { address } = await server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  const response = await (await connectTo(t, address)).request('GET / HTTP/1.1\r\n\r\n');
  assert.deepEqual([response.status, response.body], [499, 'HF_BAD_REQUEST, missing Host\n']);
  assert.deepEqual(seen, []);
});

test('connections that could not be accepted are counted, and reported once, for what it is', async (t) => {
  const listen = t.mock.method(Server.prototype, 'listen');
  const running = await startServer(t);
  const listener = listen.mock.calls[0]?.this as Server;
  for (let i = 0; i < 3; i++) listener.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
  assert.equal(running.counters.connectionsLost, 3);
  assert.deepEqual(
    running.log.with('connections cannot be accepted').map(({ level, fields }) => [level, fields]),
    [['error', { code: 'HF_OPEN_FILES', lost: 1, detail: 'this process has too many open files' }]],
  );
});
