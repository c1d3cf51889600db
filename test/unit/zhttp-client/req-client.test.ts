import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ExchangeError, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { RecordingRequester } from '../../support/exchange/recording-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { turn } from '../../support/manual-clock.ts';
import { ReqRig } from '../../support/zhttp/req-rig.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a request without a body is one packet, and so is its response', (t) => {
  const rig = new ReqRig(t);
  const client = rig.request({ target: '/x', headers: ['A', 'b'] });
  assert.equal(
    rig.link.offeredBytes[0]?.toString(),
    'T156:2:id,5:r-0-0,3:ext,15:5:multi,4:true!}6:method,3:GET,3:uri,20:http://example.com/x,' +
      '7:headers,11:8:1:A,1:b,]]12:peer-address,9:127.0.0.1,9:peer-port,5:57416#}',
  );
  rig.respond('r-0-0', { code: 200, reason: 'OK', headers: ['C', 'd'], body: 'hello' });
  assert.deepEqual(client.take(), ['head 200 OK', 'data "hello"']);
  assert.deepEqual(client.head, { status: 200, reason: 'OK', headers: ['C', 'd'], bodyLength: 5 });
  const { sessions, sessionsOpen, sessionsFailed } = rig.counters;
  assert.deepEqual([sessions, sessionsOpen, sessionsFailed], [1, 0, 0]);
});

test('a body is collected before its request is sent', (t) => {
  const rig = new ReqRig(t);
  for (const bodyLength of [6, UNKNOWN_LENGTH]) {
    const client = rig.request({ method: 'POST', bodyLength });
    assert.deepEqual(client.take(), ['credit 101']);
    client.send('abc', true);
    client.send('def', bodyLength === UNKNOWN_LENGTH);
    if (bodyLength === UNKNOWN_LENGTH) client.send('');
    assert.equal(rig.link.offered.at(-1)?.body.toString(), 'abcdef');
  }
  assert.equal(rig.link.offered.length, 2);
});

test('a body with too large a Content-Length is refused before it is sent', (t) => {
  const rig = new ReqRig(t);
  assert.deepEqual(rig.request({ bodyLength: 100 }).take(), ['credit 101']);
  const client = rig.request({ bodyLength: 101 });
  assert.deepEqual(client.take(), ['error HF_BODY_TOO_LARGE']);
  assert.equal(client.error?.face.status, 413);
  assert.equal(rig.link.offered.length, 0);
});

test('a body of unknown length is refused at the first byte too many', (t) => {
  const rig = new ReqRig(t);
  const fits = rig.request({ bodyLength: UNKNOWN_LENGTH });
  fits.send('x'.repeat(100), true);
  fits.send('');
  assert.equal(rig.link.offered[0]?.body.length, 100);
  const client = rig.request({ bodyLength: UNKNOWN_LENGTH });
  client.take();
  client.send('x'.repeat(100), true);
  client.take();
  client.send('x', true);
  assert.deepEqual(client.take(), ['error HF_BODY_TOO_LARGE']);
  client.responder?.onRequestData(Buffer.from('more'), false);
  assert.equal(rig.link.offered.length, 1);
});

test('a response may have as many bytes as a body, and no more', (t) => {
  const rig = new ReqRig(t);
  const fits = rig.request();
  rig.respond('r-0-0', { code: 200, body: 'x'.repeat(100) });
  assert.equal(fits.received, 100);
  const client = rig.request();
  rig.respond('r-0-1', { code: 200, body: 'x'.repeat(101) });
  assert.deepEqual(client.take(), ['error HF_BACKEND_OVERRUN']);
  assert.equal(client.error?.detail, 'the body of the response has 101 bytes, not up to 100');
});

test('the response body is passed on as fast as the client takes it', (t) => {
  const rig = new ReqRig(t);
  const client = rig.request({ credits: 10 });
  client.greedy = false;
  rig.respond('r-0-0', { code: 200, body: 'x'.repeat(25), more: true });
  assert.deepEqual(client.take(), ['head 200', 'data "xxxxxxxxxx" more']);
  assert.equal(client.head?.bodyLength, 25);
  client.grant(3);
  client.grant(12);
  assert.deepEqual(client.take(), ['data "xxx" more', 'data "xxxxxxxxxxxx"']);
});

test('a client that takes at once gets a large response in order', (t) => {
  const rig = new ReqRig(t);
  const client = rig.request({ credits: 4 });
  rig.respond('r-0-0', { code: 200, body: '0123456789' });
  assert.deepEqual(client.take(), ['head 200', 'data "0123" more', 'data "4567" more', 'data "89"']);
});

test('a client that leaves in the middle of a response gets nothing more', (t) => {
  const rig = new ReqRig(t);
  const client = rig.request({ credits: 4 });
  client.greedy = false;
  rig.respond('r-0-0', { code: 200, body: '0123456789' });
  client.leave();
  client.responder?.onResponseCredit(100);
  assert.deepEqual(client.take(), ['head 200', 'data "0123" more']);
});

test('a response without a body is complete and keeps a declared length, as for HEAD', (t) => {
  const rig = new ReqRig(t);
  const empty = rig.request();
  rig.respond('r-0-0', { code: 204 });
  assert.deepEqual(empty.take(), ['head 204', 'data ""']);
  const head = rig.request({ method: 'HEAD' });
  rig.respond('r-0-1', { code: 200, headers: ['Content-Length', '1000'] });
  assert.deepEqual(head.take(), ['head 200', 'data ""']);
  assert.equal(head.head?.bodyLength, 1_000);
});

test('an error or cancel of the handler fails the request', (t) => {
  const rig = new ReqRig(t);
  for (const [fields, what] of [
    [{ type: 'error', condition: 'policy-violation' }, 'policy-violation'],
    [{ type: 'error' }, 'error'],
    [{ type: 'cancel' }, 'cancel'],
  ] as const) {
    const client = rig.request();
    rig.respond(`r-0-${rig.counters.sessions - 1}`, fields);
    assert.deepEqual(client.take(), ['error HF_BACKEND_ERROR']);
    assert.equal(client.error?.face.status, 502);
    assert.equal(client.error?.detail, `the handler reports ${what}`);
  }
});

test('packets that are not a response fail the request', (t) => {
  const rig = new ReqRig(t);
  for (const [fields, detail] of [
    [{ type: 'keep-alive' }, 'the handler responded with a packet of type keep-alive'],
    [{ type: 'credit', credits: 5 }, 'the handler responded with a packet of type credit'],
    [{ type: 'handoff-start' }, 'the handler responded with a packet of type handoff-start'],
    [{ type: 'close' }, 'the handler responded with a packet of type close'],
    [{}, 'the first packet has no code'],
    [{ code: 101 }, '101 is no status of a final response'],
    [{ code: 200, headers: ['Content-Length', '1', 'Content-Length', '2'] }, 'Content-Length is 1, 2'],
  ] as const) {
    const client = rig.request();
    const headers = 'headers' in fields ? [...fields.headers] : [];
    rig.respond(`r-0-${rig.counters.sessions - 1}`, { ...fields, headers });
    assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL'], detail);
    assert.equal(client.error?.detail, detail);
  }
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('unknown, multiple and late responses are counted', (t) => {
  const rig = new ReqRig(t);
  const one = rig.request();
  const two = rig.request();
  rig.respond('r-8-8', { code: 200 });
  rig.link.respondRaw('T13:4:code,3:200#}');
  rig.link.respondAll(
    [
      ['r-0-0', null],
      ['r-1-1', null],
    ],
    { code: 200 },
  );
  assert.deepEqual([...one.take(), ...two.take()], []);
  rig.respond('r-0-0', { code: 200 });
  rig.respond('r-0-0', { code: 500 });
  assert.deepEqual(one.take(), ['head 200', 'data ""']);
  assert.equal(rig.counters.packetsUnclaimed, 4);
});

test('a response that cannot be read fails the request that it names, if it names one', (t) => {
  const rig = new ReqRig(t);
  const client = rig.request();
  for (const payload of ['', 'x', 'T5:abc']) rig.link.respondRaw(payload);
  assert.deepEqual(client.take(), []);
  rig.link.respondRaw('J{"id":"r-0-0","code":"much"}');
  assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
  assert.equal(rig.counters.packetsMalformed, 4);
  assert.equal(rig.log.with('packet of a handler refused').length, 4);
});

test('a request without a response in time fails, counted from the end of its head', (t) => {
  const rig = new ReqRig(t);
  const first = rig.request();
  const sending = rig.request({ bodyLength: UNKNOWN_LENGTH });
  sending.take();
  rig.advance(20);
  const second = rig.request();
  rig.advance(9);
  assert.deepEqual([...first.take(), ...second.take()], []);
  rig.advance(2);
  assert.deepEqual(second.take(), []);
  assert.deepEqual(first.take(), ['error HF_BACKEND_TIMEOUT']);
  assert.equal(first.error?.face.status, 504);
  assert.equal(first.error?.detail, 'no response within 30 s');
  // No handler has seen it: the client is to blame.
  assert.deepEqual(sending.take(), ['error HF_REQUEST_TIMEOUT']);
  assert.equal(sending.error?.face.status, 408);
  // It may be waiting for a handler still.
  assert.ok(rig.link.withdrawn.includes('r-0-0'));
  rig.respond('r-0-0', { code: 200 });
  const { packetsUnclaimed, sessionsExpired, sessionsOpen } = rig.counters;
  assert.deepEqual([packetsUnclaimed, sessionsExpired, sessionsOpen], [1, 2, 1]);
});

test('a request that no handler takes in time fails', (t) => {
  const rig = new ReqRig(t);
  const client = rig.request();
  rig.link.refuse('r-0-0');
  rig.link.refuse('r-0-0');
  assert.deepEqual(client.take(), ['error HF_BACKEND_ABSENT']);
  assert.equal(client.error?.face.status, 503);
});

test('a client that leaves withdraws its request, and the response is unknown', (t) => {
  const rig = new ReqRig(t);
  const client = rig.request();
  client.leave(new ExchangeError('HF_CLIENT_GONE'));
  assert.deepEqual(rig.link.withdrawn, ['r-0-0']);
  rig.respond('r-0-0', { code: 200 });
  const { packetsUnclaimed, sessionsOpen, sessionsFailed } = rig.counters;
  assert.deepEqual([packetsUnclaimed, sessionsOpen, sessionsFailed], [1, 0, 0]);
});

test('a WebSocket is refused with an explanation', (t) => {
  const rig = new ReqRig(t);
  const client = new RecordingRequester(requestHead({ scheme: 'ws' }));
  const responder = rig.edge.webSocketService(client.request, client);
  assert.deepEqual(client.take(), ['head 400', 'data "WebSockets not supported on req mode interface.\\n"']);
  assert.deepEqual(client.head?.headers, ['Content-Type', 'text/plain']);
  // Whatever the server still has for the exchange changes nothing.
  responder.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  assert.equal(rig.link.offered.length, 0);
  assert.equal(rig.counters.sessions, 0);
});

test('stopping fails each request that waits for a response, once', async (t) => {
  const rig = new ReqRig(t);
  const clients = [rig.request(), rig.request({ bodyLength: UNKNOWN_LENGTH }), rig.request()];
  rig.respond('r-2-2', { code: 200 });
  await rig.edge.stop();
  assert.equal(rig.link.closed, true);
  rig.advance(60);
  assert.deepEqual(
    clients.map((client) => client.take().at(-1)),
    ['error HF_DRAINING', 'error HF_DRAINING', 'data ""'],
  );
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a body of many small chunks takes little memory', async (t) => {
  const rig = new ReqRig(t, { maxBodyBytes: 100_000 });
  const client = rig.request({ method: 'POST', bodyLength: 50_000 });
  const chunks: WeakRef<Buffer>[] = [];
  feed(client, chunks, 49_999);
  // A chunk that was used in this turn is not collected in it.
  await turn();
  collectGarbage();
  const kept = chunks.filter((chunk) => chunk.deref() !== undefined).length;
  assert.ok(kept < 10, `${kept} chunks are kept`);
  client.send('x');
  assert.equal(rig.link.offered[0]?.body.toString(), 'x'.repeat(50_000));
});

/** Sends one-byte chunks, each in a Buffer of its own. */
function feed(client: RecordingRequester, chunks: WeakRef<Buffer>[], count: number): void {
  for (let i = 0; i < count; i++) {
    const chunk = Buffer.alloc(1, 'x');
    chunks.push(new WeakRef(chunk));
    client.responder?.onRequestData(chunk, true);
  }
}

const WINDOW = 65_536;
const MIB = 1_048_576;

function sent(client: RecordingRequester): number {
  return client.granted - client.requestCredit;
}

/** Sends body as the edge grants it, up to so many bytes. */
function upload(client: RecordingRequester, bytes: number): void {
  for (let left = bytes; left > 0 && client.requestCredit > 0; ) {
    const chunk = Math.min(left, client.requestCredit, MIB);
    client.send(Buffer.alloc(chunk), true);
    left -= chunk;
  }
}

test('clients that declare large bodies and send nothing do not delay others', (t) => {
  const rig = new ReqRig(t, { maxBodyBytes: 16 * MIB });
  for (let i = 0; i < 100; i++) {
    assert.deepEqual(rig.request({ method: 'POST', bodyLength: 16 * MIB }).take(), [`credit ${WINDOW}`]);
  }
  const honest = rig.request({ method: 'POST', bodyLength: 2 * MIB });
  upload(honest, 2 * MIB - 1);
  honest.send('x');
  assert.equal(rig.link.offered.at(-1)?.body.length, 2 * MIB);
});

test('beyond 64 MiB one body continues at a time, and all complete', async (t) => {
  const rig = new ReqRig(t, { maxBodyBytes: 15 * MIB });
  const clients = Array.from({ length: 10 }, () => rig.request({ method: 'POST', bodyLength: 15 * MIB }));
  for (const client of clients) upload(client, 14 * MIB);
  // Four bodies of 14 MiB fit, and a fifth may go on beyond the bound.
  assert.equal(clients.filter((client) => client.requestCredit > 0).length, 5);
  assert.ok(rig.edge.collected.bytes <= 70 * MIB + 5 * WINDOW);
  for (let round = 0; round < 10; round++) {
    for (const client of clients) {
      if (client.requestCredit === 0 || sent(client) === 15 * MIB) continue;
      upload(client, 15 * MIB - sent(client) - 1);
      if (sent(client) === 15 * MIB - 1) client.send('x');
    }
    await turn();
  }
  assert.equal(rig.link.offered.length, 10);
  assert.equal(rig.edge.collected.bytes, 0);
});

test('a body that stalls while others wait for room is given up', async (t) => {
  const rig = new ReqRig(t, { maxBodyBytes: 80 * MIB });
  const stalls = rig.request({ method: 'POST', bodyLength: 80 * MIB });
  upload(stalls, 70 * MIB);
  const waits = rig.request({ method: 'POST', bodyLength: MIB });
  upload(waits, WINDOW);
  rig.advance(9);
  assert.equal(waits.requestCredit, 0);
  assert.equal(stalls.end, null);
  rig.advance(2);
  await turn();
  assert.equal(stalls.error?.code, 'HF_REQUEST_TIMEOUT');
  assert.equal(waits.requestCredit, WINDOW);
  // Without others it may stall.
  rig.advance(15);
  assert.equal(waits.end, null);
});

test('a silent body gives up the place beyond the bound after a second, and a body that waited has its full time', async (t) => {
  const rig = new ReqRig(t, { maxBodyBytes: 80 * MIB });
  const full = rig.request({ method: 'POST', bodyLength: 80 * MIB });
  upload(full, 63 * MIB);
  const silent = rig.request({ method: 'POST', bodyLength: 2 * MIB });
  upload(silent, MIB + 1);
  const honest = rig.request({ method: 'POST', bodyLength: 2 * MIB });
  upload(honest, WINDOW);
  assert.deepEqual([silent.requestCredit > 0, honest.requestCredit], [true, 0]);
  rig.advance(2.2);
  await turn();
  assert.equal(honest.requestCredit, WINDOW);
  upload(honest, MIB - 1);
  const last = rig.request({ method: 'POST', bodyLength: 2 * MIB });
  upload(last, WINDOW);
  rig.advance(6);
  upload(honest, 1);
  // The silent ones end ten seconds after their last byte, and make room.
  rig.advance(4);
  await turn();
  assert.deepEqual([silent.error?.code, honest.end], ['HF_REQUEST_TIMEOUT', null]);
  assert.equal(last.requestCredit, WINDOW);
  rig.advance(4);
  assert.equal(last.end, null);
});

test('a client that leaves while it waits for room leaves nothing behind', async (t) => {
  const rig = new ReqRig(t, { maxBodyBytes: 80 * MIB });
  const first = rig.request({ method: 'POST', bodyLength: 80 * MIB });
  upload(first, 70 * MIB);
  const leaving = rig.request({ method: 'POST', bodyLength: MIB });
  upload(leaving, WINDOW);
  leaving.leave();
  first.leave();
  await turn();
  assert.deepEqual([leaving.requestCredit, rig.edge.collected.bytes, rig.counters.sessionsOpen], [0, 0, 0]);
});
