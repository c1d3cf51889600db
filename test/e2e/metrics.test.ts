import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { metricNames } from '../../src/app/index.ts';
import { runServer, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { peer } from '../support/peers.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { childrenOf } from '../support/worker-of.ts';

/** The samples of a text in Prometheus's format. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    assert.match(line.slice(0, space), /^[a-z_]+(\{.*\})?$/);
    assert.ok(!samples.has(line.slice(0, space)), `${line} is there twice`);
    samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}

test('/metrics of the control port has requests and latencies by route, and what the hub does', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/held') response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'c' }).end('open\n');
    else response.writeHead(request.url === '/none' ? 404 : 200).end();
  });
  const routes = ['--route', `*,id=main ${origin}`, '--route', `b.example,path_beg=/x ${origin}`];
  const { clients, controlUrl } = await runServer(t, routes);
  for (const path of ['/', '/', '/none']) await (await fetch(`http://${clients[0]}${path}`)).text();
  const held = await connectTo(t, clients[0] ?? '');
  held.write('GET /held HTTP/1.1\r\nHost: x\r\n\r\n');
  await held.take('open\n');
  const items = [{ channel: 'c', formats: { 'http-stream': { content: 'one\n' } } }];
  await fetch(`${controlUrl}/publish/`, { method: 'POST', body: JSON.stringify({ items }) });
  await held.take('one\n');
  const response = await fetch(`${controlUrl}/metrics`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  const samples = samplesOf(text);
  assert.equal(samples.get('holdfast_route_requests_total{route="main"}'), 4);
  assert.equal(samples.get('holdfast_route_requests_total{route="b.example,*,*,/x"}'), 0);
  assert.equal(samples.get('holdfast_route_responses_total{route="main",class="2xx"}'), 3);
  assert.equal(samples.get('holdfast_route_responses_total{route="main",class="4xx"}'), 1);
  assert.equal(samples.get('holdfast_origin_response_seconds_count{route="main"}'), 4);
  assert.equal(samples.get('holdfast_origin_response_seconds_bucket{route="main",le="+Inf"}'), 4);
  assert.equal(samples.get('holdfast_held_clients'), 1);
  assert.equal(samples.get('holdfast_channels'), 1);
  assert.equal(samples.get('holdfast_delivery_seconds_count'), 1);
  assert.equal(samples.get('holdfast_proxy_items_published_total'), 1);
  assert.equal(samples.get('holdfast_proxy_items_delivered_total'), 1);
  assert.equal(samples.get('holdfast_proxy_items_dropped_total'), 0);
  const promtool = peer('promtool');
  if (promtool !== null) assert.equal(execFileSync(promtool, ['check', 'metrics'], { input: text }).toString(), '');
});

test('worker processes have metrics of their own, and failures of all count by code', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const toml = '[server]\nworkers = 2\n';
  const { clients, controlUrl, program } = await runServer(t, ['--route', `a.example ${origin}`], toml);
  const samples = async () => samplesOf(await (await fetch(`${controlUrl}/metrics`)).text());
  const response = await fetch(`http://${clients[0]}/`);
  assert.equal(response.status, 502);
  await response.text();
  // Workers report once a second.
  let now = await samples();
  while (now.get('holdfast_errors_total{code="HF_NO_ROUTE"}') !== 1) now = await samples();
  while (!now.has('process_open_fds{process="proxy-1"}') || !now.has('process_open_fds{process="proxy-2"}')) {
    now = await samples();
  }
  for (const process of ['main', 'proxy-1', 'proxy-2']) {
    assert.ok((now.get(`process_resident_memory_bytes{process="${process}"}`) ?? 0) > 10_000_000, process);
    assert.ok((now.get(`process_open_fds{process="${process}"}`) ?? 0) > 5, process);
  }
  assert.equal(now.get('holdfast_pool_workers_open'), 2);
  process.kill(childrenOf(program.pid)[0] as number, 'SIGKILL');
  await program.logged('worker died, its connections are lost');
  while (now.get('holdfast_pool_workers_open') !== 2 || now.get('holdfast_pool_workers_died_total') !== 1)
    now = await samples();
  assert.equal(now.get('holdfast_errors_total{code="HF_NO_ROUTE"}'), 1, 'it counts on after the process has ended');
  assert.equal(now.get('holdfast_pool_workers_started_total'), 3);
});

test('the edge and the fetch role have metrics where they run alone', async (t) => {
  const folder = temporaryFolder(t);
  const toml = `[server]
listen = []
[control]
listen = ["127.0.0.1:0"]
[edge]
listen = ["127.0.0.1:0"]
zclient_stream = ["ipc://${folder}/client"]
backend_timeout = 0.2
workers = 2
[fetch]
stream = ["ipc://${folder}/fetch"]
`;
  const program = startHoldfast(t, ['run'], { cwd: temporaryFolder(t, { 'holdfast.toml': toml }) });
  const { publishers, edge } = await program.logged('started');
  assert.equal((await fetch(`http://${(edge as string[])[0]}/`)).status, 503);
  const read = async () => await (await fetch(`http://${(publishers as string[])[0]}/metrics`)).text();
  let text = await read();
  const isComplete = (samples: Map<string, number>): boolean =>
    samples.get('holdfast_errors_total{code="HF_BACKEND_ABSENT"}') === 1 &&
    samples.has('process_cpu_seconds_total{process="edge-2"}');
  while (!isComplete(samplesOf(text))) text = await read();
  const samples = samplesOf(text);
  assert.equal(samples.get('holdfast_edge_server_requests_total'), 1);
  assert.equal(samples.get('holdfast_fetch_zhttp_sessions_total'), 0);
  assert.equal(samples.has('holdfast_channels'), false);
  assert.doesNotMatch(text, /^# HELP \S+ Counter /m, 'each counter is described');
  const known = new Set(metricNames());
  for (const [, name = ''] of text.matchAll(/^# TYPE (\S+)/gm)) assert.ok(known.has(name), name);
});

test('metrics are refused to pages of other sites', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const { controlUrl } = await runServer(t, ['--route', `* ${origin}`]);
  const response = await fetch(`${controlUrl}/metrics`, { headers: { 'Sec-Fetch-Site': 'cross-site' } });
  assert.equal(response.status, 403);
});

test("prometheus has Pushpin's metrics under their names, at any path", async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const toml = '[stats]\nprometheus = ["127.0.0.1:0"]\nprometheus_prefix = "pp_"\n';
  const { program, clients } = await runServer(t, ['--route', `* ${origin}`], toml);
  const { stats } = await program.logged('started');
  await (await fetch(`http://${clients[0]}/`)).text();
  const text = await (await fetch(`http://${(stats as string[])[0]}/any/path`)).text();
  const samples = samplesOf(text);
  assert.deepEqual(
    [...samples.keys()],
    [
      'pp_request_received',
      'pp_connection_connected',
      'pp_connection_minute',
      'pp_message_received',
      'pp_message_sent',
    ],
  );
  assert.equal(samples.get('pp_request_received'), 1);
  assert.match(text, /^# TYPE pp_connection_connected gauge$/m);
});
