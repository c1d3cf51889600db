import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Handler } from '../support/edge/handler.ts';
import { ReqHandler } from '../support/edge/req-handler.ts';
import { runServer, startHoldfast } from '../support/holdfast.ts';
import { connectTo } from '../support/raw-client.ts';
import { metricIs, publishTo } from '../support/roles.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openWs, refusedWs } from '../support/websocket/ws-peers.ts';

/** A server with one target over ZHTTP, and the place of its socket files. */
async function start(t: TestContext, form: 'zhttp' | 'zhttpreq', properties = '', toml = '') {
  const place = `ipc://${join(temporaryFolder(t), 'app')}`;
  const server = await runServer(t, ['--log-level', 'debug', '--route', `*,debug ${form}/${place}${properties}`], toml);
  return { server, place, url: `http://${server.clients[0]}` };
}

test('a handler in stream mode takes requests with bodies, and responds in pieces', async (t) => {
  const { place, url } = await start(t, 'zhttp');
  const handler = await Handler.start(t, place, { edge: '' });
  const response = fetch(`${url}/a?b=c`, { method: 'POST', body: 'upload', headers: { 'X-Own': 'mine' } });
  const session = await handler.request();
  const { method, uri, headers, more, peerAddress, connectHost, ignorePolicies } = session.first;
  assert.deepEqual(
    [method, uri, more, peerAddress, connectHost, ignorePolicies],
    ['POST', `${url}/a?b=c`, true, '', '', true],
  );
  const field = (name: string) => headers[headers.findIndex((text) => text.toLowerCase() === name) + 1];
  assert.deepEqual([field('x-own'), field('content-length')], ['mine', '6']);
  await session.send({ type: 'credit', credits: 100 });
  assert.equal((await session.takeBody()).toString(), 'upload');
  await session.send({ code: 201, reason: 'Made', headers: ['X-A', 'b'], body: Buffer.from('one '), more: true });
  await session.send({ body: Buffer.from('two') });
  const { status, headers: fields } = await response;
  assert.deepEqual([status, fields.get('x-a'), await (await response).text()], [201, 'b', 'one two']);
});

test('a handler sends no more than the client takes', async (t) => {
  const { place, server } = await start(t, 'zhttp');
  const handler = await Handler.start(t, place, { edge: '' });
  const client = await connectTo(t, server.clients[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const session = await handler.request();
  assert.equal(session.credits, 65_536);
  await session.send({ code: 200, headers: ['Content-Length', '500000'], more: true });
  await session.sendBody(Buffer.alloc(500_000, 'x'));
  assert.equal((await client.takeHead()).status, 200);
  assert.equal((await client.take('x'.repeat(500_000))).length, 500_000);
});

test('a handler holds clients with GRIP', async (t) => {
  const { place, server } = await start(t, 'zhttp');
  const handler = await Handler.start(t, place, { edge: '' });
  const client = await connectTo(t, server.clients[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const session = await handler.request();
  await session.respond('open\n', { headers: ['Grip-Hold', 'stream', 'Grip-Channel', 'news'] });
  await client.take('open\n');
  await metricIs(server, 'holdfast_held_clients', 1);
  await publishTo(server, { channel: 'news', formats: { 'http-stream': { content: 'one\n' } } });
  await client.take('one\n');
});

test('a handler takes WebSockets, accepts them with GRIP, and closes', async (t) => {
  const { place, server } = await start(t, 'zhttp');
  const handler = await Handler.start(t, place, { edge: '' });
  const opening = openWs(t, `ws://${server.clients[0]}/ws`);
  const session = await handler.request();
  assert.match(session.first.uri, /^ws:\/\/.*\/ws$/);
  await session.send({ code: 101, headers: ['Sec-WebSocket-Extensions', 'grip'], credits: 1_000 });
  const client = await opening;
  client.send('hello');
  const message = await session.next('data');
  assert.deepEqual([message.body.toString(), message.contentType], ['hello', 'text']);
  await session.send({ contentType: 'text', body: Buffer.from('c:{"type":"subscribe","channel":"room"}') });
  await session.send({ contentType: 'text', body: Buffer.from('m:welcome') });
  assert.equal(await client.next(), 'text welcome');
  await publishTo(server, { channel: 'room', formats: { 'ws-message': { content: 'to all' } } });
  assert.equal(await client.next(), 'text to all');
  await session.send({ type: 'close' });
  assert.equal(await client.next(), 'close 1005');
  await session.next('close');
  await metricIs(server, 'holdfast_origins_zhttp_sessions_open', 0);
});

test('a client that leaves cancels the session with its handler', async (t) => {
  const { place, server } = await start(t, 'zhttp');
  const handler = await Handler.start(t, place, { edge: '' });
  const client = await connectTo(t, server.clients[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const session = await handler.request();
  await session.send({ type: 'keep-alive' });
  client.reset();
  await session.next('cancel');
  await metricIs(server, 'holdfast_origins_zhttp_sessions_open', 0);
});

test('without a handler the request fails, and with a further target it goes on', async (t) => {
  const { url } = await start(t, 'zhttp', ' test,host=x', '[proxy]\nconnect_timeout = 0.1\n');
  assert.equal(await (await fetch(url)).text(), 'Hello from the Pushpin test handler!\n');
  const alone = await start(t, 'zhttp', '', '[proxy]\nconnect_timeout = 0.1\n');
  const response = await fetch(alone.url);
  assert.equal(response.status, 502);
  assert.match(
    await response.text(),
    /^Error while proxying to origin\.\n.*zhttp service for route is unreachable\)\n$/,
  );
});

test('an error of a handler gets a 502', async (t) => {
  const { place, url } = await start(t, 'zhttp');
  const handler = await Handler.start(t, place, { edge: '' });
  const response = fetch(url);
  await (await handler.request()).send({ type: 'error', condition: 'undefined-condition' });
  assert.equal((await response).status, 502);
});

test('a handler in req mode gets a request with its body, and responds with one message', async (t) => {
  const { place, url, server } = await start(t, 'zhttpreq');
  const handler = await ReqHandler.start(t, place);
  const response = fetch(url, { method: 'PUT', body: 'upload' });
  const { packet, respond } = await handler.request();
  assert.deepEqual([packet.method, packet.body.toString(), packet.from], ['PUT', 'upload', '']);
  await respond({ code: 200, reason: 'OK', body: Buffer.from('taken') });
  assert.equal(await (await response).text(), 'taken');
  const large = await fetch(url, { method: 'POST', body: 'x'.repeat(1_000_001) });
  assert.equal(large.status, 413);
  assert.equal((await refusedWs(t, `ws://${server.clients[0]}/`)).response.statusCode, 502);
});

test('the endpoints of a target are opened and closed as the routes file changes', async (t) => {
  const folder = temporaryFolder(t, {
    'pushpin.conf':
      '[runner]\nhttp_port=127.0.0.1:0\n[handler]\npush_in_http_port=0\npush_in_spec=ipc://{rundir}/pull\npush_in_sub_specs=ipc://{rundir}/sub\ncommand_spec=ipc://{rundir}/command\n',
    routes: '* test\n',
  });
  const [one, two] = [`ipc://${folder}/one`, `ipc://${folder}/two`];
  const program = startHoldfast(t, ['pushpin', '--config', 'pushpin.conf'], { cwd: folder });
  const { clients } = await program.logged('started');
  const url = `http://${(clients as string[])[0]}`;
  const routesAre = async (lines: string, entries: number) => {
    writeFileSync(join(folder, 'routes'), lines);
    program.kill('SIGHUP');
    await program.logged(`routes loaded with ${entries} entries`);
  };
  await routesAre(`* zhttp/${one}\na.test test\n`, 2);
  const first = await Handler.start(t, one, { edge: '' });
  const held = fetch(url);
  const session = await first.request();
  await session.send({ type: 'keep-alive' });
  await routesAre(`* zhttp/${two}\na.test test\nb.test test\n`, 3);
  const second = await Handler.start(t, two, { edge: '' });
  const other = fetch(url);
  await (await second.request()).respond('second');
  assert.equal(await (await other).text(), 'second');
  await session.respond('first');
  assert.equal(await (await held).text(), 'first');
  await routesAre(`* zhttp/${one}\na.test test\nb.test test\nc.test test\n`, 4);
  await first.subscribed();
  const again = fetch(url);
  await (await first.request()).respond('again');
  assert.equal(await (await again).text(), 'again');
  const { code, stderr } = await program.stop();
  assert.deepEqual([code, stderr], [0, '']);
});

test('a body of unknown length is collected for a handler in req mode', async (t) => {
  const { place, server } = await start(t, 'zhttpreq');
  const handler = await ReqHandler.start(t, place);
  const client = await connectTo(t, server.clients[0] ?? '');
  client.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n');
  const { packet, respond } = await handler.request();
  assert.equal(packet.body.toString(), 'abcdef');
  await respond({ code: 200, reason: 'OK', body: Buffer.from('taken') });
  await client.take('taken');
});

test('sessions with handlers are cancelled when the server stops', async (t) => {
  const { place, server } = await start(t, 'zhttp', '', '[server]\ndrain_timeout = 0.1\n');
  const handler = await Handler.start(t, place, { edge: '' });
  const client = await connectTo(t, server.clients[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const session = await handler.request();
  await session.send({ type: 'keep-alive' });
  await metricIs(server, 'holdfast_origins_zhttp_sessions_open', 1);
  const ended = server.program.stop();
  await session.next('cancel');
  assert.equal((await ended).code, 0);
});
