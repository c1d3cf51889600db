import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { type Running, runServer, startHoldfast } from '../support/holdfast.ts';
import { ProxyWorkers } from '../support/proxy-workers.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { dataIn, StreamingOrigin } from '../support/resumable.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'processes cannot be listed here';

function toml(origin: StreamingOrigin, server: string): string {
  return `[server]\n${server}\n[[route]]\nhost = "*"\ntargets = ["${origin.address}"]\n[route.resume]\nttl = 5\n`;
}

function ask(client: RawClient, id = ''): void {
  const field = id === '' ? '' : `Last-Event-ID: ${id}\r\n`;
  client.write(`GET /chat HTTP/1.1\r\nHost: x\r\nCookie: a=1\r\n${field}\r\n`);
}

/** Begins a stream whose client has the first of two events. Returns the id of that one. */
async function begin(client: RawClient, origin: StreamingOrigin) {
  ask(client);
  const stream = (await origin.next()).begin();
  stream.send('a', 'b');
  const text = await client.take('data: b\n');
  return { stream, id: /id: (\S+)\n/.exec(text)?.[1] ?? assert.fail(text) };
}

/** The body of the response to a client that has come back, to its end. */
async function rest(client: RawClient): Promise<string> {
  const { status, body } = await client.takeResponse();
  assert.equal(status, 200);
  return body;
}

async function startWorkers(t: TestContext, origin: StreamingOrigin): Promise<ProxyWorkers> {
  const server: Running = await runServer(t, [], toml(origin, 'workers = 2'));
  return new ProxyWorkers(t, server, origin.address);
}

/** A connection that another worker has accepted. */
async function elsewhere(rig: ProxyWorkers, than: number): Promise<RawClient> {
  for (;;) {
    const { client, worker } = await rig.connect();
    if (worker !== than) return client;
    client.reset();
  }
}

test('a client that comes back to another worker gets the rest, live, and hears of the end', {
  skip: SKIP,
}, async (t) => {
  const origin = await StreamingOrigin.start(t);
  const rig = await startWorkers(t, origin);
  const { client, worker } = await rig.connect();
  const { stream, id } = await begin(client, origin);
  client.reset();
  const again = await elsewhere(rig, worker);
  ask(again, id);
  await again.until(() => again.text.includes('data: b\n'));
  stream.send('c');
  await again.until(() => again.text.includes('data: c\n'));
  stream.end();
  const body = await rest(again);
  assert.deepEqual(dataIn(body), ['b', 'c']);
  ask(again, /id: (\S+)\n\n$/.exec(body)?.[1]);
  assert.equal((await again.takeResponse()).status, 204);
  assert.equal(origin.asked.length, 1);
  const { code } = await rig.server.program.stop();
  assert.equal(code, 0);
  assert.deepEqual(rig.server.program.errors(), []);
});

test('the rights are the same everywhere, and a worker that died has no streams', { skip: SKIP }, async (t) => {
  const origin = await StreamingOrigin.start(t);
  const rig = await startWorkers(t, origin);
  const { client, worker } = await rig.connect();
  const { id } = await begin(client, origin);
  const stranger = await elsewhere(rig, worker);
  stranger.write(`GET /chat HTTP/1.1\r\nHost: x\r\nCookie: a=2\r\nLast-Event-ID: ${id}\r\n\r\n`);
  (await origin.next()).response.end('from the origin');
  assert.equal((await stranger.takeResponse()).body, 'from the origin');
  const reader = await elsewhere(rig, worker);
  ask(reader, id);
  await reader.until(() => reader.text.includes('data: b\n'));
  process.kill(worker, 'SIGKILL');
  // Who reads by way of another worker is cut off, and then the id is unknown.
  assert.notEqual(await reader.ended, undefined);
  assert.doesNotMatch(reader.text, /\r\n0\r\n\r\n$/);
  ask(stranger, id);
  (await origin.next()).response.end('again');
  assert.equal((await stranger.takeResponse()).body, 'again');
});

test('after an upgrade the old process goes on with its streams, for clients of the new one too', {
  skip: SKIP,
}, async (t) => {
  const origin = await StreamingOrigin.start(t);
  const text = toml(origin, 'listen = ["127.0.0.1:0"]\nupgrade_timeout = 60');
  const cwd = temporaryFolder(t, { 'holdfast.toml': `${text}[control]\nlisten = ["127.0.0.1:0"]\n` });
  const program = startHoldfast(t, ['run'], { cwd });
  const server = new Upgraded(t, program);
  const [address = ''] = (await program.logged('started')).clients as string[];
  const client = await connectTo(t, address);
  const { stream, id } = await begin(client, origin);
  const old = server.pid;
  await server.upgrade();
  stream.send('c');
  await client.until(() => client.text.includes('data: c\n'));
  client.reset();
  const again = await connectTo(t, address);
  ask(again, id);
  await again.until(() => again.text.includes('data: c\n'));
  stream.send('d');
  stream.end();
  assert.deepEqual(dataIn(await rest(again)), ['b', 'c', 'd']);
  assert.equal(origin.asked.length, 1);
  // It ends when its streams are gone.
  await server.gone(old);
  ask(again, id);
  (await origin.next()).response.end('anew');
  assert.equal((await again.takeResponse()).body, 'anew');
  await server.stop();
  assert.deepEqual(program.errors(), []);
});
