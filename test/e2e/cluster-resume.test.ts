import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { dataIn, eventsIn, lastId, StreamingOrigin, startResumable } from '../support/resumable.ts';
import { eventually } from '../support/running-app.ts';

/** As clients of a load balancer ask: for the same URL at each node. */
const ASKED = { headers: { Host: 'chat.example', Authorization: 'Bearer mine' } };

const clusterOf = (nats: NatsServer): string => `[cluster]\nnats = ["${nats.url}"]\n`;

/** Two nodes on one broker, with one origin. @param stopped the test stops the first one */
async function twoNodes(t: TestContext, tables?: string, stopped = false) {
  const nats = await startNats(t);
  if (nats === null) return null;
  const origin = await StreamingOrigin.start(t);
  const [one, other] = (await freePorts(2)) as [number, number];
  const a = await startResumable(t, tables, clusterOf(nats), { origin, port: one, stopped });
  const b = await startResumable(t, tables, clusterOf(nats), { origin, port: other });
  return { nats, origin, a, b };
}

test('a client that comes back to the other node gets what it has missed, and then what comes, and the end', async (t) => {
  const rig = await twoNodes(t);
  if (rig === null) return;
  const { a, b, origin } = rig;
  const { client, origin: stream } = await a.begin(
    { ...ASKED, path: '/chat' },
    { 'Set-Cookie': 'a=1', 'X-Model': 'm' },
  );
  stream.send('a', 'b');
  await eventually(() => eventsIn(client.text).length === 2);
  const [first] = eventsIn(client.text);
  await a.leave(client);
  stream.send('c');
  const again = await b.back(first?.id ?? '', { ...ASKED, path: '/chat' });
  await eventually(() => dataIn(again.text).length === 2);
  stream.send('d');
  stream.end();
  assert.equal(await again.ended(), true);
  assert.deepEqual(dataIn(again.text), ['b', 'c', 'd']);
  assert.deepEqual([again.header('x-model'), again.header('set-cookie')], ['m', undefined]);
  const whole = await a.back(first?.id ?? '', { ...ASKED, path: '/chat' });
  assert.equal(await whole.ended(), true);
  assert.equal(again.text, whole.text);
  assert.equal((await b.back(lastId(again.text), { ...ASKED, path: '/chat' })).status, 204);
  assert.equal(origin.asked.length, 1);
});

test('the id of a client with other credentials, or for another URL, is unknown at the other node too', async (t) => {
  const rig = await twoNodes(t);
  if (rig === null) return;
  const { a, b, origin } = rig;
  const { client, origin: stream } = await a.begin(ASKED);
  stream.send('a', 'b');
  await eventually(() => eventsIn(client.text).length === 2);
  const [first] = eventsIn(client.text);
  const strangers = [{ headers: { ...ASKED.headers, Authorization: 'Bearer theirs' } }, { ...ASKED, path: '/other' }];
  for (const [index, options] of strangers.entries()) {
    const asked = b.back(first?.id ?? '', options);
    await eventually(() => origin.asked.length === index + 2);
    origin.asked[index + 1]?.response.end('from the origin');
    const response = await asked;
    assert.equal(await response.ended(), true);
    assert.equal(response.text, 'from the origin');
  }
  assert.equal(b.app.counters.resumesForbidden, 1);
});

test('with shared = true one who knows an event id watches along at the other node', async (t) => {
  const rig = await twoNodes(t, '[route.resume]\nshared = true\n');
  if (rig === null) return;
  const { a, b, origin } = rig;
  const { client, origin: stream } = await a.begin(ASKED);
  stream.send('a');
  await eventually(() => eventsIn(client.text).length === 1);
  const other = await b.back(lastId(client.text), { headers: { Host: 'chat.example', Authorization: 'Bearer other' } });
  stream.send('b');
  stream.end();
  assert.equal(await other.ended(), true);
  assert.equal(await client.ended(), true);
  assert.deepEqual([dataIn(other.text), dataIn(client.text)], [['b'], ['a', 'b']]);
  assert.equal(origin.asked.length, 1);
});

test('reauthorize decides at the other node', async (t) => {
  const judge = await StreamingOrigin.start(t);
  const rig = await twoNodes(t, `[route.resume]\nreauthorize = "http://${judge.address}/may"\n`);
  if (rig === null) return;
  const { a, b, origin } = rig;
  const { client, origin: stream } = await a.begin(ASKED);
  stream.send('a');
  await eventually(() => eventsIn(client.text).length === 1);
  const asked = b.back(lastId(client.text), { headers: { ...ASKED.headers, Authorization: 'Bearer renewed' } });
  const question = await judge.next();
  assert.equal(question.request.headers.authorization, 'Bearer renewed');
  question.response.end();
  const again = await asked;
  stream.send('b');
  stream.end();
  assert.equal(await again.ended(), true);
  assert.deepEqual(dataIn(again.text), ['b']);
  assert.equal(origin.asked.length, 1);
});

test('while the broker is away clients of the node of the stream notice nothing, and then those of the other node go on', async (t) => {
  const rig = await twoNodes(t);
  if (rig === null) return;
  const { a, b, nats } = rig;
  const { client, origin: stream } = await a.begin(ASKED);
  stream.send('a');
  await eventually(() => eventsIn(client.text).length === 1);
  const away = await b.back(lastId(client.text), ASKED);
  stream.send('b');
  await eventually(() => dataIn(away.text).length === 1);
  await nats.kill();
  stream.send('c');
  await eventually(() => dataIn(client.text).length === 3);
  await nats.start();
  await eventually(() => dataIn(away.text).length === 2);
  stream.send('d');
  stream.end();
  assert.equal(await away.ended(), true);
  assert.deepEqual(dataIn(away.text), ['b', 'c', 'd']);
});

test('a node that drains goes on with a stream that is read at another node, and what it has written stays', async (t) => {
  const rig = await twoNodes(t, undefined, true);
  if (rig === null) return;
  const { a, b } = rig;
  const { client, origin: stream } = await a.begin(ASKED);
  stream.send('a');
  await eventually(() => eventsIn(client.text).length === 1);
  await a.leave(client);
  const away = await b.back(lastId(client.text), ASKED);
  const stopped = a.app.app.stop(4);
  stream.send('b');
  await eventually(() => dataIn(away.text).length === 1);
  stream.send('c');
  stream.end();
  assert.equal(await away.ended(), true);
  await stopped;
  assert.deepEqual(dataIn(away.text), ['b', 'c']);
  // What has ended is at the broker still.
  const whole = await b.back(lastId(client.text), ASKED);
  assert.equal(await whole.ended(), true);
  assert.equal(whole.text, away.text);
});

/** A node with worker processes, and one that is one process. Each is a program of its own. */
async function twoPrograms(t: TestContext, workers: number) {
  const nats = await startNats(t);
  if (nats === null) return null;
  const origin = await StreamingOrigin.start(t);
  const route = `[[route]]\nhost = "*"\ntargets = ["${origin.address}"]\n[route.resume]\nttl = 5\n`;
  const ports = await freePorts(2);
  const start = (port: number | undefined, processes: number) =>
    runServer(
      t,
      ['--port', `127.0.0.1:${port}`],
      `[server]\nworkers = ${processes}\n[log]\nlevel = "info"\n${clusterOf(nats)}${route}`,
    );
  return { origin, a: await start(ports[0], workers), b: await start(ports[1], 1) };
}

function ask(client: RawClient, id = ''): void {
  const field = id === '' ? '' : `Last-Event-ID: ${id}\r\n`;
  client.write(`GET /chat HTTP/1.1\r\nHost: chat.example\r\nCookie: a=1\r\n${field}\r\n`);
}

test('where the node of a stream is killed, clients of the other node get what it had written, and then the origin', async (t) => {
  const rig = await twoPrograms(t, 1);
  if (rig === null) return;
  const { a, b, origin } = rig;
  const client = await connectTo(t, a.clients[0] ?? '');
  ask(client);
  const stream = (await origin.next()).begin();
  stream.send('a', 'b');
  const id = /id: (\S+)\n/.exec(await client.take('data: b\n'))?.[1] ?? assert.fail('no id');
  const reader = await connectTo(t, b.clients[0] ?? '');
  ask(reader, id);
  await reader.until(() => /data: b\nid: .*\n/.test(reader.text));
  a.program.kill('SIGKILL');
  // It is cut off, without the end of a body in chunks.
  assert.notEqual(await reader.ended, undefined);
  assert.doesNotMatch(reader.text, /\r\n0\r\n\r\n$/);
  const again = await connectTo(t, b.clients[0] ?? '');
  ask(again, id);
  assert.notEqual(await again.ended, undefined);
  assert.match(again.text, /data: b\nid: /);
  const last = await connectTo(t, b.clients[0] ?? '');
  ask(last, /data: b\nid: (\S+)\n/.exec(again.text)?.[1]);
  (await origin.next()).response.end('again');
  assert.equal((await last.takeResponse()).body, 'again');
});

test('worker processes write and read the streams of a cluster too', async (t) => {
  const rig = await twoPrograms(t, 2);
  if (rig === null) return;
  const { a, b, origin } = rig;
  for (const [here, there] of [
    [a, b],
    [b, a],
  ] as const) {
    const client = await connectTo(t, here.clients[0] ?? '');
    ask(client);
    const stream = (await origin.next()).begin();
    stream.send('a', 'b');
    const id = /id: (\S+)\n/.exec(await client.take('data: b\n'))?.[1] ?? assert.fail('no id');
    client.reset();
    const again = await connectTo(t, there.clients[0] ?? '');
    ask(again, id);
    await again.until(() => again.text.includes('data: b\n'));
    stream.send('c');
    stream.end();
    assert.deepEqual(dataIn((await again.takeResponse()).body), ['b', 'c']);
  }
  assert.equal(origin.asked.length, 2);
});
