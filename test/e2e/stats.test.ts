import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode, type TnetstringMap } from '../../src/codec/tnetstring/index.ts';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { connectTo } from '../support/raw-client.ts';
import { LibzmqPeer } from '../support/zmq/libzmq-peer.ts';

const SCRIPT = fileURLToPath(new URL('../support/zmq/libzmq-peer.py', import.meta.url));

type Fields = Readonly<Record<string, unknown>>;

/** A server with stats for a program with libzmq, which gives the next packet of a type. */
async function start(t: TestContext, stats: string, more = '') {
  if (requirePeer(t, 'python3-zmq') === null) return null;
  const origin = await startOrigin(t, (request, response) => {
    const mode = request.url === '/stream' ? 'stream' : 'response';
    response.writeHead(200, { 'Grip-Hold': mode, 'Grip-Channel': 'news' }).end('open\n');
  });
  const [port] = await freePorts(1);
  const endpoint = `tcp://127.0.0.1:${port}`;
  const toml = `${more}[stats]\npub = ["${endpoint}"]\n${stats}`;
  const server = await runServer(t, ['--route', `*,id=main ${origin}`], toml);
  const peer = new LibzmqPeer(['/usr/bin/python3', SCRIPT]);
  t.after(() => peer.stop());
  const socket = await peer.open('SUB', { connect: endpoint, subscribe: [''] });
  const seen: { type: string; fields: Fields }[] = [];
  /** The next packet of this type that fits; those before it are forgotten. */
  const next = async (type: string, fits: (fields: Fields) => boolean = () => true): Promise<Fields> => {
    for (;;) {
      const [packet] = await socket.messages.next();
      const [, name = '', mark, rest] = /^(\S+) ([TJ])([\s\S]*)$/.exec(packet?.toString('latin1') ?? '') ?? [];
      const fields = mark === 'J' ? JSON.parse(rest ?? '') : plain(decode(Buffer.from(rest ?? '', 'latin1')));
      seen.push({ type: name, fields });
      if (name === type && fits(fields)) return fields;
    }
  };
  const ask = async (path: string) => {
    const client = await connectTo(t, server.clients[0] ?? '');
    client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return client;
  };
  // Packets are made only for somebody: a report tells that the subscription has arrived.
  await next('report');
  return { server, next, ask, seen };
}

function plain(value: unknown): Fields {
  const map = value as TnetstringMap;
  return Object.fromEntries(
    Object.entries(map).map(([name, member]) => [name, Buffer.isBuffer(member) ? member.toString() : member]),
  );
}

test('a held client, its subscription, an item and the end are reported as Pushpin does', async (t) => {
  const rig = await start(t, 'report_interval = 1\n');
  if (rig === null) return;
  const { server, next, ask, seen } = rig;
  const client = await ask('/stream');
  await client.take('open\n');
  const { from, id, ...conn } = await next('conn');
  assert.match(String(from), /^holdfast_\d+$/);
  assert.deepEqual(conn, { route: 'main', type: 'http', 'peer-address': '127.0.0.1', ttl: 120 });
  assert.deepEqual(await next('sub'), { from, mode: 'stream', channel: 'news', ttl: 60, subscribers: 1 });
  // Counts are sent once a second, which may have been before `sub`.
  const seenOrNext = async (type: string) => seen.find((packet) => packet.type === type)?.fields ?? (await next(type));
  assert.deepEqual(await seenOrNext('activity'), { from, route: 'main', count: 1 });
  assert.deepEqual(await seenOrNext('counts'), { from, 'requests-received': 1 });
  await holdfast(t, ['publish', 'news', 'hello', '--id', '7', '--spec', server.controlUrl]);
  assert.deepEqual(await next('message'), {
    ...{ from, route: 'main', channel: 'news', 'item-id': '7', count: 1, transport: 'http-stream' },
  });
  const report = await next('report', ({ sent }) => sent === 1);
  assert.deepEqual(
    [report.connections, report.received, report['http-response-sent'], report.duration],
    [1, 1, 0, 1_000],
  );
  const { max, ttl } = await next('conn-max');
  assert.deepEqual([max, ttl], [1, 60]);
  client.reset();
  assert.deepEqual(await next('conn', ({ unavailable }) => unavailable === true), {
    ...{ from, route: 'main', id, unavailable: true },
  });
  assert.deepEqual(await next('sub', ({ unavailable }) => unavailable === true), {
    ...{ from, mode: 'stream', channel: 'news', unavailable: true },
  });
});

test('packets may be JSON, and what still holds is said again at three quarters of its time', async (t) => {
  const rig = await start(
    t,
    'report_interval = 1\nformat = "json"\nconnection_ttl = 2\nsubscription_ttl = 2\n[hub]\nmessage_block_size = 4\n',
  );
  if (rig === null) return;
  const { server, next, ask } = rig;
  const client = await ask('/poll');
  const { id } = await next('conn', ({ ttl }) => ttl === 2);
  await next('sub', ({ mode }) => mode === 'response');
  await next('sub', ({ subscribers }) => subscribers === 1);
  await next('conn', (again) => again.id === id);
  await holdfast(t, ['publish', 'news', 'hello', '--no-eol', '--spec', server.controlUrl]);
  assert.match((await client.takeResponse()).body, /^hello$/);
  assert.deepEqual((await next('message')).blocks, 2);
  const report = await next('report', (fields) => fields['http-response-sent'] === 1);
  assert.deepEqual([report['blocks-received'], report['blocks-sent']], [2, 2]);
});

test('without conn packets the others are sent', async (t) => {
  const rig = await start(t, 'report_interval = 1\nconnection_send = false\n');
  if (rig === null) return;
  const client = await rig.ask('/stream');
  await client.take('open\n');
  await rig.next('report', ({ connections }) => connections === 1);
  client.reset();
  await rig.next('sub', ({ unavailable }) => unavailable === true);
  assert.ok(rig.seen.every(({ type }) => type !== 'conn'));
});

test('packets of several worker processes come from one socket, each with the process it is from', async (t) => {
  const rig = await start(t, 'report_interval = 1\n', '[server]\nworkers = 2\n');
  if (rig === null) return;
  const { server, next, ask, seen } = rig;
  // The main process has the items, the two others the clients.
  const processes = new Set<unknown>();
  await next('report', (report) => processes.add(report.from).size === 3);
  const client = await ask('/stream');
  await client.take('open\n');
  const { from } = await next('conn');
  assert.deepEqual(await next('sub'), { from, mode: 'stream', channel: 'news', ttl: 60, subscribers: 1 });
  await holdfast(t, ['publish', 'news', 'hello', '--spec', server.controlUrl]);
  assert.equal((await next('message')).from, from);
  // The item was received by one process and sent by another.
  const reporting = (name: string) =>
    seen.filter(({ type, fields }) => type === 'report' && fields[name] === 1).map(({ fields }) => fields.from);
  await next('report', () => reporting('sent').length > 0 && reporting('received').length > 0);
  assert.deepEqual(reporting('sent'), [from]);
  assert.notDeepEqual(reporting('received'), [from]);
  client.reset();
  await next('conn', ({ unavailable }) => unavailable === true);
});
