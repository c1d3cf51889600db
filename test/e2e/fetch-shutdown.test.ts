import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Handler } from '../support/edge/handler.ts';
import { type RunningFetcher, startFetch, stopFetcher } from '../support/fetch/fetcher.ts';
import { ending } from '../support/fetch/origin-rig.ts';
import { acceptWebSocket } from '../support/fetch/websocket-origin.ts';
import { ReqRequester, ZhttpRequester } from '../support/fetch/zhttp-requester.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { connectTo } from '../support/raw-client.ts';
import { startRawOrigin } from '../support/raw-origin.ts';
import type { RawPeer } from '../support/raw-peer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Arrivals } from '../support/zmq/zmq-rig.ts';

const FINE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine';

/** An origin that opens WebSockets, and says when it is asked for something else. */
async function startOrigin(t: TestContext): Promise<{ authority: string; asked: Arrivals<RawPeer> }> {
  const origin = await startRawOrigin(t);
  const asked = new Arrivals<RawPeer>();
  origin.onPeer = async (peer) => {
    await peer.until(() => peer.text.includes('\r\n\r\n'));
    if (/^upgrade/im.test(peer.text)) await acceptWebSocket(peer);
    else asked.add(peer);
  };
  return { authority: origin.route.replace('* ', ''), asked };
}

/** Everybody who may wait when the program is stopped: a stream, an upload, single answers, req mode, and a WebSocket. */
async function inFlight(t: TestContext, running: RunningFetcher) {
  const { authority, asked } = await startOrigin(t);
  const uri = `http://${authority}/`;
  const requester = await ZhttpRequester.start(t, running.endpoints);
  const reqRequester = ReqRequester.start(t, running.endpoints.req);
  const stream = await requester.ask('stream', { method: 'GET', uri, stream: true, credits: 1_000 });
  const upload = await requester.ask('upload', { method: 'POST', uri, stream: true, credits: 1_000, more: true });
  const single = await requester.ask('single', { method: 'GET', uri });
  const req = reqRequester.ask('req', { method: 'GET', uri });
  const peers = await asked.take(4);
  const webSocket = await requester.ask('webSocket', { uri: `ws://${authority}/`, credits: 1_000 });
  assert.equal((await webSocket.next('data')).code, 101);
  const many = [];
  for (let i = 0; i < 10; i++) {
    many.push(await requester.ask(`many${i}`, { method: 'GET', uri, stream: true, credits: 1_000, multi: true }));
  }
  peers.push(...(await asked.take(10)));
  return {
    requester,
    reqRequester,
    uri,
    asked,
    sessions: [stream, upload, single, webSocket, ...many],
    stream,
    single,
    req,
    peers,
    webSocket,
  };
}

test('a stop sends an error for each session', async (t) => {
  const running = await startFetch(t, ['allow_internal = true'], {}, ['drain_timeout = 0']);
  const { sessions, req } = await inFlight(t, running);
  const stopped = stopFetcher(running);
  for (const session of sessions) assert.equal(await ending(session), 'undefined-condition', session.id);
  assert.equal((await req).condition, 'undefined-condition');
  const { zhttp } = await stopped;
  assert.deepEqual([zhttp.sessions, zhttp.sessionsFailed], [sessions.length + 1, sessions.length + 1]);
});

test('a stop lets requests in flight complete, and begins none', async (t) => {
  const running = await startFetch(t, ['allow_internal = true'], {}, ['drain_timeout = 60']);
  const { requester, reqRequester, uri, asked, sessions, req, peers, webSocket } = await inFlight(t, running);
  const stopped = stopFetcher(running);
  await running.program.logged('stopping');
  assert.equal((await reqRequester.ask('late', { method: 'GET', uri })).condition, 'undefined-condition');
  // This one stays with its requester, for whoever comes next.
  await requester.ask('later', { method: 'GET', uri });
  for (const peer of peers) peer.end(FINE);
  await webSocket.send({ type: 'cancel' });
  for (const session of sessions.filter((session) => session !== webSocket)) {
    assert.equal(await ending(session), '200 fine', session.id);
  }
  assert.equal((await req).body.toString(), 'fine');
  const { zhttp } = await stopped;
  assert.deepEqual([zhttp.sessionsFailed, zhttp.sessionsCancelled, asked.all.length], [0, 1, 0]);
});

test('proxy, edge and fetch run in one process', async (t) => {
  const { authority, asked } = await startOrigin(t);
  const folder = temporaryFolder(t);
  const toml = `
    [server]
    listen = ["127.0.0.1:0"]
    drain_timeout = 1
    [control]
    listen = []
    [[route]]
    host = "*"
    targets = ["${authority}"]
    [edge]
    id = "condure"
    listen = ["127.0.0.1:0"]
    zclient_stream = ["ipc://${folder}/edge"]
    zclient_req = ["ipc://${folder}/edge-req"]
    [fetch]
    id = "zu1"
    stream = ["ipc://${folder}/fetch"]
    req = ["ipc://${folder}/fetch-req"]
    allow_internal = true`;
  const file = join(temporaryFolder(t, { 'holdfast.toml': toml }), 'holdfast.toml');
  const program = startHoldfast(t, ['run', '--config', file], { cwd: folder });
  const { clients, edge } = await program.logged('started');
  const base = `ipc://${folder}/fetch`;
  const endpoints = { in: `${base}-in`, inStream: `${base}-in-stream`, out: `${base}-out`, req: `${base}-req` };
  const requester = await ZhttpRequester.start(t, endpoints);
  const handler = await Handler.start(t, `ipc://${folder}/edge`);

  const proxied = await connectTo(t, (clients as string[])[0] ?? '');
  proxied.write('GET /proxied HTTP/1.1\r\nHost: a\r\n\r\n');
  const atEdge = await connectTo(t, (edge as string[])[0] ?? '');
  atEdge.write('GET /edge HTTP/1.1\r\nHost: a\r\n\r\n');
  const byHandler = await handler.request();
  // The handler's answer is what it has fetched: through the same process.
  const session = await requester.ask('s1', {
    method: 'GET',
    uri: `http://${authority}/fetched`,
    stream: true,
    credits: 100,
  });
  for (const peer of await asked.take(2)) {
    const [, path = ''] = /^GET (\S+)/.exec(await peer.take()) ?? [];
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
  }
  const fetched = await ending(session);
  await byHandler.respond(fetched);
  assert.equal(fetched, '200 /fetched');
  assert.equal((await proxied.takeResponse()).body, '/proxied');
  assert.equal((await atEdge.takeResponse()).body, '200 /fetched');
  // The proxy's targets are the operator's: no policy of [fetch] is about them.
  assert.equal((await program.stop()).code, 0);
  const { proxy, edge: edgeCounters, fetch } = await program.logged('stopped');
  assert.equal((proxy as { readonly originRequests: number }).originRequests, 1);
  assert.equal((fetch as { readonly client: { readonly originRequests: number } }).client.originRequests, 1);
  assert.equal((edgeCounters as { readonly zhttp: { readonly sessions: number } }).zhttp.sessions, 1);
});
