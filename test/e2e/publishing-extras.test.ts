import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Push } from 'zeromq';
import { decode, encode, type TnetstringMap } from '../../src/codec/tnetstring/index.ts';
import { Publisher } from '../../src/publish-client/index.ts';
import { holdfast, runServer } from '../support/holdfast.ts';
import { turn } from '../support/manual-clock.ts';
import { startOrigin } from '../support/origin.ts';
import { item, startWorkers } from '../support/proxy-workers.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';
import { publishingSockets } from '../support/zmq/publishing-sockets.ts';

const SKIP = existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only';

/** A stream that is held on the channel `a`, of a server that takes items over HTTP and ZeroMQ. */
async function start(t: TestContext) {
  const folder = temporaryFolder(t);
  const at = (name: string) => `ipc://${folder}/${name}`;
  const origin = await startOrigin(t, (_, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' }).end('open\n');
  });
  const toml = `[publish]\npull = ["${at('pull')}"]\nsub = ["${at('sub')}"]\ncommand = ["${at('command')}"]`;
  const server = await runServer(t, ['--route', `* ${origin}`], toml);
  const client = await connectTo(t, server.clients[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.take('open\n\r\n');
  return { ...server, client, at };
}

function stream(content: string, more: object = {}): object {
  return { channel: 'a', formats: { 'http-stream': { content: `${content}\n` } }, ...more };
}

async function post(url: string, items: readonly object[], headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/publish/`, { method: 'POST', body: JSON.stringify({ items }), headers });
  return { status: response.status, text: await response.text(), key: response.headers.get('idempotency-key') };
}

/** The lines that a client has got up to this one, which comes last. */
async function lines(client: RawClient, last: string): Promise<string[]> {
  const text = await client.take(`${last}\n\r\n`);
  return text
    .split('\r\n')
    .filter((line) => line.endsWith('\n'))
    .flatMap((chunk) => chunk.trimEnd().split('\n'));
}

test('a request with an Idempotency-Key is published once, and answered each time as the first time', async (t) => {
  const { client, controlUrl } = await start(t);
  const items = [stream('1'), stream('2')];
  const headers = { 'Idempotency-Key': '"k 1"', Prefer: 'return=representation', Accept: 'application/json' };
  const first = await post(controlUrl, items, headers);
  assert.deepEqual([first.status, first.key], [200, '"k 1"']);
  const receivers = { channel: 'a', receivers: 1, cursor: null };
  assert.deepEqual(JSON.parse(first.text), { message: 'Published', items: [receivers, receivers] });
  const repeats = await Promise.all([1, 2, 3].map(() => post(controlUrl, items, headers)));
  for (const repeat of repeats) assert.deepEqual(repeat, first);
  const other = await post(controlUrl, [stream('1'), stream('3')], headers);
  assert.deepEqual([other.status, other.key], [422, '"k 1"']);
  assert.equal(other.text, 'The idempotency key of a was used for other content.\n');
  assert.equal((await post(controlUrl, [stream('3')], { 'Idempotency-Key': 'other' })).status, 200);
  await post(controlUrl, [stream('end')]);
  assert.deepEqual(await lines(client, 'end'), ['1', '2', '3', 'end']);
});

test('repeats that come while the first request is being published are published once', async (t) => {
  const { client, controlUrl } = await start(t);
  const items = Array.from({ length: 3_000 }, (_, i) => stream(String(i)));
  const headers = { 'Idempotency-Key': 'large' };
  const responses = await Promise.all(Array.from({ length: 8 }, () => post(controlUrl, items, headers)));
  for (const { status } of responses) assert.equal(status, 200);
  await post(controlUrl, [stream('end')]);
  const got = await lines(client, 'end');
  assert.deepEqual(got, [...items.keys(), 'end'].map(String));
});

test('the key of an item counts over all inputs', async (t) => {
  const { client, controlUrl, program, at } = await start(t);
  const keyed = stream('once', { 'idempotency-key': 'k' });
  const other = stream('other', { 'idempotency-key': 'k' });
  const { push, publisher, request } = publishingSockets(t, at);
  // What a PUB sends before the subscription has come is lost.
  while (!client.text.includes('ready')) {
    await publisher.send(['a', encode({ formats: { 'http-stream': { content: 'ready\n' } } })]);
    await turn();
  }
  const command = async (...items: object[]) => {
    await request.send(encode({ id: '1', method: 'publish', args: { items: items as never } }));
    const [reply] = await request.receive();
    const { success, condition, value } = decode(reply as Buffer) as TnetstringMap;
    return [success, String(condition ?? ''), String(value ?? '')];
  };
  await push.send(`J${JSON.stringify(keyed)}`);
  await client.until(() => client.text.includes('once\n'));
  assert.equal((await post(controlUrl, [stream('no'), keyed, stream('two')])).status, 200);
  assert.equal((await post(controlUrl, [stream('never'), other])).status, 422);
  assert.deepEqual(await command(keyed), [true, '', '']);
  const refused = [false, 'conflict', 'The idempotency key of a was used for other content.'];
  assert.deepEqual(await command(stream('never'), other), refused);
  const { channel, ...rest } = keyed as { channel: string };
  await publisher.send([channel, encode(rest as never)]);
  await push.send(encode(other as never));
  await program.logged('publish refused', ({ input }) => input === 'pull');
  await push.send(encode(stream('end') as never));
  await client.until(() => client.text.includes('end\n'));
  const got = client.text.match(/^(?:once|no|two|never|other|end)$/gm);
  assert.deepEqual(got, ['once', 'no', 'two', 'end']);
});

test('an item that is not newer than the last one of its channel is dropped, and counted', async (t) => {
  const { client, controlUrl } = await start(t);
  for (const version of [1, 3, 2, 3, 4]) await post(controlUrl, [stream(String(version), { version })]);
  assert.equal((await post(controlUrl, [stream('x', { version: 5, 'prev-id': '1' })])).status, 400);
  await post(controlUrl, [stream('end')]);
  assert.deepEqual(await lines(client, 'end'), ['1', '3', '4', 'end']);
  const metrics = await (await fetch(`${controlUrl}/metrics`)).text();
  assert.match(metrics, /^holdfast_proxy_items_outdated_total 2$/m);
});

test('holdfast publish sends an idempotency key, a version and a ttl', async (t) => {
  const { client, controlUrl } = await start(t);
  const publish = (content: string, ...args: string[]) =>
    holdfast(t, ['publish', 'a', content, '--url', controlUrl, ...args]);
  for (let i = 0; i < 2; i++) {
    const { code, stdout } = await publish('x', '--idempotency-key', 'k', '--item-version', '7', '--ttl', '60');
    assert.deepEqual([code, stdout], [0, 'Published\n']);
  }
  const reused = await publish('y', '--idempotency-key', 'k');
  assert.equal(reused.code, 1);
  assert.match(reused.stderr, /The idempotency key of a was used for other content/);
  assert.equal((await publish('old', '--item-version', '6')).code, 0);
  for (const args of [
    ['--ttl', '0'],
    ['--item-version', '-1'],
    ['--idempotency-key', ''],
    ['--item-version', '1', '--prev-id', 'a'],
  ])
    assert.equal((await publish('x', ...args)).code, 2, args.join(' '));
  await publish('end');
  assert.deepEqual(await lines(client, 'end'), ['x', 'end']);
});

test('a publisher that loses its connection after its items were sent publishes them once', async (t) => {
  const { client, controlUrl } = await start(t);
  let cut = 0;
  // Passes requests on, and cuts the connection in place of the second response.
  const between = await startOrigin(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const key = request.headers['idempotency-key'] as string;
    const answer = await fetch(`${controlUrl}/publish`, {
      method: 'POST',
      body: Buffer.concat(chunks),
      headers: { 'Idempotency-Key': key },
    });
    const text = await answer.text();
    if (++cut === 2) response.destroy();
    else
      response.writeHead(answer.status, { 'Idempotency-Key': answer.headers.get('idempotency-key') ?? '' }).end(text);
  });
  const publisher = new Publisher(`http://${between}`);
  t.after(() => publisher.close());
  await publisher.publish('a', { httpStream: '1\n' });
  await publisher.publish('a', { httpStream: '2\n' });
  await publisher.publish('a', { httpStream: 'end\n' });
  assert.equal(cut, 4);
  assert.deepEqual(await lines(client, 'end'), ['1', '2', 'end']);
});

test('a repeat reaches the clients of all workers once', { skip: SKIP }, async (t) => {
  const rig = await startWorkers(t, 2);
  const held = await rig.spread('c=a', 2);
  const keyed = [item('a', 'once', { 'idempotency-key': 'k', version: 2 })];
  const first = await rig.publish(keyed, { Prefer: 'return=representation' });
  await rig.publish([item('a', 'late', { version: 1 })]);
  await rig.hold('c=a');
  assert.deepEqual(await rig.publish(keyed, { Prefer: 'return=representation' }), first);
  await rig.publish([item('a', 'end')]);
  for (const { client } of held) assert.deepEqual(await lines(client, 'end'), ['once', 'end']);
});

test('keys and versions are known after an upgrade', { skip: SKIP }, async (t) => {
  const { client, controlUrl, program } = await start(t);
  const server = new Upgraded(t, program);
  const keyed = [stream('1', { 'idempotency-key': 'k' }), stream('5', { version: 5 })];
  const headers = { 'Idempotency-Key': 'whole' };
  await post(controlUrl, keyed);
  await post(controlUrl, [stream('2')], headers);
  for (let i = 0; i < 2; i++) {
    const old = server.pid;
    await server.upgrade();
    await server.gone(old);
    assert.equal((await post(controlUrl, keyed)).status, 200);
    assert.equal((await post(controlUrl, [stream('2')], headers)).status, 200);
    assert.equal((await post(controlUrl, [stream('3')], headers)).status, 422);
    assert.equal((await post(controlUrl, [stream('2', { 'idempotency-key': 'k' })])).status, 422);
    assert.equal((await post(controlUrl, [stream('4', { version: 4 })])).status, 200);
  }
  await post(controlUrl, [stream('end')]);
  assert.deepEqual(await lines(client, 'end'), ['1', '5', '2', 'end']);
  await server.stop();
  assert.deepEqual(program.errors(), []);
});

test('repeats during an upgrade are delivered once', { skip: SKIP }, async (t) => {
  const { client, controlUrl, program, at } = await start(t);
  const server = new Upgraded(t, program);
  const push = new Push({ linger: 0 });
  t.after(() => push.close());
  push.connect(at('pull'));
  let going = true;
  let sent = 0;
  const load = (async () => {
    for (; going; sent++) {
      const keyed = stream(String(sent), { 'idempotency-key': String(sent) });
      await push.send(encode(keyed as never));
      // On connections of their own: the old process has some, the new one others.
      for (let i = 0; i < 2; i++) await post(controlUrl, [keyed], { Connection: 'close' }).catch(() => {});
    }
  })();
  const old = server.pid;
  await server.upgrade();
  await server.gone(old);
  going = false;
  await load;
  await push.send(encode(stream('end') as never));
  const got = await lines(client, 'end');
  assert.equal(new Set(got).size, got.length, 'nothing came twice');
  const numbers = got
    .slice(0, -1)
    .map(Number)
    .sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: sent }, (_, i) => i),
  );
  await server.stop();
});

test('publishers are told the cursors of their items by the module and by the command', async (t) => {
  const rule = '[[channel]]\nmatch = "kept"\nhistory_items = 3';
  const { controlUrl } = await runServer(t, ['--route', '* test'], rule);
  const publisher = new Publisher(controlUrl, { cursors: true });
  t.after(() => publisher.close());
  const told = await Promise.all(['kept', 'other', 'kept'].map((channel) => publisher.publish(channel, 'x')));
  const [epoch] = (told[0] ?? '').split('-');
  assert.match(epoch ?? '', /^[a-z0-9]{12}$/i);
  assert.deepEqual(told, [`${epoch}-1`, null, `${epoch}-2`]);
  const silent = new Publisher(controlUrl);
  t.after(() => silent.close());
  assert.equal(await silent.publish('kept', 'x'), null);
  const kept = { code: 0, stdout: `${epoch}-4\n`, stderr: '' };
  assert.deepEqual(await holdfast(t, ['publish', 'kept', 'x', '--cursor', '--url', controlUrl]), kept);
  const byUrl = await holdfast(t, ['publish', 'kept', 'x', '--cursor', '--spec', controlUrl]);
  assert.deepEqual(byUrl, { ...kept, stdout: `${epoch}-5\n` });
  const other = await holdfast(t, ['publish', 'other', 'x', '--cursor', '--url', controlUrl]);
  assert.deepEqual([other.code, other.stdout], [0, 'Published\n']);
  assert.match(other.stderr, /the item has no cursor/);
  const push = await holdfast(t, ['publish', 'kept', 'x', '--cursor', '--spec', 'tcp://127.0.0.1:1']);
  assert.deepEqual([push.code, /--cursor needs http/.test(push.stderr)], [2, true]);
});
