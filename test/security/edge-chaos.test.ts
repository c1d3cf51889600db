import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { addEcho, addGarbagePeer, addTicker, WEBSOCKET_MISDEEDS } from '../support/edge/chaos-clients.ts';
import { ChaosHandlers } from '../support/edge/chaos-handlers.ts';
import { startEdge } from '../support/edge/edge.ts';
import { endpointsOf, Handler } from '../support/edge/handler.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Chaos, pause } from './chaos/chaos.ts';
import { CLIENT_MISDEEDS } from './chaos/hostile-clients.ts';
import { addRequester } from './chaos/ordinary-clients.ts';

/** How long the actors act, in seconds: HOLDFAST_CHAOS_SECONDS. */
const SECONDS = Number(process.env.HOLDFAST_CHAOS_SECONDS ?? 60);

/** Megabytes that the process may be larger at the end than it was when it was warm. */
const GROWTH = 100;

/** Short enough to be reached within the run, and long enough for a machine that is busy with other things. */
const ARGS = [
  ...['--session-timeout', '4', '--stream-timeout', '3', '--backend-timeout', '5'],
  ...['--stream-maxconn', '2000', '--max-message-bytes', '200000', '--log-level', '2', '--compression'],
];

/** Megabytes of memory that a process has in use. */
function memoryOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kilobytes) / 1_024;
}

test(`for ${SECONDS} seconds ordinary clients are served amid hostile clients, handlers and ZeroMQ peers`, async (t) => {
  const random = seededRandom(t);
  const edge = await startEdge(t, ARGS);
  const { pid } = edge.program;
  const linux = existsSync(`/proc/${pid}/fd`);
  const before = edge.descriptors().length;
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

  await pause((SECONDS * 1_000) / 3);
  const warm = linux ? memoryOf(pid) : 0;
  await pause((SECONDS * 2_000) / 3);
  chaos.going = false;
  await chaos.settled();
  for (const [what, times] of chaos.done) t.diagnostic(`${what}: ${times}`);

  assert.deepEqual(edge.errors(), []);
  assert.deepEqual(chaos.failures, []);
  for (const what of [
    'requester',
    'ticker',
    'echo',
    'hostile client',
    'hostile WebSocket',
    'hostile handler',
    'garbage peer',
  ]) {
    assert.ok((chaos.done.get(what) ?? 0) >= SECONDS, `${what}: ${chaos.done.get(what)}`);
  }

  for (const handler of [good, ...bad]) handler.close();
  if (linux) {
    // The kernel keeps what was half closed for a minute.
    for (let i = 0; i < 700 && edge.descriptors().length > before; i++) await pause(100);
    assert.equal(edge.descriptors().length, before, edge.descriptors().join('\n'));
    const growth = memoryOf(pid) - warm;
    t.diagnostic(`memory: ${warm.toFixed(0)} MB warm, ${memoryOf(pid).toFixed(0)} MB at the end`);
    assert.ok(growth < GROWTH, `grown by ${growth} MB`);
  }
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
