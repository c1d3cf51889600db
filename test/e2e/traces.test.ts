import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { parseTraceparent, SAMPLED } from '../../src/codec/trace-context/index.ts';
import { Mongrel2Handler } from '../../src/mongrel2-handler/index.ts';
import { Handler } from '../support/edge/handler.ts';
import { startFetch } from '../support/fetch/fetcher.ts';
import { ZhttpRequester } from '../support/fetch/zhttp-requester.ts';
import { runServer, startHoldfast } from '../support/holdfast.ts';
import { turn } from '../support/manual-clock.ts';
import { startOrigin } from '../support/origin.ts';
import { Collector } from '../support/otlp.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

const section = (collector: Collector, more = 'sample = 1') => `[trace]\notlp = "${collector.url}"\n${more}\n`;

/** An origin that remembers its requests. */
async function rememberingOrigin(t: TestContext, serve: (request: IncomingMessage) => readonly [object, string]) {
  const requests: IncomingMessage[] = [];
  const address = await startOrigin(t, (request, response) => {
    requests.push(request);
    const [headers, body] = serve(request);
    response.writeHead(200, headers as never).end(body);
  });
  const parent = (path: string) => {
    const request = requests.findLast(({ url }) => url === path);
    return parseTraceparent(String(request?.headers.traceparent));
  };
  return { address, requests, parent };
}

test('a request begins a trace, which its origin and its span are in', async (t) => {
  const collector = await Collector.start(t);
  const origin = await rememberingOrigin(t, () => [{}, 'hello']);
  const { program, clients, controlUrl } = await runServer(
    t,
    ['--route', `*,id=main ${origin.address}`],
    section(collector),
  );
  await (await fetch(`http://${clients[0]}/a?token=secret`, { headers: { 'User-Agent': 'tester' } })).text();
  const span = await collector.span();
  const parent = origin.parent('/a?token=secret');
  assert.deepEqual([parent?.traceId, parent?.parentId], [span.traceId, span.spanId]);
  assert.equal((parent?.flags ?? 0) & SAMPLED, SAMPLED);
  assert.deepEqual([span.name, span.kind, span.parentSpanId, span.status], ['GET main', 2, '', 0]);
  const { attributes } = span;
  assert.equal(attributes.get('url.path'), '/a');
  assert.equal(attributes.get('http.response.status_code'), 200);
  assert.equal(attributes.get('http.response.body.size'), 5);
  assert.equal(attributes.get('holdfast.target'), origin.address);
  assert.equal(attributes.get('user_agent.original'), 'tester');
  assert.equal(collector.taken[0]?.resource.get('service.name'), 'holdfast');
  assert.equal(collector.requests[0]?.url, '/v1/traces');
  const metrics = await (await fetch(`${controlUrl}/metrics`)).text();
  assert.match(metrics, /^holdfast_trace_spans_exported_total 1$/m);
  await program.stop();
});

test('clients decide about their traces: one goes on with a span, one passes as it came, one is not valid', async (t) => {
  const collector = await Collector.start(t);
  const origin = await rememberingOrigin(t, () => [{}, '']);
  const { clients } = await runServer(t, ['--route', `* ${origin.address}`], section(collector));
  const send = async (path: string, traceparent: string) => {
    const headers = { traceparent, tracestate: 'vendor=1' };
    await (await fetch(`http://${clients[0]}${path}`, { headers })).text();
    return origin.requests.at(-1)?.headers;
  };
  const recorded = await send('/recorded', `00-${TRACE}-${PARENT}-01`);
  const passed = await send('/passed', `00-${TRACE}-${PARENT}-00`);
  const invalid = await send('/invalid', `00-${TRACE}-${PARENT}`);
  const span = await collector.span(({ attributes }) => attributes.get('url.path') === '/recorded');
  assert.deepEqual([span.traceId, span.parentSpanId, span.traceState], [TRACE, PARENT, 'vendor=1']);
  assert.deepEqual([recorded?.traceparent, recorded?.tracestate], [`00-${TRACE}-${span.spanId}-01`, 'vendor=1']);
  assert.deepEqual([passed?.traceparent, passed?.tracestate], [`00-${TRACE}-${PARENT}-00`, 'vendor=1']);
  assert.equal(invalid?.tracestate, undefined);
  const other = await collector.span(({ attributes }) => attributes.get('url.path') === '/invalid');
  assert.notEqual(other.traceId, TRACE);
  assert.equal(parseTraceparent(String(invalid?.traceparent))?.traceId, other.traceId);
  assert.equal(collector.spans.length, 2);
});

test('the links of a held client, and its WebSocket over HTTP, are in the trace of its request', async (t) => {
  const collector = await Collector.start(t);
  const origin = await rememberingOrigin(t, ({ url, headers }) => {
    if (headers['content-type'] === 'application/websocket-events') {
      return [{ 'Content-Type': 'application/websocket-events' }, 'OPEN\r\n'];
    }
    if (url === '/next') return [{}, 'linked\n'];
    return [{ 'Grip-Hold': 'stream', 'Grip-Channel': 'c', 'Grip-Link': '</next>; rel=next; timeout=1' }, 'open\n'];
  });
  const routes = ['--route', `*,path_beg=/ws ${origin.address},over_http`, '--route', `* ${origin.address}`];
  const { clients } = await runServer(t, routes, section(collector));
  const client = await connectTo(t, clients[0] ?? '');
  client.write(`GET /held HTTP/1.1\r\nHost: h\r\ntraceparent: 00-${TRACE}-${PARENT}-01\r\n\r\n`);
  await client.take('linked\n');
  client.socket.destroy();
  client.socket.destroy();
  const held = await collector.span(({ attributes }) => attributes.get('url.path') === '/held');
  assert.equal(held.traceId, TRACE);
  assert.ok(held.attributes.has('holdfast.held.seconds'));
  assert.equal(held.status, 0, 'a client that leaves is no failure');
  for (const path of ['/held', '/next']) {
    assert.deepEqual([origin.parent(path)?.traceId, origin.parent(path)?.parentId], [TRACE, held.spanId], path);
  }
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  const socket = new WebSocket(`ws://${clients[0]}/ws`, { headers });
  await once(socket, 'open');
  socket.send('hello');
  while (origin.requests.filter(({ url }) => url === '/ws').length < 2) await turn();
  socket.terminate();
  const span = await collector.span(({ attributes }) => attributes.get('url.path') === '/ws');
  assert.equal(span.attributes.get('network.protocol.name'), 'websocket');
  assert.deepEqual([origin.parent('/ws')?.traceId, origin.parent('/ws')?.parentId], [TRACE, span.spanId]);
});

test('failures have their code, and those of clients are none of the server', async (t) => {
  const collector = await Collector.start(t);
  const { clients } = await runServer(t, ['--route', 'a.example 127.0.0.1:1'], section(collector));
  for (const [host, path] of [
    ['a.example', '/down'],
    ['b.example', '/nowhere'],
  ]) {
    const client = await connectTo(t, clients[0] ?? '');
    client.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    await client.takeResponse();
  }
  const down = await collector.span(({ attributes }) => attributes.get('url.path') === '/down');
  assert.deepEqual([down.status, down.attributes.get('error.type')], [2, 'HF_ORIGIN_UNREACHABLE']);
  assert.equal(down.attributes.get('http.response.status_code'), 502);
  const nowhere = await collector.span(({ attributes }) => attributes.get('url.path') === '/nowhere');
  assert.equal(nowhere.attributes.get('error.type'), 'HF_NO_ROUTE');
  assert.equal(nowhere.name, 'GET');
});

for (const workers of [1, 2]) {
  test(`handlers of an edge with ${workers} process(es) get the trace, and there is a span`, async (t) => {
    const collector = await Collector.start(t);
    const folder = temporaryFolder(t);
    const base = `ipc://${folder}/client`;
    const toml = `[server]
listen = []
[edge]
listen = ["127.0.0.1:0"]
zclient_stream = ["${base}"]
workers = ${workers}
${section(collector)}`;
    const program = startHoldfast(t, ['run'], { cwd: temporaryFolder(t, { 'holdfast.toml': toml }) });
    const { edge } = await program.logged('started');
    const handler = await Handler.start(t, base, { edge: 'holdfast' });
    const client = await connectTo(t, (edge as string[])[0] ?? '');
    client.write(`GET /x HTTP/1.1\r\nHost: h\r\nTraceparent: 00-${TRACE}-${PARENT}-01\r\n\r\n`);
    const session = await handler.request();
    const fields = session.first.headers;
    await session.respond('hi');
    await client.takeResponse();
    const span = await collector.span();
    assert.deepEqual([span.traceId, span.parentSpanId], [TRACE, PARENT]);
    const at = fields.indexOf('traceparent');
    assert.equal(fields[at + 1], `00-${TRACE}-${span.spanId}-01`);
    assert.equal(fields.filter((field) => /^traceparent$/i.test(String(field))).length, 1);
    await program.stop();
  });
}

test('handlers and origins of a Mongrel2 server get the trace, and each request is a span', async (t) => {
  const collector = await Collector.start(t);
  const origin = await rememberingOrigin(t, () => [{}, 'from an origin']);
  const folder = temporaryFolder(t);
  const toml = `[server]
listen = []
[[edge.mongrel2]]
listen = "127.0.0.1:0"
default_host = "h"
[edge.mongrel2.handler.chat]
send_spec = "ipc://${folder}/send"
send_ident = "server"
recv_spec = "ipc://${folder}/recv"
[[edge.mongrel2.host]]
name = "h"
route = [{ path = "/chat", handler = "chat" }, { path = "/api/", proxy = "${origin.address}" }]
${section(collector)}`;
  const program = startHoldfast(t, ['run'], { cwd: temporaryFolder(t, { 'holdfast.toml': toml }) });
  const { mongrel2 } = await program.logged('started');
  const handler = new Mongrel2Handler({ sendSpec: `ipc://${folder}/send`, recvSpec: `ipc://${folder}/recv` });
  t.after(() => handler.stop());
  const parents: (string | undefined)[] = [];
  void handler.each((event) => {
    if (event.kind !== 'request') return;
    parents.push(event.headers.get('traceparent')?.toString());
    handler.respond({ uuid: event.uuid, ids: [event.id] }, { body: 'from a handler' });
  });
  const client = await connectTo(t, (mongrel2 as string[])[0] ?? '');
  const ask = (path: string) =>
    client.request(`GET ${path}?key=secret HTTP/1.1\r\nHost: h\r\nTraceparent: 00-${TRACE}-${PARENT}-01\r\n\r\n`);
  await ask('/chat/x');
  const chat = await collector.span(({ attributes }) => attributes.get('url.path') === '/chat/x');
  assert.deepEqual([chat.name, chat.kind, chat.traceId, chat.parentSpanId], ['GET /chat', 2, TRACE, PARENT]);
  assert.equal(chat.attributes.get('http.route'), '/chat');
  assert.equal(chat.attributes.get('http.response.status_code'), 200);
  assert.equal(chat.attributes.get('http.response.body.size'), 14);
  assert.equal(chat.attributes.get('holdfast.target'), 'chat');
  assert.deepEqual(parents, [`00-${TRACE}-${chat.spanId}-01`]);
  await ask('/api/y');
  const api = await collector.span(({ attributes }) => attributes.get('url.path') === '/api/y');
  assert.equal(api.attributes.get('holdfast.target'), origin.address);
  assert.equal(origin.requests[0]?.headers.traceparent, `00-${TRACE}-${api.spanId}-01`);
  await program.stop();
});

test('outbound requests are in the trace of their requester, and are spans of a client', async (t) => {
  const collector = await Collector.start(t);
  const origin = await rememberingOrigin(t, () => [{}, 'fetched']);
  const { program, endpoints } = await startFetch(t, ['allow_internal = true', section(collector)]);
  const requester = await ZhttpRequester.start(t, endpoints);
  const uri = `http://${origin.address}/out?key=secret`;
  const headers = ['Traceparent', `00-${TRACE}-${PARENT}-01`];
  const session = await requester.ask('1', { method: 'GET', uri, headers, credits: 10_000 });
  assert.equal((await session.response()).body.toString(), 'fetched');
  const span = await collector.span();
  assert.deepEqual([span.kind, span.name, span.traceId, span.parentSpanId], [3, 'GET', TRACE, PARENT]);
  assert.equal(span.attributes.get('url.full'), `http://${origin.address}/out`);
  assert.equal(origin.requests[0]?.headers.traceparent, `00-${TRACE}-${span.spanId}-01`);
  await program.stop();
});

test('behind an edge that is another program, each of the two is a span of the trace', async (t) => {
  const collector = await Collector.start(t);
  const origin = await rememberingOrigin(t, () => [{}, '']);
  const base = `ipc://${temporaryFolder(t)}/edge`;
  const start = async (toml: string) => {
    const cwd = temporaryFolder(t, { 'holdfast.toml': `${toml}${section(collector)}` });
    const program = startHoldfast(t, ['run'], { cwd });
    return { program, started: await program.logged('started') };
  };
  const edge = await start(`[server]\nlisten = []\n[edge]\nlisten = ["127.0.0.1:0"]\nzclient_stream = ["${base}"]\n`);
  const route = `[[route]]\nhost = "*"\nid = "main"\ntargets = ["${origin.address}"]\n`;
  await start(`[server]\nlisten = []\nzhttp = ["${base}"]\n[control]\nlisten = []\n${route}`);
  await (await fetch(`http://${(edge.started.edge as string[])[0]}/x`)).text();
  const behind = await collector.span(({ name }) => name === 'GET main');
  const front = await collector.span(({ spanId }) => spanId === behind.parentSpanId);
  assert.equal(front.parentSpanId, '');
  assert.equal(behind.traceId, front.traceId);
  assert.equal(behind.attributes.get('url.path'), '/x');
  assert.equal(origin.parent('/x')?.parentId, behind.spanId);
});

test('worker processes of the proxy send their spans, also those that are left at the end', async (t) => {
  const collector = await Collector.start(t);
  const origin = await rememberingOrigin(t, () => [{}, '']);
  const toml = `[server]\nworkers = 2\n${section(collector)}`;
  const { program, clients } = await runServer(t, ['--route', `* ${origin.address}`], toml);
  for (let i = 0; i < 5; i++) await (await fetch(`http://${clients[0]}/${i}`)).text();
  await program.stop();
  assert.equal(collector.spans.length, 5);
});

test('a collector that is away costs no request, and what is lost is counted', async (t) => {
  const origin = await rememberingOrigin(t, () => [{}, 'fine']);
  const toml = '[trace]\notlp = "http://127.0.0.1:1"\nsample = 1\n';
  const { program, clients } = await runServer(t, ['--route', `* ${origin.address}`], toml);
  assert.equal(await (await fetch(`http://${clients[0]}/`)).text(), 'fine');
  await program.logged('the collector did not take spans');
  await program.stop();
  const { trace } = await program.logged('stopped');
  const { spansDropped, spansExported } = trace as Record<string, number>;
  assert.deepEqual([spansDropped, spansExported], [1, 0]);
});

test('without a collector requests get a trace that is not recorded, and valid ones pass as they came', async (t) => {
  const origin = await rememberingOrigin(t, () => [{}, '']);
  const { clients } = await runServer(t, ['--route', `* ${origin.address}`], '[trace]\npropagate = true\n');
  await (await fetch(`http://${clients[0]}/new`)).text();
  const begun = origin.parent('/new');
  assert.notEqual(begun, null);
  assert.equal((begun?.flags ?? 0) & SAMPLED, 0);
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  await (await fetch(`http://${clients[0]}/old`, { headers: { traceparent } })).text();
  assert.equal(origin.requests.at(-1)?.headers.traceparent, traceparent);
});

test('without the section no request gets fields of a trace, and those of clients pass whatever they are', async (t) => {
  const origin = await rememberingOrigin(t, () => [{}, '']);
  const { clients } = await runServer(t, ['--route', `* ${origin.address}`]);
  await (await fetch(`http://${clients[0]}/new`)).text();
  assert.equal(origin.requests.at(-1)?.headers.traceparent, undefined);
  await (await fetch(`http://${clients[0]}/old`, { headers: { traceparent: 'anything' } })).text();
  assert.equal(origin.requests.at(-1)?.headers.traceparent, 'anything');
});
