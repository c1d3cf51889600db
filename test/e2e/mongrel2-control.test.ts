import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../src/clock/index.ts';
import { encode, type TnetstringInput } from '../../src/codec/tnetstring/index.ts';
import { Mongrel2Handler } from '../../src/mongrel2-handler/index.ts';
import { ReqSocket, ZmqCounters } from '../../src/zmq/index.ts';
import { FakeLog } from '../support/fake-log.ts';
import { freePorts } from '../support/free-ports.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { turn } from '../support/manual-clock.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Arrivals } from '../support/zmq/zmq-rig.ts';

const GET = 'GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Starts a site in a folder of its own, whose handler answers all requests. */
async function startSite(t: TestContext, controlPort: string) {
  const [port = 0] = await freePorts(1);
  const conf = `
h = Handler(send_spec='ipc://run/send', send_ident='server', recv_spec='ipc://run/recv', recv_ident='')
main = Server(uuid='u1', chroot='./', access_log='/logs/access.log', error_log='/logs/error.log', error_log_level=3,
  pid_file='/run/pid', default_host='localhost', bind_addr='127.0.0.1', port=${port}, control_port='${controlPort}',
  hosts=[Host(name='localhost', routes={'/h': h})])
settings = {'upload.temp_store': '/uploads/XXXXXX'}
servers = [main]
`;
  const cwd = temporaryFolder(t, { 'mongrel2.conf': conf });
  for (const name of ['logs', 'run', 'uploads']) mkdirSync(join(cwd, name));
  const program = startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd });
  await program.logged('started');
  const handler = new Mongrel2Handler({ sendSpec: `ipc://${cwd}/run/send`, recvSpec: `ipc://${cwd}/run/recv` });
  t.after(() => handler.stop());
  void handler.each((event) => {
    if (event.kind === 'request') handler.respond(event, { body: 'ok' });
  });
  return { program, cwd, address: `127.0.0.1:${port}` };
}

/** Sends commands to the control port of a site. */
function controlOf(t: TestContext, cwd: string): (name: string, args?: TnetstringInput) => Promise<string> {
  const wheel = new TimerWheel();
  const replies = new Arrivals<string>();
  const context = { wheel, counters: new ZmqCounters(), log: new FakeLog() };
  const socket = new ReqSocket(context, { linger: 0 }, ([reply]) => replies.add(String(reply)));
  socket.connect(`ipc://${cwd}/run/control`);
  t.after(async () => {
    await socket.close();
    wheel.stop();
  });
  return (name, args = {}) => {
    socket.send([encode([name, args])]);
    return replies.next();
  };
}

async function ask(client: RawClient): Promise<string> {
  return (await client.request(GET)).body;
}

/** The content of a log file once it has some. */
async function contentOf(path: string): Promise<string> {
  while (!existsSync(path) || readFileSync(path, 'latin1') === '') await turn();
  return readFileSync(path, 'latin1');
}

test('reload and SIGHUP open the logs again, and the logs have what they should', { timeout: 60_000 }, async (t) => {
  const { program, cwd, address } = await startSite(t, 'ipc://run/control');
  const control = controlOf(t, cwd);
  const client = await connectTo(t, address);
  const access = join(cwd, 'logs/access.log');
  const errors = join(cwd, 'logs/error.log');
  assert.equal(await ask(client), 'ok');
  const line = /^\d+:9:localhost,9:127\.0\.0\.1,\d:\d+#10:\d+#3:GET,2:\/h,8:HTTP\/1\.1,3:200#1:2#\]\n$/;
  assert.match(await contentOf(access), line);
  for (const record of (await contentOf(errors)).trim().split('\n'))
    assert.equal(typeof JSON.parse(record).msg, 'string');
  for (const [suffix, reload] of [
    ['1', () => control('reload')],
    ['2', async () => program.kill('SIGHUP')],
  ] as const) {
    for (const path of [access, errors]) renameSync(path, `${path}.${suffix}`);
    await reload();
    while (!existsSync(access) || !existsSync(errors)) await turn();
    assert.equal(await ask(client), 'ok');
    assert.match(await contentOf(access), line);
    assert.match(readFileSync(`${access}.${suffix}`, 'latin1'), line);
  }
});

test('stop lets requests finish, and ends the process', { timeout: 60_000 }, async (t) => {
  const { program, cwd, address } = await startSite(t, 'ipc://run/control');
  const control = controlOf(t, cwd);
  const client = await connectTo(t, address);
  assert.equal(await ask(client), 'ok');
  assert.match(await control('info'), /2:u1,/);
  assert.match(await control('stop'), /signal sent to server/);
  assert.equal(await client.ended, 'fin');
  client.end();
  assert.equal((await program.ended).code, 0);
  assert.equal(existsSync(join(cwd, 'run/pid')), false);
});

test('terminate ends the process at once, and no file of an upload is left', { timeout: 60_000 }, async (t) => {
  const { program, cwd, address } = await startSite(t, 'ipc://run/control');
  const control = controlOf(t, cwd);
  const client = await connectTo(t, address);
  client.write('POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nhalf');
  while (readdirSync(join(cwd, 'uploads')).length === 0) await turn();
  assert.match(await control('terminate'), /signal sent to server/);
  assert.equal((await program.ended).code, 0);
  assert.deepEqual(readdirSync(join(cwd, 'uploads')), []);
});

test('SIGTERM within an upload leaves no file', { timeout: 60_000 }, async (t) => {
  const { program, cwd, address } = await startSite(t, 'ipc://run/control');
  const client = await connectTo(t, address);
  client.write('POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nhalf');
  while (readdirSync(join(cwd, 'uploads')).length === 0) await turn();
  program.kill('SIGTERM');
  client.reset();
  assert.equal((await program.ended).code, 0);
  assert.deepEqual(readdirSync(join(cwd, 'uploads')), []);
});

test('a server runs without a control port that cannot be opened', { timeout: 60_000 }, async (t) => {
  const { cwd, address } = await startSite(t, 'ipc://nowhere/control');
  assert.match(await contentOf(join(cwd, 'logs/error.log')), /"control port cannot be opened"/);
  assert.equal(await ask(await connectTo(t, address)), 'ok');
});
