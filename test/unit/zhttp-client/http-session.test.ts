import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { edgeRig } from '../../support/zhttp/edge-rig.ts';

// ---- answers

test('a response in one packet is complete', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  const headers = ['Content-Type', 'text/plain', 'X-A', '1', 'X-A', '2'];
  rig.link.respond(id, { code: 200, reason: 'OK', headers, body: 'hello world\n' });
  assert.deepEqual(client.take(), ['head 200 OK', 'data "hello world\\n"']);
  assert.deepEqual(client.head, { status: 200, reason: 'OK', headers, bodyLength: 12 });
  assert.deepEqual(rig.link.take(), []);
  const { sessions, sessionsOpen, sessionsFailed } = rig.counters;
  assert.deepEqual([sessions, sessionsOpen, sessionsFailed], [1, 0, 0]);
});

test('a response without a body is complete', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respond(id, { code: 204 });
  assert.deepEqual(client.take(), ['head 204', 'data ""']);
  assert.equal(client.head?.bodyLength, 0);
});

test('a response in several packets has a length only if it is declared', (t) => {
  const rig = edgeRig(t);
  for (const [headers, bodyLength] of [
    [[], UNKNOWN_LENGTH],
    [['Content-Length', '3'], 3],
    [['content-length', '3', 'Content-Length', '3'], 3],
  ] as const) {
    const { client, id } = rig.request();
    rig.link.respond(id, { code: 200, headers: [...headers], more: true });
    assert.deepEqual(client.take(), ['head 200']);
    assert.equal(client.head?.bodyLength, bodyLength);
    rig.link.respond(id, { body: 'ab', more: true });
    rig.link.respond(id, { more: true });
    rig.link.respond(id, { body: 'c' });
    assert.deepEqual(client.take(), ['data "ab" more', 'data "c"']);
  }
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a length that is declared is passed on even if the body is missing, as for HEAD', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ method: 'HEAD' });
  rig.link.respond(id, { code: 200, headers: ['Content-Length', '100'] });
  assert.deepEqual(client.take(), ['head 200', 'data ""']);
  assert.equal(client.head?.bodyLength, 100);
});

test('a handler that may undo content codings is asked for none, and Content-Encoding stays only with Content-Length', (t) => {
  const coded = ['Content-Encoding', 'gzip', 'X-A', '1'];
  const declared = [...coded, 'Content-Length', '4'];
  for (const [decoding, headers, expected] of [
    [true, coded, ['X-A', '1']],
    [true, declared, declared],
    [false, coded, coded],
  ] as const) {
    const rig = edgeRig(t, { decoding });
    const { client, id } = rig.request({ headers: ['Host', 'x', 'Accept-Encoding', 'gzip', 'X-B', '2'] });
    const asked = ['Host', 'x', ...(decoding ? [] : ['Accept-Encoding', 'gzip']), 'X-B', '2'];
    assert.deepEqual(rig.link.offered[0]?.headers, asked);
    rig.link.respond(id, { code: 200, headers: [...headers], body: 'text' });
    assert.deepEqual(client.head?.headers, expected);
  }
});

test('a handler may respond without giving its address', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respond(id, { code: 200, from: '', body: 'x', more: true });
  rig.link.respond(id, { from: '', body: 'y' });
  assert.deepEqual(client.take(), ['head 200', 'data "x" more', 'data "y"']);
  assert.deepEqual(rig.link.take(), []);
});

test('a packet without a number is accepted and not counted', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respondAll([[id, null]], { code: 200, more: true });
  rig.link.respondAll([[id, 0]], { body: 'a', more: true });
  rig.link.respondAll([[id, null]], { body: 'b', more: true });
  rig.link.respondAll([[id, 1]], { body: 'c' });
  assert.deepEqual(client.take(), ['head 200', 'data "a" more', 'data "b" more', 'data "c"']);
});

test('packets after the end are unknown', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respond(id, { code: 200 });
  rig.link.respond(id, { body: 'late' });
  assert.deepEqual(client.take(), ['head 200', 'data ""']);
  assert.equal(rig.counters.packetsUnclaimed, 1);
});

// ---- answers that cannot be

for (const [code, detail] of [
  [0, 'the first packet has no code'],
  [1, '1 is no status of a final response'],
  [100, '100 is no status of a final response'],
  [101, '101 is no status of a final response'],
  [199, '199 is no status of a final response'],
  [1000, '1000 is no status of a final response'],
] as const) {
  test(`a first packet with code ${code} fails the request`, (t) => {
    const rig = edgeRig(t);
    const { client, id } = rig.request();
    rig.link.respond(id, { code, body: 'x' });
    assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
    assert.equal(client.error?.detail, detail);
    assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 cancel']);
  });
}

test('the statuses 200 and 999 are the first and the last', (t) => {
  const rig = edgeRig(t);
  for (const code of [200, 999]) {
    const { client, id } = rig.request();
    rig.link.respond(id, { code });
    assert.deepEqual(client.take(), [`head ${code}`, 'data ""']);
  }
});

test('a Content-Length that is contradictory or invalid fails the request', (t) => {
  const rig = edgeRig(t);
  for (const values of [['5', '6'], ['5, 6'], ['x'], ['-1'], ['+5'], ['']]) {
    const { client, id } = rig.request();
    const headers = values.flatMap((value) => ['Content-Length', value]);
    rig.link.respond(id, { code: 200, headers, body: 'hello' });
    assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL'], values.join());
    assert.equal(client.error?.detail, `Content-Length is ${values.join(', ')}`);
    assert.deepEqual(rig.link.take(), [`h1 ${id}#1 cancel`]);
  }
});

for (const type of ['handoff-proceed', 'close', 'ping', 'pong'] as const) {
  test(`${type} of a handler fails a request`, (t) => {
    const rig = edgeRig(t);
    const { client, id } = rig.request();
    rig.link.respond(id, { type });
    assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
    assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 cancel']);
  });
}

test('a packet out of order fails the request before the response, and cuts it afterwards', (t) => {
  const rig = edgeRig(t);
  const early = rig.request({ method: 'POST' });
  rig.link.respondAll([[early.id, 1]], { code: 200 });
  assert.deepEqual(early.client.take(), ['error HF_BACKEND_PROTOCOL']);
  assert.equal(early.client.error?.detail, 'packet 1 of the handler came in place of 0');
  const late = rig.request();
  rig.link.respond(late.id, { code: 200, more: true });
  rig.link.respondAll([[late.id, 0]], { body: 'again' });
  assert.deepEqual(late.client.take(), ['head 200', 'error HF_BACKEND_PROTOCOL']);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 cancel', 'h1 e-0-1#1 cancel']);
  assert.equal(rig.counters.sessionsFailed, 2);
});

test('a cancel or an error of the handler ends the request at any time, whatever its number', (t) => {
  const rig = edgeRig(t);
  for (const begun of [false, true]) {
    for (const seq of [0, 7, null]) {
      const cancelled = rig.request();
      const failed = rig.request();
      if (begun) for (const { id } of [cancelled, failed]) rig.link.respond(id, { code: 200, body: 'x', more: true });
      rig.link.respondAll([[cancelled.id, seq]], { type: 'cancel' });
      rig.link.respondAll([[failed.id, seq]], { type: 'error', condition: 'policy-violation' });
      const before = begun ? ['head 200', 'data "x" more'] : [];
      assert.deepEqual(cancelled.client.take(), [...before, 'error HF_BACKEND_CANCELLED']);
      assert.deepEqual(failed.client.take(), [...before, 'error HF_BACKEND_ERROR']);
      assert.equal(failed.client.error?.detail, 'the handler reports policy-violation');
    }
  }
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('an error without a condition, or with rejected, is an error like others', (t) => {
  const rig = edgeRig(t);
  for (const [condition, what] of [
    ['', 'an error'],
    ['rejected', 'rejected'],
  ] as const) {
    const { client, id } = rig.request();
    rig.link.respond(id, { type: 'error', condition, code: 403, body: 'no' });
    assert.deepEqual(client.take(), ['error HF_BACKEND_ERROR']);
    assert.equal(client.error?.detail, `the handler reports ${what}`);
  }
});

test('a failed request is logged with its fields', (t) => {
  const rig = edgeRig(t);
  const { id } = rig.request({ id: '7-3' });
  rig.link.respond(id, { type: 'ping' });
  assert.deepEqual(rig.log.records, [
    {
      level: 'warn',
      fields: {
        id: '7-3',
        peer: '127.0.0.1',
        session: 'e-0-0',
        handler: 'h1',
        code: 'HF_BACKEND_PROTOCOL',
        detail: 'the handler sent a packet of type ping',
      },
      message: 'request failed',
    },
  ]);
});

// ---- credits of the response

test('what the client takes is granted again: much at once, little when no more has come for 100 ms', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respond(id, { code: 200, body: 'x'.repeat(4_096), more: true });
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 credit 4096']);
  client.greedy = false;
  rig.link.respond(id, { body: 'abc', more: true });
  client.grant(1);
  client.grant(2);
  assert.deepEqual(rig.link.take(), []);
  rig.advance(0.2);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#2 credit 3']);
  rig.advance(1);
  assert.deepEqual(rig.link.take(), []);
});

test('small grants that keep coming are collected for up to a second', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  client.greedy = false;
  rig.link.respond(id, { code: 200, body: 'x'.repeat(1_000), more: true });
  rig.link.take();
  let granted = 0;
  const granting = setInterval(() => {
    granted += 10;
    client.grant(10);
  }, 30);
  rig.advance(3);
  clearInterval(granting);
  rig.advance(0.2);
  const packets = rig.link.take();
  assert.ok(packets.length >= 3 && packets.length <= 5, packets.join());
  const told = packets.map((packet) => Number(packet.split(' credit ')[1]));
  assert.equal(
    told.reduce((sum, credits) => sum + credits, 0),
    granted,
  );
});

test('small grants that add up to half of the initial credits go at once', (t) => {
  const rig = edgeRig(t, { initialCredits: 1_000 });
  const { client, id } = rig.request();
  client.greedy = false;
  rig.link.respond(id, { code: 200, body: 'x'.repeat(1_000), more: true });
  client.grant(499);
  assert.deepEqual(rig.link.take(), []);
  client.grant(1);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 credit 500']);
  client.grant(500);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#2 credit 500']);
});

test('credits after the end are ignored', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  client.greedy = false;
  rig.link.respond(id, { code: 200, body: 'x'.repeat(100), more: true });
  client.grant(50);
  rig.link.respond(id, { body: 'end' });
  client.responder?.onResponseCredit(8_192);
  rig.advance(1);
  assert.deepEqual(rig.link.take(), []);
});

test('a handler may exceed its credits by what the client accepts unasked, and no more', (t) => {
  const rig = edgeRig(t);
  for (const first of [true, false]) {
    for (const bytes of [65_536, 65_537]) {
      const { client, id } = rig.request();
      client.greedy = false;
      if (!first) rig.link.respond(id, { code: 200, more: true });
      rig.link.respond(id, { code: 200, body: 'x'.repeat(bytes), more: true });
      if (bytes === 65_536) {
        assert.equal(client.received, bytes);
        client.leave();
      } else {
        assert.deepEqual(
          client.take(),
          first ? ['error HF_BACKEND_OVERRUN'] : ['head 200', 'error HF_BACKEND_OVERRUN'],
        );
        assert.equal(client.error?.detail, 'the handler sent 1 bytes more than can be kept for the client');
      }
      assert.equal(rig.link.take().at(-1), `h1 ${id}#1 cancel`);
    }
  }
});

test('credits larger than what clients accept unasked are enforced too', (t) => {
  const rig = edgeRig(t, { initialCredits: 100_000 });
  const { client, id } = rig.request({ credits: 100_000 });
  assert.equal(rig.link.offered[0]?.credits, 100_000);
  client.greedy = false;
  rig.link.respond(id, { code: 200, body: 'x'.repeat(100_000), more: true });
  assert.equal(client.received, 100_000);
  rig.link.respond(id, { body: 'x' });
  assert.equal(client.take().at(-1), 'error HF_BACKEND_OVERRUN');
});

// ---- request bodies

test('a body is requested and passed on as the handler grants credits', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ method: 'POST', bodyLength: 11 });
  rig.link.respond(id, { type: 'keep-alive' });
  assert.deepEqual(client.take(), []);
  rig.link.respond(id, { type: 'credit', credits: 5 });
  assert.deepEqual(client.take(), ['credit 5']);
  client.send('hello', true);
  rig.link.respond(id, { type: 'credit', credits: 100 });
  client.send(' world');
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 data "hello" more', 'h1 e-0-0#2 data " world"']);
  assert.deepEqual(client.take(), ['credit 100']);
  rig.link.respond(id, { code: 200 });
  assert.deepEqual(client.take(), ['head 200', 'data ""']);
});

test('the first packet of a response may grant credits, the last one does not', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ method: 'POST', bodyLength: UNKNOWN_LENGTH });
  rig.link.respond(id, { code: 200, more: true, credits: 3 });
  assert.deepEqual(client.take(), ['head 200', 'credit 3']);
  client.send('abc', true);
  rig.link.respond(id, { body: 'x', credits: 10 });
  assert.deepEqual(client.take(), ['data "x"']);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 data "abc" more']);
});

test('packets with zero credits grant nothing', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ method: 'POST', bodyLength: 3 });
  rig.link.respond(id, { type: 'credit', credits: 0 });
  assert.deepEqual(client.take(), []);
});

test("the end of an empty body waits for the handler's first packet", (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ method: 'POST', bodyLength: UNKNOWN_LENGTH });
  client.send('');
  assert.deepEqual(rig.link.take(), []);
  rig.link.respond(id, { type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 data']);
  rig.link.respond(id, { code: 200 });
  assert.deepEqual(client.take(), ['head 200', 'data ""']);
});

// ---- clients that leave

test('the handler gets a cancel when a client leaves', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respond(id, { code: 200, body: 'x', more: true });
  client.leave();
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 cancel']);
  assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsFailed], [0, 0]);
  assert.deepEqual(rig.log.records, []);
  rig.link.respond(id, { body: 'late' });
  assert.equal(rig.counters.packetsUnclaimed, 1);
});

test('a request is withdrawn when its client leaves before a handler has it', (t) => {
  const rig = edgeRig(t);
  rig.link.withdrawable = true;
  const { client, id } = rig.request();
  client.leave();
  assert.deepEqual(rig.link.withdrawn, [id]);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a handler whose first packet comes after the client has left gets a cancel at once', (t) => {
  const rig = edgeRig(t);
  for (const fields of [{ code: 200 }, { type: 'keep-alive' }, { type: 'credit', credits: 5 }] as const) {
    const { client, id } = rig.request();
    client.leave();
    assert.equal(rig.counters.sessionsOpen, 0);
    rig.link.respond(id, fields);
    assert.deepEqual(rig.link.take(), [`h1 ${id}#1 cancel`]);
    assert.equal(rig.counters.sessionsOpen, 0);
  }
});

test('a handler that gives up after its client has left gets no packet', (t) => {
  const rig = edgeRig(t);
  for (const type of ['cancel', 'error'] as const) {
    const { client, id } = rig.request();
    client.leave();
    rig.link.respond(id, { type });
  }
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('an invalid request body ends the session, and counts as a failure', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ method: 'POST', bodyLength: UNKNOWN_LENGTH });
  rig.link.respond(id, { type: 'credit', credits: 5 });
  client.leave(new ExchangeError('HF_BAD_REQUEST', 'no chunk size'));
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 cancel']);
  assert.equal(rig.counters.sessionsFailed, 1);
  assert.equal(rig.log.with('request failed')[0]?.fields.code, 'HF_BAD_REQUEST');
});

// ---- links that fail

test('a request that no handler has taken in time fails', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.refuse(id);
  assert.deepEqual(client.take(), ['error HF_BACKEND_ABSENT']);
  assert.equal(client.error?.face.status, 503);
  assert.deepEqual([rig.counters.requestsUntaken, rig.counters.sessionsOpen], [1, 0]);
});

test('a session whose packets its handler does not take fails', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respond(id, { type: 'keep-alive' });
  rig.link.lose(id);
  assert.deepEqual(client.take(), ['error HF_BACKEND_OVERLOADED']);
  assert.equal(client.error?.face.status, 503);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 cancel']);
});

test('a link that loses every packet, the cancel too, ends the session once', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ method: 'POST', bodyLength: 100 });
  rig.link.respond(id, { type: 'credit', credits: 100 });
  rig.link.onRouted = () => rig.link.lose(id);
  client.send('abc', true);
  assert.deepEqual(client.take(), ['credit 100', 'error HF_BACKEND_OVERLOADED']);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 data "abc" more', 'h1 e-0-0#2 cancel']);
  assert.equal(rig.counters.sessionsOpen, 0);
});
