import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgeRig } from '../../support/zhttp/edge-rig.ts';

// ---- the opening

test('an acceptance opens the WebSocket and grants what it says', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.webSocket();
  const headers = ['Sec-WebSocket-Protocol', 'chat'];
  rig.link.respond(id, { code: 101, reason: 'Switching Protocols', headers, credits: 1_000 });
  assert.deepEqual(client.take(), ['head 101 Switching Protocols', 'credit 1000']);
  assert.deepEqual(client.head, { status: 101, reason: 'Switching Protocols', headers, bodyLength: 0 });
  assert.equal(rig.counters.sessionsOpen, 1);
});

test('an acceptance without credits and without a reason grants the initial credits', (t) => {
  const rig = edgeRig(t, { initialCredits: 5_000 });
  const { client, id } = rig.webSocket();
  rig.link.respond(id, { code: 101 });
  assert.deepEqual(client.take(), ['head 101', 'credit 5000']);
});

test('credits that come before the acceptance are not lost', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.webSocket();
  rig.link.respond(id, { type: 'keep-alive' });
  rig.link.respond(id, { type: 'credit', credits: 10 });
  rig.link.respond(id, { code: 101, credits: 5 });
  assert.deepEqual(client.take(), ['credit 10', 'head 101', 'credit 5']);
});

test('an acceptance with a body fails the WebSocket', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.webSocket();
  rig.link.respond(id, { code: 101, body: 'x', credits: 5 });
  assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
  assert.equal(client.error?.face.status, 502);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 cancel']);
});

test('a whole response with another status refuses the WebSocket', (t) => {
  const rig = edgeRig(t);
  for (const code of [200, 403, 999]) {
    const { client, id } = rig.webSocket();
    rig.link.respond(id, { code, reason: 'No', headers: ['X-A', '1'], body: 'sorry', credits: 5 });
    assert.deepEqual(client.take(), [`head ${code} No`, 'data "sorry"']);
    assert.deepEqual(client.head, { status: code, reason: 'No', headers: ['X-A', '1'], bodyLength: 5 });
  }
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('an invalid first response fails the WebSocket', (t) => {
  const rig = edgeRig(t);
  for (const [fields, detail] of [
    [{ code: 0 }, 'the first packet has no code'],
    [{ code: 100 }, '100 is no status of a final response'],
    [{ code: 1_000 }, '1000 is no status of a final response'],
    [{ code: 403, more: true }, 'a response that refuses a WebSocket comes in one packet'],
    [{ code: 403, headers: ['Content-Length', 'x'] }, 'Content-Length is x'],
    [{ type: 'ping' }, 'the handler sent ping before it accepted the WebSocket'],
    [{ type: 'pong' }, 'the handler sent pong before it accepted the WebSocket'],
    [{ type: 'close' }, 'the handler sent close before it accepted the WebSocket'],
    [{ type: 'handoff-proceed' }, 'the handler sent handoff-proceed before it accepted the WebSocket'],
  ] as const) {
    const { client, id } = rig.webSocket();
    rig.link.respond(id, { ...fields, headers: [...('headers' in fields ? fields.headers : [])] });
    assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL'], detail);
    assert.equal(client.error?.detail, detail);
    assert.deepEqual(rig.link.take(), [`h1 ${id}#1 cancel`]);
  }
});

for (const [what, fields] of [
  ['a refusal', { code: 403 }],
  ['rejected', { type: 'error', condition: 'rejected', code: 403 }],
] as const) {
  test(`${what} with a body over 64 KB reaches the client whole, as fast as it reads`, (t) => {
    const rig = edgeRig(t);
    const { client, id } = rig.webSocket();
    client.greedy = false;
    rig.link.respond(id, { ...fields, body: 'x'.repeat(200_000) });
    assert.equal(client.received, 65_536);
    client.grant(100_000);
    assert.equal(client.received, 165_536);
    client.grant(100_000);
    assert.deepEqual([client.received, client.complete, client.head?.bodyLength], [200_000, true, 200_000]);
    assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsFailed], [0, 0]);
  });

  test(`${what}: untaken bodies are kept up to 64 MB, and clients that leave make room`, (t) => {
    const rig = edgeRig(t, { limits: { maxHeaders: 64, maxPacketBytes: 50_000_000 } });
    const body = 'x'.repeat(32_000_000);
    const clients = [0, 1, 2].map(() => {
      const { client, id } = rig.webSocket();
      client.greedy = false;
      rig.link.respond(id, { ...fields, body });
      return client;
    });
    assert.deepEqual(
      clients.map((client) => client.error?.code),
      [undefined, undefined, 'HF_BACKEND_OVERRUN'],
    );
    clients[0]?.leave();
    const { client, id } = rig.webSocket();
    rig.link.respond(id, { ...fields, body });
    assert.equal(client.complete, true);
  });
}

test('rejected refuses with status, fields and body', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.webSocket();
  const headers = ['Content-Type', 'text/plain'];
  rig.link.respond(id, { type: 'error', condition: 'rejected', code: 403, reason: 'Forbidden', headers, body: 'no' });
  assert.deepEqual(client.take(), ['head 403 Forbidden', 'data "no"']);
  assert.deepEqual(client.head, { status: 403, reason: 'Forbidden', headers, bodyLength: 2 });
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsFailed], [0, 0]);
});

test('an error without a response for the client is a failure', (t) => {
  const rig = edgeRig(t);
  for (const fields of [
    { condition: 'remote-connection-failed' },
    { condition: 'rejected' },
    { condition: 'rejected', code: 101 },
    { condition: 'rejected', code: 1_000 },
    { condition: '', code: 403 },
  ]) {
    const { client, id } = rig.webSocket();
    rig.link.respond(id, { type: 'error', ...fields });
    assert.deepEqual(client.take(), ['error HF_BACKEND_ERROR']);
    assert.equal(client.error?.detail, `the handler reports ${fields.condition || 'an error'}`);
  }
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('rejected comes too late for an open WebSocket', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.respond(id, { type: 'error', condition: 'rejected', code: 403 });
  assert.deepEqual(client.take(), ['error HF_BACKEND_ERROR']);
});

// ---- messages

test('messages of the handler keep their type and their pieces', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  for (const fields of [
    { body: 'hi' },
    { body: 'text', contentType: 'text' },
    { body: 'odd', contentType: 'whatever' },
    { body: '\xff', contentType: 'binary' },
    { body: '' },
    { body: '', contentType: 'binary' },
  ]) {
    rig.link.respond(id, { ...fields, body: Buffer.from(fields.body, 'latin1') });
  }
  assert.deepEqual(client.take(), ['text "hi"', 'text "text"', 'text "odd"', 'binary "\xff"', 'text ""', 'binary ""']);
  // What a message is stands at its first piece.
  rig.link.respond(id, { body: 'a', contentType: 'binary', more: true });
  rig.link.respond(id, { body: 'b', more: true });
  rig.link.respond(id, { body: 'c', contentType: 'text' });
  rig.link.respond(id, { body: 'd' });
  assert.deepEqual(client.take(), ['binary "a" more', 'binary "b" more', 'binary "c"', 'text "d"']);
});

test('messages of the client keep their type and their pieces', (t) => {
  const rig = edgeRig(t);
  const { client } = rig.openWebSocket();
  client.message('hello');
  client.message(Buffer.from('a'), true);
  client.message(Buffer.from(''), true);
  client.message(Buffer.from('b'));
  client.message('');
  assert.deepEqual(rig.link.take(), [
    'h1 e-0-0#1 data text "hello"',
    'h1 e-0-0#2 data binary "a" more',
    'h1 e-0-0#3 data binary more',
    'h1 e-0-0#4 data binary "b"',
    'h1 e-0-0#5 data text',
  ]);
});

test('a message of the client is written as Condure writes it', (t) => {
  const rig = edgeRig(t, { idPrefix: '1' });
  const { client } = rig.openWebSocket();
  const written: string[] = [];
  const route = rig.link.route.bind(rig.link);
  rig.link.route = (address, packet) => {
    written.push(String(packet));
    route(address, packet);
  };
  client.message('hello');
  client.ping('pp');
  assert.deepEqual(written, [
    'T98:4:from,2:c1,2:id,5:1-0-0,3:seq,1:1#3:ext,15:5:multi,4:true!}12:content-type,4:text,4:body,5:hello,}',
    'T86:4:from,2:c1,2:id,5:1-0-0,3:seq,1:2#3:ext,15:5:multi,4:true!}4:type,4:ping,4:body,2:pp,}',
  ]);
});

test('credits come with packets of any type', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.respond(id, { type: 'credit', credits: 1 });
  rig.link.respond(id, { body: 'x', credits: 2 });
  rig.link.respond(id, { type: 'ping', credits: 3 });
  rig.link.respond(id, { type: 'pong', credits: 4 });
  assert.deepEqual(client.take(), ['credit 1', 'text "x"', 'credit 2', 'ping ""', 'credit 3', 'pong ""', 'credit 4']);
});

test('bytes of messages, pings and pongs are granted again once the client has taken them', (t) => {
  const rig = edgeRig(t);
  const { id } = rig.openWebSocket();
  rig.link.respond(id, { body: 'abc', more: true });
  rig.link.respond(id, { type: 'ping', body: 'de' });
  rig.link.respond(id, { type: 'pong', body: 'f' });
  rig.advance(0.1);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 credit 6']);
});

test('messages and pings beyond what the client takes are an overrun', (t) => {
  const rig = edgeRig(t, { initialCredits: 10 });
  for (const type of ['data', 'ping', 'pong'] as const) {
    const { client, id } = rig.openWebSocket(1, { credits: 10 });
    client.greedy = false;
    rig.link.respond(id, { body: 'x'.repeat(8), more: true });
    rig.link.respond(id, { type, body: 'yyy' });
    assert.deepEqual(client.take(), ['text "xxxxxxxx" more', 'error HF_BACKEND_OVERRUN']);
    assert.equal(rig.link.take().at(-1), `h1 ${id}#1 cancel`);
  }
});

// ---- pings and pongs

test('pings and pongs go both ways with their payload', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  client.ping('a');
  client.pong();
  rig.link.respond(id, { type: 'pong', body: 'a' });
  rig.link.respond(id, { type: 'ping', body: 'x'.repeat(125) });
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 ping "a"', 'h1 e-0-0#2 pong']);
  assert.deepEqual(client.take(), ['pong "a"', `ping "${'x'.repeat(125)}"`]);
});

test('a ping or pong of the handler over 125 bytes fails the WebSocket', (t) => {
  const rig = edgeRig(t);
  for (const type of ['ping', 'pong'] as const) {
    const { client, id } = rig.openWebSocket();
    rig.link.respond(id, { type, body: 'x'.repeat(126) });
    assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
    assert.equal(client.error?.detail, `the handler sent a ${type} of 126 bytes`);
  }
});

// ---- the close

test('the client returns a close of the handler, and then the session is over', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.respond(id, { type: 'close', code: 1001, body: 'bye' });
  assert.deepEqual(client.take(), ['close 1001 bye']);
  assert.equal(rig.counters.sessionsOpen, 1);
  client.close(1001, 'bye');
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 close 1001 "bye"']);
  assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsFailed], [0, 0]);
});

test('the handler returns a close of the client, and then the session is over', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  client.close(1000);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 close 1000']);
  rig.link.respond(id, { body: 'last words' });
  rig.link.respond(id, { type: 'close', code: 1000 });
  assert.deepEqual(client.take(), ['text "last words"', 'close 1000']);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a close without a code has none towards the handler, and is 1000 towards the client', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  client.close();
  rig.link.respond(id, { type: 'close' });
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 close']);
  assert.deepEqual(client.take(), ['close 1000']);
});

test('closes that cannot be sent fail the WebSocket', (t) => {
  const rig = edgeRig(t);
  for (const [fields, detail] of [
    [{ code: 999 }, 'the handler closes with 999, which cannot be sent'],
    [{ code: 1004 }, 'the handler closes with 1004, which cannot be sent'],
    [{ code: 1006 }, 'the handler closes with 1006, which cannot be sent'],
    [{ code: 5000 }, 'the handler closes with 5000, which cannot be sent'],
    [{ code: 1000, body: 'x'.repeat(124) }, "the reason of the handler's close is not up to 123 bytes of UTF-8"],
    [{ code: 1000, body: Buffer.from([0xff]) }, "the reason of the handler's close is not up to 123 bytes of UTF-8"],
  ] as const) {
    const { client, id } = rig.openWebSocket();
    rig.link.respond(id, { type: 'close', ...fields });
    assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL'], detail);
    assert.equal(client.error?.detail, detail);
    assert.deepEqual(rig.link.take(), [`h1 ${id}#1 cancel`]);
  }
});

test('the largest valid codes and reasons are sent', (t) => {
  const rig = edgeRig(t);
  for (const code of [1000, 1003, 1005, 1007, 3000, 4999]) {
    const { client, id } = rig.openWebSocket();
    const reason = code === 1005 ? '' : 'é'.repeat(61);
    rig.link.respond(id, { type: 'close', code, body: reason });
    assert.deepEqual(client.take(), [`close ${code}${reason && ` ${reason}`}`]);
  }
});

test('any packet but keep-alives after the close of a handler fails the WebSocket', (t) => {
  const rig = edgeRig(t);
  for (const type of ['data', 'ping', 'pong', 'close', 'handoff-proceed'] as const) {
    const { client, id } = rig.openWebSocket();
    rig.link.respond(id, { type: 'close', code: 1000 });
    rig.link.respond(id, { type: 'keep-alive' });
    rig.link.respond(id, { type: 'credit', credits: 1 });
    assert.deepEqual(client.take(), ['close 1000', 'credit 1']);
    rig.link.respond(id, { type });
    assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
    assert.equal(client.error?.detail, `the handler sent ${type} after its close`);
  }
});

test('handoff-proceed of a handler fails an open WebSocket', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.respond(id, { type: 'handoff-proceed' });
  assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
});

test('a cancel of the handler ends an open WebSocket', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.respond(id, { type: 'cancel' });
  assert.deepEqual(client.take(), ['error HF_BACKEND_CANCELLED']);
  assert.deepEqual(rig.link.take(), []);
});

test('the handler gets a cancel when a client leaves without a close', (t) => {
  const rig = edgeRig(t);
  const { client } = rig.openWebSocket();
  client.leave();
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 cancel']);
});
