import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { WebSocketServer } from 'ws';
import { addEcho, WEBSOCKET_MISDEEDS } from '../support/edge/chaos-clients.ts';
import { runServer } from '../support/holdfast.ts';
import type { Program } from '../support/program.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Chaos } from './chaos/chaos.ts';
import { ChaosRun, chaosToml, SECONDS } from './chaos/chaos-run.ts';
import { GRIP_MISDEEDS } from './chaos/grip-clients.ts';
import { startHostileGripOrigin } from './chaos/grip-origins.ts';
import { CLIENT_MISDEEDS } from './chaos/hostile-clients.ts';
import { addPoller, addRequester, StreamClient } from './chaos/ordinary-clients.ts';
import { type ChaosOrigin, listening, startBadOrigin, startGoodOrigin } from './chaos/origins.ts';
import { eventually } from './chaos/process-usage.ts';
import { HonestPublisher, PUBLISHING_MISDEEDS } from './chaos/publishers.ts';
import { addHonestPusher, addHostileZmtpPeer, type ZmtpInput } from './chaos/zmtp-publishers.ts';

const TOML = chaosToml({ proxy: 'response_timeout = 5\nbody_timeout = 5\nover_http_min_keep_alive = 1' });

/** What is zero when nothing is left. */
const LEVELS = [
  ...['holdfast_held_clients', 'holdfast_channels', 'holdfast_undelivered_bytes', 'holdfast_backlog_bytes'],
  ...['holdfast_publishers_waiting', 'holdfast_proxy_connections_open', 'holdfast_proxy_holds_open'],
  'holdfast_proxy_web_sockets_open',
];

/** What is at the end as it was at the beginning. */
const TIMERS = 'holdfast_timers';

interface Stage {
  readonly program: Program;
  readonly chaos: Chaos;
  readonly origins: readonly ChaosOrigin[];
  readonly inputs: readonly ZmtpInput[];
}

/** An origin that returns each message of a WebSocket. */
function startEchoOrigin(): Promise<ChaosOrigin> {
  const server = createServer();
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data: Buffer, binary) => socket.send(data, { binary }));
  });
  return listening(server);
}

/** The same over HTTP requests: the events that come are those that go back, but for pings. */
function startEventsOrigin(): Promise<ChaosOrigin> {
  return listening(
    createServer((request, response) => {
      let body = '';
      request.setEncoding('latin1').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        response.setHeader('Content-Type', 'application/websocket-events');
        response.end(body.replaceAll('PING', 'PONG'), 'latin1');
      });
    }),
  );
}

async function setStage(t: TestContext): Promise<Stage> {
  const random = seededRandom(t);
  const good = await startGoodOrigin(() => {});
  const bad = await startBadOrigin(random.fork());
  const hostile = await startHostileGripOrigin(random.fork());
  const echo = await startEchoOrigin();
  const events = await startEventsOrigin();
  const origins = [good, bad, hostile, echo, events];
  t.after(() => {
    for (const origin of origins) origin.close();
  });
  const routes = [
    `* ${good.address}`,
    `*,path_beg=/bad ${bad.address}`,
    '*,path_beg=/dead 127.0.0.1:1',
    `*,path_beg=/hostile ${hostile.address}`,
    `*,path_beg=/hostile/events ${hostile.address},over_http`,
    `*,path_beg=/chat ${echo.address}`,
    `*,path_beg=/events ${events.address},over_http`,
  ];
  const folder = temporaryFolder(t);
  const inputs = (['PUSH', 'PUB', 'REQ'] as const).map((type) => ({ path: join(folder, type), type }));
  const [pull, sub, command] = inputs.map(({ path }) => JSON.stringify([`ipc://${path}`]));
  const { program, clients, controlUrl } = await runServer(
    t,
    routes.flatMap((route) => ['--route', route]),
    `${TOML}\n[publish]\npull = ${pull}\nsub = ${sub}\ncommand = ${command}\n`,
  );
  return { program, chaos: new Chaos(clients[0] ?? '', new URL(controlUrl).host, random), origins, inputs };
}

/** The levels that are not zero, by name, and the timers; one that is not there has the value NaN. */
async function levelsOf(chaos: Chaos): Promise<Record<string, number>> {
  const client = chaos.open(chaos.control);
  const request = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const { body } = await client.request(request);
  client.socket.destroy();
  const read = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(body)?.[1]);
  const values = [...LEVELS, TIMERS].map((name) => [name, read(name)] as const);
  return Object.fromEntries(values.filter(([name, value]) => name === TIMERS || value !== 0));
}

test(`for ${SECONDS} seconds clients, WebSockets and publishers are served amid hostile ones, and nothing is left of them`, async (t) => {
  const { program, chaos, origins, inputs } = await setStage(t);
  const run = new ChaosRun(t, program.pid);
  const levelsBefore = await levelsOf(chaos);

  const streams = ['s1', 's2'].map((name) => new StreamClient(chaos, name));
  const pulled = new StreamClient(chaos, 'pulled');
  await Promise.all([...streams, pulled].map(({ held }) => held));
  addHonestPusher(chaos, inputs[0]?.path ?? '', pulled.name);
  const publisher = new HonestPublisher(chaos, ['common', ...streams.map(({ name }) => name)], ['p1']);
  addPoller(chaos, 'p1');
  for (let i = 0; i < 2; i++) addRequester(chaos);
  for (let i = 0; i < 2; i++) addEcho(chaos);
  for (let i = 0; i < 2; i++) addEcho(chaos, '/events', 'echo over HTTP');
  for (let i = 0; i < 8; i++) chaos.hostile('hostile client', chaos.address, CLIENT_MISDEEDS);
  for (let i = 0; i < 12; i++) chaos.hostile('client of a hostile origin', chaos.address, GRIP_MISDEEDS);
  for (let i = 0; i < 4; i++) chaos.hostile('hostile WebSocket', chaos.address, WEBSOCKET_MISDEEDS);
  for (let i = 0; i < 3; i++) chaos.hostile('hostile publisher', chaos.control, PUBLISHING_MISDEEDS);
  for (let i = 0; i < 3; i++) addHostileZmtpPeer(chaos, inputs);

  const ordinary = ['requester', 'stream', 'poller', 'publisher', 'echo', 'echo over HTTP'];
  const hostile = ['client', 'WebSocket', 'publisher', 'ZMTP peer'].map((what) => `hostile ${what}`);
  await run.act(chaos, SECONDS / 4, ...ordinary, ...hostile, 'client of a hostile origin');
  assert.deepEqual(program.errors(), []);
  for (const { name, last } of streams) {
    for (const channel of ['common', name]) assert.equal(last.get(channel), publisher.last.get(channel), channel);
  }

  assert.equal(pulled.last.get(pulled.name), chaos.done.get('pusher'));

  // With the origins the connections end that wait there for the next request.
  for (const origin of origins) origin.close();
  await run.assertNothingKept();
  assert.ok((levelsBefore[TIMERS] as number) > 0);
  let levels = await levelsOf(chaos);
  await eventually(async () => {
    levels = await levelsOf(chaos);
    return isDeepStrictEqual(levels, levelsBefore);
  });
  assert.deepEqual(levels, levelsBefore);
  assert.equal((await program.stop()).code, 0);
  const { proxy } = await program.logged('stopped');
  t.diagnostic(JSON.stringify(proxy));
  assert.deepEqual(program.errors(), []);
});
