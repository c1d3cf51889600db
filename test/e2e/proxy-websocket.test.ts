import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { openWs, refusedWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

async function serverOf(t: TestContext, ...routes: readonly string[]): Promise<string> {
  const { clients } = await runServer(
    t,
    routes.flatMap((line) => ['--route', line]),
  );
  return `ws://${clients[0]}`;
}

test('a WebSocket passes through the proxy: messages, pings, pongs and the close, with their contents', async (t) => {
  const origin = await startWsOrigin(t, { handleProtocols: () => 'chat' });
  const url = await serverOf(t, `* ${origin.address}`);
  const client = await openWs(t, `${url}/room?x=1`, ['chat', 'other'], { 'X-Mine': 'yes', 'Grip-Sig': 'forged' });
  const { peer, request } = await origin.accept();
  assert.equal(client.socket.protocol, 'chat');
  assert.equal(request.url, '/room?x=1');
  assert.equal(`ws://${request.headers.host}`, url);
  assert.equal(request.headers['x-mine'], 'yes');
  assert.equal(request.headers['sec-websocket-protocol'], 'chat, other');
  assert.equal(request.headers['sec-websocket-extensions'], 'grip');
  assert.equal(request.headers['grip-sig'], undefined);
  assert.match(String(request.headers['grip-feature']), /status/);
  client.send('hello');
  client.send(Buffer.from([0, 255]));
  client.socket.ping('p');
  client.socket.pong('q');
  for (const event of ['text hello', 'binary 00ff', 'ping p', 'pong q']) assert.equal(await peer.next(), event);
  peer.send('Grüße');
  peer.send('m:like GRIP');
  peer.send('c:{"type":"subscribe","channel":"a"}');
  peer.socket.ping('r');
  peer.socket.pong('s');
  const events = ['text Grüße', 'text m:like GRIP', 'text c:{"type":"subscribe","channel":"a"}', 'ping r', 'pong s'];
  for (const event of events) assert.equal(await client.next(), event);
  client.socket.close(4001, 'bye');
  assert.equal(await peer.next(), 'close 4001 bye');
  assert.equal(await client.next(), 'close 4001 bye');
});

test('with compression messages are compressed for clients that offer it, and for no others', async (t) => {
  const origin = await startWsOrigin(t);
  const route = ['--route', `* ${origin.address}`];
  const { clients } = await runServer(t, route, '[server]\ncompression = true\n');
  const socket = new WebSocket(`ws://${clients[0]}/`, { perMessageDeflate: true });
  t.after(() => socket.terminate());
  const { peer, request } = await origin.accept();
  // The offer is for this hop: what the origin gets is from the proxy.
  assert.equal(request.headers['sec-websocket-extensions'], 'grip');
  await once(socket, 'open');
  assert.match(socket.extensions, /^permessage-deflate/);
  const text = 'x'.repeat(50_000);
  socket.send(text);
  assert.equal(await peer.next(), `text ${text}`);
  const before = (socket as unknown as { _socket: Socket })._socket.bytesRead;
  peer.send(text);
  assert.equal(String((await once(socket, 'message'))[0]), text);
  assert.ok((socket as unknown as { _socket: Socket })._socket.bytesRead - before < 5_000);
  const plain = await openWs(t, `ws://${clients[0]}/`);
  const { peer: other } = await origin.accept();
  other.send(text);
  assert.equal(await plain.next(), `text ${text}`);
});

test('large messages pass in both directions', async (t) => {
  const origin = await startWsOrigin(t);
  const client = await openWs(t, await serverOf(t, `* ${origin.address}`));
  const { peer } = await origin.accept();
  const large = Buffer.alloc(3_000_000, 'x');
  client.send(large);
  assert.equal(await peer.next(), `binary ${large.toString('hex')}`);
  peer.send(large);
  assert.equal(await client.next(), `binary ${large.toString('hex')}`);
});

test('the origin closes with a code and a reason, and a lost origin is a lost client', async (t) => {
  const origin = await startWsOrigin(t);
  const url = await serverOf(t, `* ${origin.address}`);
  const first = await openWs(t, url);
  (await origin.accept()).peer.socket.close(4321, 'enough');
  assert.equal(await first.next(), 'close 4321 enough');
  const second = await openWs(t, url);
  const { peer } = await origin.accept();
  peer.send('last words');
  assert.equal(await second.next(), 'text last words');
  peer.socket.terminate();
  assert.equal(await second.next(), 'close 1006');
});

test('an origin learns that its client was lost, after what the client has sent', async (t) => {
  const origin = await startWsOrigin(t);
  const client = await openWs(t, await serverOf(t, `* ${origin.address}`));
  const { peer } = await origin.accept();
  client.send('last words');
  assert.equal(await peer.next(), 'text last words');
  client.socket.terminate();
  assert.equal(await peer.next(), 'close 1001');
});

test('the response of an origin that refuses reaches the client', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const url = await serverOf(t, `* ${origin}`);
  assert.equal((await refusedWs(t, url)).response.statusCode, 200);
  const refusing = await startWsOrigin(t, { verifyClient: (_info, done) => done(false, 403, 'No, thanks') });
  const { response, body } = await refusedWs(t, await serverOf(t, `* ${refusing.address}`));
  assert.deepEqual([response.statusCode, body], [403, 'No, thanks']);
});

test('the next target gets the WebSocket where the first one takes no connection, and without any the client gets 502', async (t) => {
  const [dead] = await freePorts(1);
  const origin = await startWsOrigin(t);
  const client = await openWs(t, await serverOf(t, `* 127.0.0.1:${dead} ${origin.address}`));
  const { peer } = await origin.accept();
  client.send('hello');
  assert.equal(await peer.next(), 'text hello');
  const { response, body } = await refusedWs(t, await serverOf(t, `*,debug 127.0.0.1:${dead}`));
  assert.equal(response.statusCode, 502);
  assert.match(body, /Unable to connect to any targets\. Tried: 127\.0\.0\.1/);
});

test('proto=ws separates WebSockets from other requests, and one without a route gets 502', async (t) => {
  const origin = await startWsOrigin(t);
  const other = await startOrigin(t, (_request, response) => response.end('plain'));
  const url = await serverOf(t, `*,proto=ws ${origin.address}`, `*,proto=http ${other}`, `only.example ${other}`);
  await openWs(t, url);
  await origin.accept();
  assert.equal(await (await fetch(url.replace('ws:', 'http:'))).text(), 'plain');
  const nowhere = await serverOf(t, `only.example ${origin.address}`);
  const { response, body } = await refusedWs(t, nowhere);
  assert.deepEqual([response.statusCode, body], [502, 'No route for host: 127.0.0.1\n']);
});
