import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ControlCounters, Counters } from '../../src/exchange/index.ts';
import { runServer } from '../support/holdfast.ts';
import type { Program } from '../support/program.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Chaos } from './chaos/chaos.ts';
import { ChaosRun, chaosToml, SECONDS } from './chaos/chaos-run.ts';
import { CLIENT_MISDEEDS } from './chaos/hostile-clients.ts';
import { addPoller, addRequester, StreamClient } from './chaos/ordinary-clients.ts';
import { type ChaosOrigin, startBadOrigin, startGoodOrigin } from './chaos/origins.ts';
import { HonestPublisher, PUBLISHING_MISDEEDS } from './chaos/publishers.ts';

const TOML = chaosToml({ server: 'pipeline_bytes = 8192', proxy: 'response_timeout = 10\nbody_timeout = 10' });

interface Stage {
  readonly program: Program;
  readonly chaos: Chaos;
  readonly origins: readonly ChaosOrigin[];
  /** Targets of requests that reached the good origin without having been framed as such. */
  readonly smuggled: readonly string[];
}

async function setStage(t: TestContext): Promise<Stage> {
  const random = seededRandom(t);
  const smuggled: string[] = [];
  const good = await startGoodOrigin((target) => smuggled.push(target));
  const bad = await startBadOrigin(random.fork());
  const origins = [good, bad];
  t.after(() => {
    for (const origin of origins) origin.close();
  });
  // Nobody listens on port 1, and no connection of anybody's comes from it: with other ports a connection can meet itself.
  const routes = [`* ${good.address}`, `*,path_beg=/bad ${bad.address}`, '*,path_beg=/dead 127.0.0.1:1'];
  const { program, clients, controlUrl } = await runServer(
    t,
    routes.flatMap((route) => ['--route', route]),
    TOML,
  );
  return { program, chaos: new Chaos(clients[0] ?? '', new URL(controlUrl).host, random), origins, smuggled };
}

test(`for ${SECONDS} seconds ordinary clients get correct responses amid hostile clients, origins and publishers`, async (t) => {
  const { program, chaos, origins, smuggled } = await setStage(t);
  const run = new ChaosRun(t, program.pid);

  const streams = ['s1', 's2', 's3', 's4'].map((name) => new StreamClient(chaos, name));
  await Promise.all(streams.map(({ held }) => held));
  const polls = ['p1', 'p2'];
  const publisher = new HonestPublisher(chaos, ['common', ...streams.map(({ name }) => name)], polls);
  for (const channel of polls) addPoller(chaos, channel);
  for (let i = 0; i < 4; i++) addRequester(chaos);
  for (let i = 0; i < 24; i++) chaos.hostile('hostile client', chaos.address, CLIENT_MISDEEDS);
  for (let i = 0; i < 4; i++) chaos.hostile('hostile publisher', chaos.control, PUBLISHING_MISDEEDS);

  const actors = ['requester', 'stream', 'poller', 'publisher', 'hostile client', 'hostile publisher'];
  await run.act(chaos, SECONDS, ...actors);
  assert.deepEqual(program.errors(), []);
  assert.deepEqual(smuggled, []);
  for (const { name, last } of streams) {
    for (const channel of ['common', name]) assert.equal(last.get(channel), publisher.last.get(channel), channel);
  }

  // With the origins the connections end that wait there for the next request.
  for (const origin of origins) origin.close();
  await run.assertNothingKept();
  assert.equal((await program.stop()).code, 0);
  const { proxy, control } = await program.logged('stopped');
  t.diagnostic(JSON.stringify(proxy));
  const { connectionsOpen, holdsOpen, ...totals } = proxy as Counters;
  assert.deepEqual({ connectionsOpen, holdsOpen }, { connectionsOpen: 0, holdsOpen: 0 });
  for (const total of ['requestsRefused', 'requestsAborted', 'originErrors'] as const) {
    assert.ok(totals[total] > 0, total);
  }
  assert.ok((control as ControlCounters).publishesRefused > 0);
  assert.deepEqual(program.errors(), []);
});
