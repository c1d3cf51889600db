import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceparent } from '../../../src/codec/trace-context/index.ts';
import { ExchangeError, type ExchangeRecord, textResponse } from '../../../src/exchange/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { startSite } from '../../support/mongrel2/site-rig.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

/** What the next record says. */
async function next(records: ExchangeRecord[]) {
  while (records.length === 0) await turn();
  const { request, ...record } = records.shift() as ExchangeRecord;
  const { status, route, origin, requestBytes, responseBytes, error } = record;
  return {
    ...{ method: request.method, target: request.target, status, route, origin, requestBytes, responseBytes, error },
    more: record,
  };
}

test('a request of a handler has a record, with what the handler has written, once that is complete', async (t) => {
  const records: ExchangeRecord[] = [];
  const rig = await startSite(t, { records });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(
    handler,
    'POST /h/x?q=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nContent-Length: 2\r\n\r\nhi',
  );
  assert.deepEqual(records, [], 'it has no response yet');
  handler.answer(id, 'HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello');
  await client.takeResponse();
  const { more, ...record } = await next(records);
  assert.deepEqual(record, {
    ...{ method: 'POST', target: '/h/x?q=1', status: 201, route: '/h', origin: handlerOf().name },
    ...{ requestBytes: 2, responseBytes: 5, error: '' },
  });
  assert.equal(more.requestId, 'mine');
  assert.equal(more.client, '127.0.0.1');
  assert.ok(more.originTime >= 0 && more.respondedAt > 0);
});

test('each request on a connection has a record of its own, in their order', async (t) => {
  const records: ExchangeRecord[] = [];
  const rig = await startSite(t, { records });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  client.write('HEAD /h/2 HTTP/1.1\r\nHost: a\r\n\r\n');
  await handler.next();
  handler.answer(id, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na');
  handler.answer(id, 'HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n');
  const [one, two] = [await next(records), await next(records)];
  assert.deepEqual([one.method, one.status, one.responseBytes], ['GET', 200, 1]);
  assert.deepEqual([two.method, two.status, two.responseBytes], ['HEAD', 404, 0]);
});

test('how it came that a request has no whole response is in its record', async (t) => {
  const records: ExchangeRecord[] = [];
  const rig = await startSite(t, { records });
  const handler = await rig.handler();
  const left = await rig.ask(handler);
  left.client.reset();
  assert.equal((await next(records)).error, 'HF_CLIENT_GONE');
  await handler.nextGone();
  const closed = await rig.ask(handler);
  handler.answer(closed.id, '');
  closed.client.end();
  const { status, error } = await next(records);
  assert.deepEqual([status, error], [0, 'HF_BACKEND_ERROR']);
  const short = await rig.ask(handler);
  handler.answer(short.id, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort');
  handler.answer(short.id, '');
  short.client.end();
  const cut = await next(records);
  assert.deepEqual([cut.status, cut.responseBytes, cut.error], [200, 5, 'HF_BACKEND_ERROR']);
  const open = await rig.ask(handler);
  handler.answer(open.id, 'HTTP/1.1 200 OK\r\n\r\nto the end');
  handler.answer(open.id, '');
  open.client.end();
  const whole = await next(records);
  assert.deepEqual([whole.status, whole.responseBytes, whole.error], [200, 10, '']);
});

test('requests of other targets, and those without one, have their records too', async (t) => {
  const records: ExchangeRecord[] = [];
  let fails = false;
  const rig = await startSite(t, {
    records,
    routes: [
      { path: '/h', target: handlerOf() },
      { path: '/files/', target: { kind: 'proxy', host: 'origin.test', port: 81 } },
    ],
    service: (_, requester) => {
      const { head, body } = textResponse(203, 'from elsewhere');
      if (fails) requester.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE'));
      else {
        requester.onResponse(head);
        requester.onResponseData(body, false);
      }
      return { onRequestData: () => {}, onRequestError: () => {}, onResponseCredit: () => {} };
    },
  });
  const client = await rig.connect();
  await client.request('GET /files/x HTTP/1.1\r\nHost: a\r\n\r\n');
  const { more, ...fine } = await next(records);
  assert.deepEqual([fine.status, fine.route, fine.origin, fine.responseBytes], [203, '/files/', 'origin.test:81', 15]);
  assert.ok(more.originTime >= 0);
  fails = true;
  client.write('GET /files/x HTTP/1.1\r\nHost: a\r\n\r\n');
  const failed = await next(records);
  assert.deepEqual([failed.status, failed.error], [502, 'HF_ORIGIN_UNREACHABLE']);
  const other = await rig.connect();
  other.write('GET /none HTTP/1.1\r\nHost: a\r\n\r\n');
  const none = await next(records);
  assert.deepEqual([none.status, none.route, none.error], [404, '', 'HF_NO_ROUTE']);
});

test('a WebSocket has one record, at its end, and each of its messages the trace', async (t) => {
  const records: ExchangeRecord[] = [];
  const observer = { onExchangeEnd: (record: ExchangeRecord) => void records.push(record) };
  const rig = await startSite(t, { tracing: { accept: true, sample: 1, observer } });
  const handler = await rig.handler();
  const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n';
  const { client, id } = await rig.ask(
    handler,
    `GET /h HTTP/1.1\r\nHost: a\r\n${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  handler.answer(id, 'HTTP/1.1 101 Switching Protocols\r\n\r\n');
  await client.take('\r\n\r\n');
  // A masked message of three bytes.
  client.write(Buffer.from([0x81, 0x83, 0, 0, 0, 0, 0x61, 0x62, 0x63]).toString('latin1'));
  const { body, headers } = await handler.next();
  assert.equal(body.toString(), 'abc');
  const parent = parseTraceparent(String(headers.get('traceparent')));
  handler.answer(id, Buffer.from([0x81, 2, 0x68, 0x69]));
  await client.take('hi');
  assert.deepEqual(records, []);
  client.reset();
  const { status, error, requestBytes, responseBytes, more } = await next(records);
  assert.deepEqual([status, error, requestBytes, responseBytes, more.webSocket], [101, '', 3, 4, true]);
  assert.equal(parent?.parentId, more.span?.spanId);
});

test('handlers get the trace of a request among its fields, in both forms', async (t) => {
  for (const protocol of ['json', 'tnetstring'] as const) {
    const spans: ExchangeRecord[] = [];
    const observer = { onExchangeEnd: (record: ExchangeRecord) => void spans.push(record) };
    const rig = await startSite(t, {
      routes: [{ path: '/h', target: handlerOf({ protocol }) }],
      tracing: { accept: true, sample: 1, observer },
    });
    const handler = await rig.handler();
    const client = await rig.connect();
    client.write(`POST /h HTTP/1.1\r\nHost: a\r\nTraceparent: 00-${TRACE}-${PARENT}-01\r\nContent-Length: 1\r\n\r\nx`);
    const { id, headers } = await handler.next();
    const parent = parseTraceparent(String(headers.get('traceparent')));
    assert.equal(parent?.traceId, TRACE);
    handler.answer(id, 'HTTP/1.1 204 No Content\r\n\r\n');
    while (spans.length === 0) await turn();
    assert.deepEqual(
      [spans[0]?.span?.spanId, spans[0]?.span?.parentId, spans[0]?.status],
      [parent?.parentId, PARENT, 204],
    );
    client.write('POST /h HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n');
    const chunked = await handler.next();
    assert.notEqual(parseTraceparent(String(chunked.headers.get('traceparent'))), null);
  }
});
