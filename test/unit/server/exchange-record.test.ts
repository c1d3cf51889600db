import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExchangeObserver, ExchangeRecord } from '../../../src/exchange/index.ts';
import { ExchangeError, errorResponse, respond } from '../../../src/exchange/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { type ServerChanges, startServer } from '../../support/running-server.ts';

class Records implements ExchangeObserver {
  readonly all: ExchangeRecord[] = [];

  onExchangeEnd(record: ExchangeRecord): void {
    this.all.push(record);
  }

  async next(): Promise<ExchangeRecord> {
    while (this.all.length === 0) await turn();
    return this.all.shift() as ExchangeRecord;
  }
}

async function observed(t: Parameters<typeof startServer>[0], changes: ServerChanges = {}) {
  const records = new Records();
  const running = await startServer(t, { ...changes, observer: { current: records } });
  return { running, records, client: await running.connect() };
}

test('A complete exchange is recorded with its status and the bytes of both bodies', async (t) => {
  const { running, records, client } = await observed(t);
  client.write('POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nUser-Agent: me\r\n\r\nhello');
  const exchange = await running.next();
  exchange.grant(100);
  await exchange.until(() => exchange.body === 'hello');
  exchange.head({ status: 201, reason: '', headers: [], bodyLength: 3 });
  exchange.send('abc', false);
  const record = await records.next();
  const { status, requestBytes, responseBytes, error, client: address, request } = record;
  assert.deepEqual(
    { status, requestBytes, responseBytes, error, address },
    { status: 201, requestBytes: 5, responseBytes: 3, error: '', address: '127.0.0.1' },
  );
  assert.equal(request.target, '/a?b');
  assert.ok(record.respondedAt >= record.startedAt);
});

test('A client that leaves, an error response and a refused request are recorded with their code, once each', async (t) => {
  const { running, records, client } = await observed(t);
  client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  respond((await running.next()).requester, errorResponse(new ExchangeError('HF_NO_ROUTE'), false));
  const failed = await records.next();
  assert.deepEqual([failed.status, failed.error], [502, 'HF_NO_ROUTE']);
  client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  await running.next();
  client.socket.destroy();
  const left = await records.next();
  assert.deepEqual([left.status, left.error], [0, 'HF_CLIENT_GONE']);
  const other = await running.connect();
  other.write('nonsense\r\n\r\n');
  const refused = await records.next();
  assert.deepEqual([refused.status, refused.error, refused.request.target], [400, 'HF_BAD_REQUEST', '']);
  assert.equal(records.all.length, 0);
});

test('A response that breaks off is recorded with the error and what was sent of it', async (t) => {
  const { running, records, client } = await observed(t);
  client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  const exchange = await running.next();
  exchange.head({ status: 200, reason: '', headers: [], bodyLength: 10 });
  exchange.send('abc');
  exchange.requester.onResponseError(new ExchangeError('HF_ORIGIN_TRUNCATED'));
  const { status, error, responseBytes } = await records.next();
  assert.deepEqual([status, error, responseBytes], [200, 'HF_ORIGIN_TRUNCATED', 3]);
});

const HANDSHAKE = `GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`.replace(/\r?\n/g, '\r\n');

test('A WebSocket is one record, at its end, with the bytes of its messages', async (t) => {
  const { running, records, client } = await observed(t);
  client.write(HANDSHAKE);
  const webSocket = await running.nextWebSocket();
  webSocket.accept();
  webSocket.grant(100);
  webSocket.message('hello');
  await turn();
  assert.equal(records.all.length, 0);
  // A text frame "hi" with a mask of zeros, and the close frame 1000.
  client.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
  await webSocket.until(() => webSocket.events.length === 2);
  webSocket.close(1000);
  client.socket.end();
  const record = await records.next();
  const { status, webSocket: became, requestBytes, responseBytes, error } = record;
  assert.deepEqual([status, became, requestBytes, responseBytes, error], [101, true, 2, 5, '']);
});

test('A WebSocket whose client vanishes is recorded as left', async (t) => {
  const { running, records, client } = await observed(t);
  client.write(HANDSHAKE);
  const webSocket = await running.nextWebSocket();
  webSocket.accept();
  await turn();
  client.socket.destroy();
  assert.equal((await records.next()).error, 'HF_CLIENT_GONE');
});
