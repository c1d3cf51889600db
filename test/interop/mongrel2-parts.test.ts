import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { Mongrel2Role, newMongrel2Counters } from '../../src/app/mongrel2-role.ts';
import { TimerWheel } from '../../src/clock/index.ts';
import type { Mongrel2Handler, Mongrel2Server, Mongrel2Settings } from '../../src/config/index.ts';
import { FakeLog } from '../support/fake-log.ts';
import { freePorts } from '../support/free-ports.ts';
import { turn } from '../support/manual-clock.ts';
import { handlerOf, siteOf } from '../support/mongrel2/site.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL('./mongrel2/', import.meta.url));
const PYTHON = '/usr/bin/python3';

interface Changes {
  readonly settings?: Partial<Mongrel2Settings>;
  readonly server?: Partial<Mongrel2Server>;
  readonly protocol?: Mongrel2Handler['protocol'];
}

/** A site whose one handler is parts.py; null if the machine lacks what that needs. */
async function startSite(t: TestContext, { settings, server: changes, protocol = 'json' }: Changes = {}) {
  if (requirePeer(t, 'python3-zmq') === null) return null;
  const wheel = new TimerWheel();
  const counters = newMongrel2Counters();
  const handler = handlerOf({ protocol, sticky: true });
  const routes = ['/h', '@echo'].map((path) => ({ path, target: handler }));
  const server = siteOf(routes, settings, changes);
  let ended = false;
  const onEnded = (): void => {
    ended = true;
  };
  const role = new Mongrel2Role({ server, wheel, log: new FakeLog(), counters, onEnded });
  await role.start();
  t.after(async () => {
    role.drain();
    await role.stop();
    wheel.stop();
  });
  const program = new Program(t, PYTHON, ['-B', `${SOURCES}parts.py`, ...role.endpoints]);
  await program.output(/^ready\n/);
  return { role, program, counters, ended: () => ended };
}

/** How curl says where a body ends: by its length, or by chunks. */
const FRAMINGS: readonly (readonly string[])[] = [[], ['-H', 'Transfer-Encoding: chunked']];

function sha1(data: Buffer): string {
  return createHash('sha1').update(data).digest('hex');
}

/** Bytes that no coding leaves as they are. */
function bytes(count: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
}

for (const protocol of ['json', 'tnetstring'] as const) {
  test(`the client ws talks to a handler in Python, with ${protocol} headers`, async (t) => {
    const site = await startSite(t, { protocol });
    if (site === null) return;
    const socket = new WebSocket(`ws://${site.role.address}/h`);
    await once(socket, 'open');
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 262_144]) {
      socket.send(bytes(size));
      const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
      assert.deepEqual([isBinary, sha1(data)], [true, sha1(bytes(size))]);
    }
    socket.send('h\u00e9', { fin: false });
    socket.ping('between');
    const [pong] = (await once(socket, 'pong')) as [Buffer];
    assert.equal(pong.toString(), 'between');
    socket.send('llo');
    const [text, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    assert.deepEqual([isBinary, text.toString()], [false, 'h\u00e9llo']);
    socket.close(1_000, 'done');
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [1_000, 'done']);
  });
}

test('a message that is too large for one closes the WebSocket, and its handler is told', async (t) => {
  const site = await startSite(t);
  if (site === null) return;
  const socket = new WebSocket(`ws://${site.role.address}/h`);
  await once(socket, 'open');
  socket.on('error', () => {});
  socket.send(bytes(262_145));
  await once(socket, 'close');
  await site.program.output(/^gone 1$/m);
});

test('curl uploads to a file that a handler in Python reads, with and without a length', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const folder = temporaryFolder(t, { body: bytes(5_000_000) });
  const spool = temporaryFolder(t);
  const site = await startSite(t, { settings: { uploadTempStore: `${spool}/m2.XXXXXX` } });
  if (site === null) return;
  const url = `http://${site.role.address}/h`;
  for (const fields of FRAMINGS) {
    const { stdout } = await run('curl', [
      '-s',
      '--max-time',
      '30',
      ...fields,
      '--data-binary',
      `@${folder}/body`,
      url,
    ]);
    assert.equal(stdout, `in a file ${sha1(bytes(5_000_000))}`);
  }
  assert.equal(site.program.stdout.match(/^start True$/gm)?.length, 2);
  const { stdout } = await run('curl', ['-s', '--max-time', '30', '-d', 'small', url]);
  assert.equal(stdout, `in memory ${sha1(Buffer.from('small'))}`);
  assert.deepEqual(readdirSync(spool), []);
});

test('curl uploads to a handler in Python that takes the body in parts', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const folder = temporaryFolder(t, { body: bytes(3_000_000) });
  const site = await startSite(t, { settings: { uploadStream: true } });
  if (site === null) return;
  for (const fields of FRAMINGS) {
    const body: string[] = ['--data-binary', `@${folder}/body`, `http://${site.role.address}/h`];
    const { stdout }: { stdout: string } = await run('curl', ['-s', '--max-time', '60', ...fields, ...body]);
    assert.equal(stdout, `streamed ${sha1(bytes(3_000_000))}`);
  }
});

test('a JSON socket talks to a handler in Python', async (t) => {
  const site = await startSite(t);
  if (site === null) return;
  const client = await connectTo(t, site.role.address);
  client.write('@echo {"n": 1}\0');
  const answer = Buffer.from('{"echo": {"n": 1}}').toString('base64');
  assert.equal(await client.takeBytes(answer.length), answer);
});

test('the control port is used from Python', async (t) => {
  const folder = temporaryFolder(t);
  const [port = 0] = await freePorts(1);
  const controlPort = `tcp://127.0.0.1:${port}`;
  const accessLog = `${folder}/access.log`;
  const site = await startSite(t, { settings: { accessLogging: true }, server: { controlPort, accessLog } });
  if (site === null) return;
  const command = async (...commands: string[]): Promise<Record<string, unknown>[]> => {
    const { stdout } = await run(PYTHON, ['-B', `${SOURCES}control.py`, controlPort, ...commands]);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const socket = new WebSocket(`ws://${site.role.address}/h`);
  await once(socket, 'open');
  const [uuid, net, tasks, missing] = await command(
    'uuid',
    'status {"what":"net"}',
    'status {"what":"tasks"}',
    'nothing',
  );
  assert.deepEqual(uuid, { headers: ['uuid'], rows: [['test']] });
  const rows = net?.rows as number[][];
  assert.deepEqual(
    rows.map(([id]) => id),
    [1],
  );
  assert.deepEqual([tasks?.rows, missing?.code], [[], 'CALLBACK_NOT_FOUND']);
  renameSync(accessLog, `${accessLog}.1`);
  const closed = once(socket, 'close');
  const [reload, kill, again] = await command('reload', 'kill {"id":1}', 'kill {"id":1}');
  assert.deepEqual([reload?.rows, kill?.rows, again?.code], [[['signal sent to server']], [['OK']], 'NOT_CONNECTED']);
  await closed;
  await site.program.output(/^gone 1$/m);
  while (!existsSync(accessLog) || readFileSync(accessLog, 'latin1') === '') await turn();
  assert.match(readFileSync(accessLog, 'latin1'), /#3:GET,2:\/h,8:HTTP\/1\.1,3:101#1:0#\]\n$/);
  await command('stop');
  while (!site.ended()) await turn();
});
