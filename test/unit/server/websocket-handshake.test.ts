import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Payload, type WebSocketRequester } from '../../../src/exchange/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { startServer } from '../../support/running-server.ts';
import { ScriptedWebSocket } from '../../support/scripted-service.ts';
import { frame, handshake, openWebSocket, takeFrame } from './raw-websocket.ts';

/** Of the key that `handshake` sends (RFC 6455 §1.3). */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

test('a handshake reaches the WebSocket service as it was sent', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running, 0, 'X-More: 1\r\nSec-WebSocket-Protocol: a, b\r\n');
  const { id, method, target, scheme, authority, bodyLength, headers, peer } = webSocket.request;
  assert.deepEqual([id, method, target, scheme, authority, bodyLength], ['1-1', 'GET', '/socket', 'ws', 'a', 0]);
  assert.deepEqual(headers.slice(-4), ['X-More', '1', 'Sec-WebSocket-Protocol', 'a, b']);
  assert.equal(peer.port, client.socket.localPort);
  const { webSocketsAccepted, webSocketsOpen, requests, connectionsOpen } = running.counters;
  assert.deepEqual([webSocketsAccepted, webSocketsOpen, requests, connectionsOpen], [1, 1, 1, 1]);
});

test('the 101 has the fields of the service, except those that the server sets', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`${handshake('Sec-WebSocket-Protocol: a, b\r\n')}\r\n`);
  const webSocket = await running.nextWebSocket();
  const given = [
    ['X-Own', '1'],
    ['Upgrade', 'h2c'],
    ['Connection', 'close'],
    ['Sec-WebSocket-Accept', 'x'],
    ['Sec-WebSocket-Extensions', 'x'],
    ['Content-Length', '5'],
    ['Transfer-Encoding', 'chunked'],
    ['Set-Cookie', 'c'],
    ['sec-websocket-protocol', 'b'],
  ];
  webSocket.head({ status: 101, reason: 'Here we go', headers: given.flat(), bodyLength: 0 });
  assert.deepEqual((await client.take()).split('\r\n'), [
    'HTTP/1.1 101 Here we go',
    'X-Own: 1',
    'Set-Cookie: c',
    'Upgrade: websocket',
    `Sec-WebSocket-Accept: ${ACCEPT}`,
    'Sec-WebSocket-Protocol: b',
    'Connection: Upgrade',
    '',
    '',
  ]);
});

test('the head and messages of the same turn leave together, in order', async (t) => {
  const running = await startServer(t);
  running.script.onWebSocket = (webSocket) => {
    webSocket.accept();
    webSocket.message('one');
    webSocket.message('two');
  };
  const client = await running.connect();
  const data: string[] = [];
  client.socket.on('data', (chunk) => data.push(chunk.toString('latin1')));
  client.write(`${handshake()}\r\n`);
  assert.match((await client.takeHead()).statusLine, /^HTTP\/1\.1 101 Switching Protocols$/);
  assert.deepEqual([await takeFrame(client), await takeFrame(client)], ['1 one', '1 two']);
  assert.equal(data.length, 1);
});

const INVALID: readonly { readonly what: string; readonly request: string; readonly says: RegExp }[] = [
  {
    what: 'a method other than GET',
    request: handshake().replace('GET', 'POST'),
    says: /method is not GET/,
  },
  { what: 'a body', request: handshake('Content-Length: 3\r\n'), says: /body/ },
  { what: 'no Connection', request: handshake().replace('Connection: Upgrade\r\n', ''), says: /Connection/ },
  { what: 'no key', request: handshake().replace(/Sec-WebSocket-Key.*\r\n/, ''), says: /Key/ },
  { what: 'a short key', request: handshake().replace('dGhlIHNhbXBsZSBub25jZQ==', 'abc'), says: /Key/ },
  { what: 'no version', request: handshake().replace('Sec-WebSocket-Version: 13\r\n', ''), says: /Version/ },
  { what: 'broken extensions', request: handshake('Sec-WebSocket-Extensions: ;\r\n'), says: /Extensions/ },
];

for (const { what, request, says } of INVALID) {
  test(`a handshake with ${what} gets a 400 with the reason, and reaches no service`, async (t) => {
    const running = await startServer(t);
    const client = await running.connect();
    const response = await client.request(`${request}\r\n`);
    assert.equal(response.status, 400);
    assert.match(response.body, /^Not a valid WebSocket handshake\.\n/);
    assert.match(response.body, says);
    assert.equal(await client.takeAll(), '');
    assert.equal(running.counters.requestsRefused, 1);
    assert.equal(running.log.with('request refused')[0]?.fields.code, 'HF_WEBSOCKET_HANDSHAKE');
    assert.deepEqual([running.script.webSockets.length, running.script.exchanges.length], [0, 0]);
  });
}

test('a handshake of another version gets a 426 with the supported version', async (t) => {
  const running = await startServer(t);
  for (const version of ['8', '14']) {
    const client = await running.connect();
    const response = await client.request(`${handshake().replace('Version: 13', `Version: ${version}`)}\r\n`);
    assert.equal(response.status, 426);
    assert.match(response.body, /^The supported WebSocket version is 13\.\n/);
    assert.equal(response.headers.get('upgrade'), 'websocket');
    assert.equal(response.headers.get('sec-websocket-version'), '13');
    assert.match(response.headers.get('connection') ?? '', /\bUpgrade\b/);
  }
  assert.equal(running.script.webSockets.length, 0);
});

test('an Upgrade to another protocol, over HTTP/1.0, or without a WebSocket service is an ordinary request', async (t) => {
  for (const [webSockets, request] of [
    [true, handshake().replace('Upgrade: websocket', 'Upgrade: h2c')],
    [true, handshake().replace('HTTP/1.1', 'HTTP/1.0')],
    [false, handshake()],
  ] as const) {
    const running = await startServer(t, { webSockets });
    const client = await running.connect();
    client.write(`${request}\r\n`);
    const exchange = await running.next();
    assert.equal(exchange.request.scheme, 'http');
    exchange.respond('plain');
    assert.equal((await client.takeResponse()).body, 'plain');
    assert.equal(running.script.webSockets.length, 0);
  }
});

test('a service can refuse with any other response, and the connection stays open', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`${handshake()}\r\n`);
  let webSocket = await running.nextWebSocket();
  webSocket.respond('no', { status: 403, headers: ['X-Why', 'because'] });
  const response = await client.takeResponse();
  assert.deepEqual([response.status, response.headers.get('x-why'), response.body], [403, 'because', 'no']);
  client.write(`${handshake()}\r\n`);
  webSocket = await running.nextWebSocket();
  webSocket.head({ status: 401 });
  webSocket.requester.onResponsePayload(new Payload(Buffer.from('in ')));
  webSocket.send('pieces', false);
  assert.equal((await client.takeResponse()).body, 'in pieces');
  client.write(`${handshake()}\r\n`);
  webSocket = await running.nextWebSocket();
  webSocket.fail('HF_BACKEND_ABSENT');
  assert.equal((await client.takeResponse()).status, 503);
  client.write(`${handshake()}\r\n`);
  webSocket = await running.nextWebSocket();
  webSocket.accept();
  assert.equal((await client.takeHead()).status, 101);
  assert.equal(webSocket.request.id, '1-4');
});

test('a service that picks two subprotocols gives its client a 502', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`${handshake('Sec-WebSocket-Protocol: a, b\r\n')}\r\n`);
  const webSocket = await running.nextWebSocket();
  webSocket.accept(0, ['Sec-WebSocket-Protocol', 'a', 'Sec-WebSocket-Protocol', 'b']);
  assert.equal((await client.takeResponse()).status, 502);
  assert.equal(webSocket.failure(), 'HF_RESPONSE_INVALID');
  assert.equal(running.counters.webSocketsOpen, 0);
});

for (const protocol of ['c', 'A', '']) {
  test(`a subprotocol that was not offered, ${JSON.stringify(protocol)}, is left to the client, and logged`, async (t) => {
    const running = await startServer(t);
    const client = await running.connect();
    client.write(`${handshake('Sec-WebSocket-Protocol: a, b\r\n')}\r\n`);
    const webSocket = await running.nextWebSocket();
    webSocket.accept(0, ['Sec-WebSocket-Protocol', protocol]);
    const { status, headers } = await client.takeHead();
    assert.deepEqual([status, headers.get('sec-websocket-protocol')], [101, protocol]);
    const [record] = running.log.with('response picks a subprotocol that was not offered');
    assert.deepEqual([record?.level, record?.fields.protocol], ['warn', protocol]);
  });
}

test('a head that cannot be written gives the client a 502, and the responder gets an error', async (t) => {
  const running = await startServer(t);
  for (const head of [{ headers: ['X', 'a\r\nb'] }, { reason: 'a\nb' }, { status: 100 }, { status: 199 }]) {
    const client = await running.connect();
    client.write(`${handshake()}\r\n`);
    const webSocket = await running.nextWebSocket();
    webSocket.head({ status: 101, ...head });
    assert.equal((await client.takeResponse()).status, 502);
    assert.equal(webSocket.failure(), 'HF_RESPONSE_INVALID');
  }
  assert.equal(running.counters.responsesInvalid, 4);
});

test('no deadline applies until the service decides, and a client that leaves meanwhile is noticed', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`${handshake()}\r\n`);
  const webSocket = await running.nextWebSocket();
  client.reset();
  assert.equal((await webSocket.failed()).code, 'HF_CLIENT_GONE');
  // What the service does before it knows comes to nothing.
  webSocket.accept();
  webSocket.message('into the void');
  assert.deepEqual([running.counters.requestsAborted, running.counters.webSocketsAccepted], [1, 0]);
});

test('a client that closes its sending side before it is accepted counts as gone', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.end(`${handshake()}\r\n`);
  const webSocket = await running.nextWebSocket();
  const socket = await running.serverEnd(client);
  while (!socket.readableEnded) await turn();
  webSocket.accept();
  assert.equal((await webSocket.failed()).code, 'HF_CLIENT_GONE');
});

test('what a client sends before it is accepted is bounded, and arrives whole when it is accepted', async (t) => {
  const running = await startServer(t, { pipelineBytes: 4_096 });
  const client = await running.connect();
  client.write(`${handshake()}\r\n`);
  const webSocket = await running.nextWebSocket();
  const socket = await running.serverEnd(client);
  client.write(Buffer.concat(Array.from({ length: 8 }, () => frame(2, 'x'.repeat(1_000)))));
  while (!socket.isPaused()) await turn();
  webSocket.accept();
  await webSocket.lines(8);
});

test('a service that throws after it has accepted closes with 1011', async (t) => {
  const running = await startServer(t);
  running.script.onWebSocket = (webSocket) => {
    webSocket.accept();
    throw new Error('a defect');
  };
  const client = await running.connect();
  client.write(`${handshake()}\r\n`);
  assert.equal((await client.takeHead()).status, 101);
  assert.equal(await takeFrame(client), '8 \x03\xf3');
  assert.equal(await client.takeAll(), '');
  assert.equal(running.log.with('internal error').length, 1);
});

test('a service may hand over before it returns, before it accepts, between the two, and later', async (t) => {
  const running = await startServer(t);
  for (const when of ['before it returns', 'before it accepts', 'between the two', 'later']) {
    const others: ScriptedWebSocket[] = [];
    const handOver = (webSocket: ScriptedWebSocket) => {
      const other = new ScriptedWebSocket(webSocket.request, webSocket.requester as WebSocketRequester);
      others.push(other);
      webSocket.requester.handOver(other);
    };
    running.script.onWebSocket = (webSocket) => {
      if (when === 'between the two') webSocket.head({ status: 101, bodyLength: 0 });
      if (when === 'before it returns' || when === 'between the two') handOver(webSocket);
    };
    const client = await running.connect();
    client.write(`${handshake()}\r\n`);
    const webSocket = await running.nextWebSocket();
    if (when === 'before it accepts') handOver(webSocket);
    webSocket.head({ status: 101, bodyLength: 0 });
    if (when === 'later') handOver(webSocket);
    const [other] = others;
    other?.grant(100);
    client.write(frame(1, 'hello'));
    assert.deepEqual(await other?.lines(1), ['text hello']);
    assert.deepEqual(webSocket.events, []);
  }
});
