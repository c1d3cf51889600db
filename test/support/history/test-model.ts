import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '../seeded-random.ts';
import { SeenCheck } from './check-seen.ts';
import { startHoldingOrigin } from './kept-channels.ts';
import { type ModelClient, ModelPoll, ModelStream } from './model-client.ts';
import { ModelPublisher } from './model-publisher.ts';
import { RestartedServer, type ServerOptions } from './restarted-server.ts';

/** Runs with each number of workers; HOLDFAST_RUNS sets another number. */
const RUNS = Number(process.env.HOLDFAST_RUNS ?? 6);

/** A value of Grip-Channel for all of the channels. */
const PATTERN = 'kept.*; pattern';
const CHANNELS = ['kept.a', 'kept.b', 'kept.c'];
const STEPS = 120;
const FAULTS = 3;
const CLIENTS = 6;

/** Tests servers with a store of this kind: clients lose their connections and come back, and the server is stopped, killed, upgraded and reloaded, while items come. */
export function testModel(store: ServerOptions['store']): void {
  for (const workers of [1, 2]) {
    for (let run = 1; run <= RUNS; run++) {
      const server = `${store}, ${workers} ${workers === 1 ? 'process' : 'workers'}, run ${run}`;
      const title = `whatever happens, clients get each item once and in order, or are told of a gap (${server})`;
      test(title, (t) => runModel(t, store, workers));
    }
  }
}

async function runModel(t: TestContext, store: ServerOptions['store'], workers: number): Promise<void> {
  const random = seededRandom(t);
  const items = random.pick([3, 20, 500]);
  const options = {
    origin: await startHoldingOrigin(t),
    store,
    workers,
    items,
    queueItems: random.pick([2, 100]),
  };
  const server = await RestartedServer.start(t, options);
  const publisher = new ModelPublisher(server, CHANNELS, random.fork());
  const around = { server, publisher };
  const witness = new ModelStream('witness', CHANNELS, around, random.fork(), { unsteady: false });
  const clients: ModelClient[] = [witness];
  for (let i = 0; i < CLIENTS; i++) {
    const channels = CHANNELS.filter((_, at) => at === i % CHANNELS.length || random.below(2) === 0);
    const make = i % 2 === 0 ? ModelStream : ModelPoll;
    clients.push(new make(`${make.name} ${i}`, channels, around, random.fork()));
  }
  for (const make of [ModelStream, ModelPoll]) {
    const kind = { pattern: PATTERN };
    clients.push(new make(`${make.name} by pattern`, CHANNELS, around, random.fork(), kind));
  }
  const running = Promise.all(clients.map((client) => client.run()));
  await witness.begun;
  let [faults, killed] = [Promise.resolve(), false];
  const done: string[] = [];
  const fault = (): Promise<void> => {
    const kind = random.pick(['stop', 'kill', 'upgrade', 'upgrade', 'reload'] as const);
    done.push(`${kind} at ${publisher.count}`);
    if (kind === 'upgrade') return server.upgrade();
    if (kind === 'reload') return server.reload(random.pick([2, 10, items]));
    killed ||= kind === 'kill';
    return server.restart(kind);
  };
  for (let step = 0; step < STEPS; step++) {
    await publisher.step();
    if (step % (STEPS / (FAULTS + 1)) === STEPS / (FAULTS + 1) - 1 && done.length < FAULTS) {
      // Items go on meanwhile, as far as they can.
      await faults;
      faults = fault();
    }
  }
  await faults;
  await publisher.end(running);
  await running;
  t.diagnostic(`${items} kept, ${options.queueItems} queued, ${publisher.count} published; ${done.join(', ')}`);
  const check = new SeenCheck(publisher, clients);
  for (const client of clients) check.check(client, server.fewest);
  if (!killed && witness.seen.every(({ kind }) => kind !== 'gap')) {
    // Those with which it ends reach the witness as long as others need them.
    const first = Math.min(...publisher.last.values());
    const lost = publisher.accepted.filter((item) => item < first && !check.known.has(item));
    assert.deepEqual(lost, [], 'what was accepted was delivered');
  }
  t.diagnostic(`${check.items} seen, ${check.gaps} gaps`);
  assert.deepEqual(await server.stop(), []);
}
