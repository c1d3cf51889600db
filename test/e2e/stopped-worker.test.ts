import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ProcessUsage } from '../security/chaos/process-usage.ts';
import { freePorts } from '../support/free-ports.ts';
import { item, type Placed, type ProxyWorkers, startPushpinWorkers, startWorkers } from '../support/proxy-workers.ts';
import type { RawClient } from '../support/raw-client.ts';
import { standStill } from '../support/stand-still.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'processes cannot be listed here';

/** Clients take all that comes, as fast as it may. */
const TOML = '[hub]\nqueue_items = 1000000\nqueue_bytes = 1000000000\n';

/** Items that fill what may be on its way to a worker: 64 MiB. */
const FILLING = 8_192;

/** Makes an item 8 KiB long. */
const REST = 'x'.repeat(8_192);

/** Megabytes. */
const GROWTH = 100;

interface Stage {
  readonly rig: ProxyWorkers;
  /** A worker process that is stopped. */
  readonly stopped: number;
  /** Its clients, and those of the other one. */
  readonly waiting: readonly ItemReader[];
  readonly served: readonly ItemReader[];
}

/** Stops a process, which does not outlive the test. */
async function stop(t: TestContext, pid: number): Promise<void> {
  await standStill(pid);
  t.after(() => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  });
}

/** Two workers with clients on one channel, one of which is stopped. */
async function stopOne(t: TestContext): Promise<Stage> {
  const rig = await startWorkers(t, 2, TOML);
  const held = await rig.spread('c=a', 2);
  const stopped = held[0]?.worker as number;
  await stop(t, stopped);
  const readers = (isMember: (placed: Placed) => boolean) =>
    held.filter(isMember).map(({ client }) => new ItemReader(client));
  return {
    rig,
    stopped,
    waiting: readers(({ worker }) => worker === stopped),
    served: readers(({ worker }) => worker !== stopped),
  };
}

/** Publishes the items `from` to `to`. */
async function publish(rig: ProxyWorkers, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 64) {
    const contents = Array.from({ length: Math.min(64, to - i) }, (_, k) => `item ${i + k} ${REST}\n`);
    await rig.publish(contents.map((content) => ({ channel: 'a', formats: { 'http-stream': { content } } })));
  }
}

/** The numbers of the items that a client gets. */
class ItemReader {
  readonly items: number[] = [];
  readonly #client: RawClient;
  #rest = '';

  constructor(client: RawClient) {
    this.#client = client;
    client.socket.prependListener('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')));
  }

  /** Takes all up to this one. */
  async upTo(last: number): Promise<number[]> {
    await this.#client.until(() => (this.items.at(-1) ?? -1) >= last);
    return this.items.splice(0);
  }

  #read(chunk: string): void {
    // What was looked at is of no use any more.
    this.#client.text = '';
    const text = this.#rest + chunk;
    this.items.push(...Array.from(text.matchAll(/item (\d+) /g), ([, number]) => Number(number)));
    this.#rest = /i?t?e?m? ?\d*$/.exec(text)?.[0] ?? '';
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

test('while a worker is stopped publishers go on, and its items are bounded; when it goes on its clients are in order', {
  skip: SKIP,
}, async (t) => {
  const { rig, stopped, waiting, served } = await stopOne(t);
  const usage = new ProcessUsage(rig.server.program.pid);
  const filled = FILLING + 512;
  await publish(rig, 0, filled);
  await rig.server.program.logged('worker takes no items: publishers no longer wait for it');
  await rig.server.program.logged('worker takes too few items, items dropped');
  const before = usage.memory();
  const all = filled + 4_096;
  await publish(rig, filled, all);
  for (const reader of served) assert.deepEqual(await reader.upTo(all - 1), range(0, all));
  assert.ok(usage.memory() - before < GROWTH, `grown from ${before} MB to ${usage.memory()} MB`);
  // Whoever comes now gets the other worker.
  const { client, worker } = await rig.hold('c=b');
  assert.notEqual(worker, stopped);
  await rig.publish([item('b', 'hello')]);
  await client.take('hello\n\r\n');

  process.kill(stopped, 'SIGCONT');
  // What fits the bound, from the first one on.
  const least = FILLING - 512;
  for (const reader of waiting) assert.deepEqual((await reader.upTo(least)).slice(0, least), range(0, least));
  await publish(rig, all, all + 1);
  for (const reader of waiting) {
    const items = await reader.upTo(all);
    items.forEach((number, i) => {
      if (i > 0) assert.ok(number > (items[i - 1] as number), `item ${number} after ${items[i - 1]}`);
    });
    assert.ok(items.length < 1_024);
  }
  for (const reader of served) assert.deepEqual(await reader.upTo(all), [all]);
  const metrics = await rig.metrics();
  const [, dropped] = /^holdfast_proxy_items_undelivered_total (\d+)$/m.exec(metrics) ?? [];
  assert.ok(Number(dropped) >= 4_096, `${dropped} dropped`);
  assert.equal((await rig.server.program.stop()).code, 0);
});

test('a stopped worker is asked once how many receivers an item has, and not waited for again', {
  skip: SKIP,
}, async (t) => {
  const { rig, stopped, waiting, served } = await stopOne(t);
  const ask = async (content: string) => rig.publish([item('a', content)], { Prefer: 'return=representation' });
  const counted = (receivers: number) => ({ message: 'Published', items: [{ channel: 'a', receivers, cursor: null }] });
  for (let i = 0; i < 20; i++) assert.deepEqual(await ask(`item ${i} `), counted(served.length));
  for (const reader of served) assert.deepEqual(await reader.upTo(19), range(0, 20));
  process.kill(stopped, 'SIGCONT');
  for (const reader of waiting) assert.deepEqual(await reader.upTo(19), range(0, 20));
  // It has said that it has taken the items, and is asked again.
  const everybody = JSON.stringify(counted(served.length + waiting.length));
  while (JSON.stringify(await ask('more')) !== everybody);
  assert.equal((await rig.server.program.stop()).code, 0);
});

test('a worker that is killed while it is stopped, with items on their way to it, is replaced', {
  skip: SKIP,
}, async (t) => {
  const { rig, stopped, waiting, served } = await stopOne(t);
  const [half, all] = [2_048, 4_096];
  await publish(rig, 0, half);
  process.kill(stopped, 'SIGKILL');
  await publish(rig, half, all);
  for (const reader of served) assert.deepEqual(await reader.upTo(all - 1), range(0, all));
  await rig.server.program.logged('worker died, its connections are lost');
  for (const reader of waiting) assert.deepEqual(reader.items, []);
  const replaced = (await rig.spread('c=a', 2, 0)).map(({ client }) => new ItemReader(client));
  await publish(rig, all, all + 1);
  for (const reader of [...served, ...replaced]) assert.deepEqual(await reader.upTo(all), [all]);
  assert.equal((await rig.server.program.stop()).code, 0);
});

test('what a stopped worker has not been told of the routes is replaced by what comes later', {
  skip: SKIP,
}, async (t) => {
  const [http, control] = await freePorts(2);
  const conf = `[runner]\nhttp_port=127.0.0.1:${http}\n[proxy]\nworkers=2\n[handler]\npush_in_spec=\npush_in_sub_specs=\ncommand_spec=\npush_in_http_port=${control}\nstats_spec=\n`;
  const rig = await startPushpinWorkers(t, conf, [`127.0.0.1:${http}`]);
  const { program } = rig.server;
  const reload = async (entries: number, prefix: string) => {
    const routes = Array.from({ length: entries }, (_, i) => `h${i}.example${prefix} 127.0.0.1:1\n`);
    writeFileSync(join(rig.folder, 'routes'), `last.example test\n${routes.join('')}`);
    program.kill('SIGHUP');
    await program.logged(`routes loaded with ${entries + 1} entries`);
  };
  /** The first routes hold every client. */
  const statusOf = async (client: RawClient, host: string) => {
    client.write(`HEAD / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return (await client.takeHead()).status;
  };
  await reload(1, '');
  let { worker: stopped, client } = await rig.connect();
  while ((await statusOf(client, 'unknown.example')) !== 502) ({ worker: stopped, client } = await rig.connect());
  await stop(t, stopped);
  // Half a megabyte each: more than the way to a process holds.
  for (let i = 0; i < 5; i++) await reload(10 + i, `,prefix=${'x'.repeat(50_000)}`);
  await reload(0, '');
  process.kill(stopped, 'SIGCONT');
  // Up to the last reload there is a route for it.
  let body = '';
  while (body !== 'No route for host: h0.example\n') {
    ({ body } = await client.request('GET / HTTP/1.1\r\nHost: h0.example\r\n\r\n'));
  }
  assert.equal(await statusOf(client, 'last.example'), 200);
  assert.equal((await program.stop()).code, 0);
});
