import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addEcho, addGarbagePeer, addTicker, WEBSOCKET_MISDEEDS } from '../support/edge/chaos-clients.ts';
import { ChaosHandlers } from '../support/edge/chaos-handlers.ts';
import { startEdge } from '../support/edge/edge.ts';
import { endpointsOf, Handler } from '../support/edge/handler.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Chaos } from './chaos/chaos.ts';
import { ChaosRun, SECONDS } from './chaos/chaos-run.ts';
import { CLIENT_MISDEEDS } from './chaos/hostile-clients.ts';
import { addRequester } from './chaos/ordinary-clients.ts';

/** Short enough to be reached within the run, and long enough for a machine that is busy with other things. */
const ARGS = [
  ...['--session-timeout', '4', '--stream-timeout', '3', '--backend-timeout', '5'],
  ...['--stream-maxconn', '2000', '--max-message-bytes', '200000', '--log-level', '2', '--compression'],
];

test(`for ${SECONDS} seconds ordinary clients are served amid hostile clients, handlers and ZeroMQ peers`, async (t) => {
  const random = seededRandom(t);
  const edge = await startEdge(t, ARGS);
  const run = new ChaosRun(t, edge.program.pid);
  const chaos = new Chaos(edge.address, '', random);
  const good = await Handler.start(t, edge.base, { id: 'good' });
  // They get their requests from the good one, and have sockets of their own for everything else.
  const bad = await Promise.all(
    ['bad1', 'bad2'].map((id) => Handler.start(t, edge.base, { id, takesRequests: false })),
  );
  new ChaosHandlers(chaos, good, bad, random.fork());

  for (let i = 0; i < 6; i++) addTicker(chaos);
  for (let i = 0; i < 4; i++) addRequester(chaos);
  for (let i = 0; i < 4; i++) addEcho(chaos);
  for (let i = 0; i < 16; i++) chaos.hostile('hostile client', chaos.address, CLIENT_MISDEEDS);
  for (let i = 0; i < 8; i++) chaos.hostile('hostile WebSocket', chaos.address, WEBSOCKET_MISDEEDS);
  for (let i = 0; i < 3; i++) addGarbagePeer(chaos, endpointsOf(edge.base), random.fork());

  const hostile = ['hostile client', 'hostile WebSocket', 'hostile handler', 'garbage peer'];
  await run.act(chaos, SECONDS, 'requester', 'ticker', 'echo', ...hostile);
  assert.deepEqual(edge.errors(), []);

  for (const handler of [good, ...bad]) handler.close();
  await run.assertNothingKept();
  const counters = await edge.stop();
  t.diagnostic(JSON.stringify(counters));
  const { server, zhttp, zmq } = counters;
  for (const total of ['requestsRefused', 'requestsAborted', 'responsesInvalid', 'webSocketsFailed'] as const) {
    assert.ok(server[total] > 0, total);
  }
  for (const total of ['sessionsFailed', 'sessionsExpired', 'packetsMalformed', 'packetsUnclaimed'] as const) {
    assert.ok(zhttp[total] > 0, total);
  }
  assert.ok(zmq.peersRefused > 0);
  assert.equal(zmq.peersOpen, 0);
});
