import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageWriter } from '../../../src/codec/websocket/index.ts';
import { Http1Connection } from '../../../src/server/http1-connection.ts';
import { Http1Stream } from '../../../src/server/http1-stream.ts';
import { NewConnection } from '../../../src/server/new-connection.ts';
import { WebSocketConnection } from '../../../src/server/websocket-connection.ts';
import { manualClock } from '../../support/manual-clock.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { type RunningServer, startServer, startUnixServer } from '../../support/running-server.ts';
import type { ScriptedExchange } from '../../support/scripted-service.ts';
import { throwOnce } from '../../support/throw-once.ts';
import { closeText, openWebSocket } from './raw-websocket.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n';

/** One exchange that is going to fail, and another one that is not to notice. */
interface Two {
  readonly running: RunningServer;
  readonly client: RawClient;
  readonly exchange: ScriptedExchange;
  /** The other exchange ends well, further ones too, and just one fault was counted and logged. */
  assertOthersGoOn(): Promise<void>;
}

async function ask(running: RunningServer, text: string): Promise<{ client: RawClient; exchange: ScriptedExchange }> {
  const client = await running.connect();
  client.write(text);
  return { client, exchange: await running.next() };
}

async function two(running: RunningServer, text = GET): Promise<Two> {
  const other = await ask(running, GET);
  const one = await ask(running, text);
  const assertOthersGoOn = async () => {
    other.exchange.respond('other');
    assert.equal((await other.client.takeResponse()).body, 'other');
    const later = await ask(running, GET);
    later.exchange.respond('later');
    assert.equal((await later.client.takeResponse()).body, 'later');
    assertOneFault(running);
  };
  return { running, ...one, assertOthersGoOn };
}

function assertOneFault(running: RunningServer): void {
  assert.equal(running.counters.faults, 1);
  const [record, ...more] = running.log.with('internal error');
  assert.equal(more.length, 0);
  assert.deepEqual([record?.level, record?.fields.code], ['error', 'HF_INTERNAL']);
  assert.match(String(record?.fields.detail), /thrown by \w+\n\s+at /);
}

async function assertInternalError({ client, exchange }: Two): Promise<void> {
  const { status, headers } = await client.takeResponse();
  assert.deepEqual([status, headers.get('connection')], [500, 'close']);
  assert.equal(exchange.failure(), 'HF_INTERNAL');
}

test('data that cannot be handled fails its exchange only', async (t) => {
  const it = await two(await startServer(t), POST);
  throwOnce(t, Http1Connection.prototype, 'onInput');
  it.client.write('abc');
  await assertInternalError(it);
  await it.assertOthersGoOn();
});

test('a FIN that cannot be handled fails its exchange only', async (t) => {
  const it = await two(await startServer(t));
  throwOnce(t, Http1Connection.prototype, 'onInputEnd');
  it.client.end();
  await assertInternalError(it);
  await it.assertOthersGoOn();
});

test('an end of turn that throws fails its exchange only', async (t) => {
  const it = await two(await startServer(t));
  throwOnce(t, Http1Stream.prototype, 'onTurnEnd');
  it.exchange.head();
  await assertInternalError(it);
  await it.assertOthersGoOn();
});

test('a timer that throws fails its exchange only', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { bodyTimeout: 5 });
  const it = await two(running, POST);
  it.exchange.grant(6);
  throwOnce(t, Http1Connection.prototype, 'onTimer');
  advance(6);
  await assertInternalError(it);
  await it.assertOthersGoOn();
});

test('a drain that throws cuts off its exchange only', async (t) => {
  const it = await two(await startUnixServer(t));
  it.client.socket.pause();
  it.exchange.head();
  it.exchange.send(Buffer.alloc(1_000_000));
  throwOnce(t, Http1Connection.prototype, 'onDrain');
  it.client.socket.resume();
  assert.equal((await it.exchange.failed()).code, 'HF_INTERNAL');
  await it.assertOthersGoOn();
});

test('the end of a connection that throws leaves its place to others', async (t) => {
  const running = await startServer(t, { maxConnections: 2 });
  const it = await two(running);
  throwOnce(t, Http1Connection.prototype, 'onClosed');
  it.client.reset();
  await it.assertOthersGoOn();
});

test('a connection that cannot be accepted is closed, and no other', async (t) => {
  const running = await startServer(t);
  const it = await two(running);
  throwOnce(t, NewConnection.prototype, 'start');
  const refused = await running.connect();
  await refused.ended;
  it.exchange.respond('one');
  assert.equal((await it.client.takeResponse()).body, 'one');
  await it.assertOthersGoOn();
});

test('first bytes that cannot be handled end their connection only', async (t) => {
  const running = await startServer(t);
  const it = await two(running);
  throwOnce(t, Http1Connection.prototype, 'onInput');
  const client = await running.connect();
  client.write(GET);
  assert.equal(await client.takeAll(), '');
  it.exchange.respond('one');
  assert.equal((await it.client.takeResponse()).body, 'one');
  await it.assertOthersGoOn();
});

test('a responder that throws again in its error handler changes nothing', async (t) => {
  const it = await two(await startServer(t), POST);
  throwOnce(t, Http1Connection.prototype, 'onInput');
  it.exchange.onRequestError = () => {
    throw new Error('thrown by onRequestError');
  };
  it.client.write('abc');
  assert.equal((await it.client.takeResponse()).status, 500);
  assert.equal(it.running.counters.faults, 2);
  it.running.counters.faults = 1;
  it.running.log.records.splice(1);
  await it.assertOthersGoOn();
});

test('a connection on which a call threw takes no more input', async (t) => {
  const it = await two(await startServer(t), POST);
  it.exchange.onRequestData = () => {
    throw new Error('thrown by onRequestData');
  };
  it.exchange.grant(6);
  it.client.write(`abcdef${GET}`);
  assert.equal((await it.client.takeResponse()).status, 500);
  assert.equal(await it.client.takeAll(), '');
  await it.assertOthersGoOn();
});

for (const [what, method, act] of [
  ['input', 'onInput', (client: RawClient) => client.write('\x81\x80\0\0\0\0')],
  ['a FIN', 'onInputEnd', (client: RawClient) => client.end()],
] as const) {
  test(`a WebSocket for which ${what} throws ends with 1011, and no other`, async (t) => {
    const running = await startServer(t);
    const other = await openWebSocket(running);
    const { client, webSocket } = await openWebSocket(running);
    throwOnce(t, WebSocketConnection.prototype, method);
    act(client);
    assert.equal((await webSocket.failed()).code, 'HF_INTERNAL');
    assert.equal((await client.takeAll()).slice(2, 4), closeText(1011));
    other.webSocket.message('goes on');
    assert.equal(await other.client.takeBytes(9), '\x81\x07goes on');
    assertOneFault(running);
  });
}

test('a callback of zlib that throws ends its WebSocket with 1011, and no other', async (t) => {
  const running = await startServer(t, { compression: true });
  const fields = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';
  const other = await openWebSocket(running, 0, fields);
  const { client, webSocket } = await openWebSocket(running, 0, fields);
  throwOnce(t, MessageWriter.prototype, 'onDeflated');
  webSocket.message('Hello');
  assert.equal((await webSocket.failed()).code, 'HF_INTERNAL');
  assert.equal((await client.takeAll()).slice(2, 4), closeText(1011));
  other.webSocket.message('Hello');
  assert.equal(await other.client.takeBytes(9), '\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00');
  assertOneFault(running);
});

test('the end of a WebSocket that throws is counted, and others go on', async (t) => {
  const running = await startServer(t);
  const other = await openWebSocket(running);
  const { client } = await openWebSocket(running);
  throwOnce(t, WebSocketConnection.prototype, 'onClosed');
  const end = await running.serverEnd(client);
  const closed = new Promise((resolve) => end.once('close', resolve));
  client.reset();
  await closed;
  other.webSocket.message('goes on');
  assert.equal(await other.client.takeBytes(9), '\x81\x07goes on');
  assertOneFault(running);
});
