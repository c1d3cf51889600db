import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectPlain, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { freePorts } from '../support/free-ports.ts';
import { LAUNCHER, startHoldfast } from '../support/holdfast.ts';
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts';
import { startOrigin } from '../support/origin.ts';
import { Program } from '../support/program.ts';
import { connectTo } from '../support/raw-client.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';

const SKIP = existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

function toml(listen: readonly string[], more: string): string {
  return `[server]\nlisten = ${JSON.stringify(listen)}\nupgrade_timeout = 1\ntls_identities_dir = "."\n${more}`;
}

async function status(t: TestContext, address: string): Promise<number> {
  const client = await connectTo(t, address);
  return (await client.request(GET)).status;
}

/** A client over TLS. */
async function secure(t: TestContext, port: number): Promise<RawPeer> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, allowHalfOpen: true } as object);
  t.after(() => socket.destroy());
  const peer = new RawPeer(socket);
  await once(socket, 'secureConnect');
  return peer;
}

/** Whether nobody listens on a port of loopback. */
function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectPlain({ host: '127.0.0.1', port });
    socket.on('connect', () => resolve(false)).on('error', () => resolve(true));
    socket.on('connect', () => socket.destroy());
  });
}

test('listeners of every kind pass to the new process; addresses come and go with its configuration', {
  skip: SKIP,
}, async (t) => {
  const [kept = 0, tls = 0, gone = 0, added = 0, control = 0, pull = 0] = await freePorts(6);
  const cwd = temporaryFolder(t, { 'any.crt': LOOPBACK_CERTIFICATE, 'any.key': LOOPBACK_KEY });
  const unix = join(cwd, 'client.sock');
  const ipc = join(cwd, 'pull');
  const more = `[control]\nlisten = ["127.0.0.1:${control}"]\n[publish]\npull = ["ipc://${ipc}", "tcp://127.0.0.1:${pull}"]\n`;
  const always = [`127.0.0.1:${kept}`, `127.0.0.1:${tls},tls,default-cert=any`, `unix:${unix}`];
  const file = join(cwd, 'holdfast.toml');
  writeFileSync(file, toml([...always, `127.0.0.1:${gone}`], more));
  const program = startHoldfast(t, ['run', '--route', '* test'], { cwd });
  const server = new Upgraded(t, program);
  await program.logged('started');
  const inodes = [unix, ipc].map((path) => lstatSync(path).ino);
  writeFileSync(file, toml([...always, `127.0.0.1:${added}`], more));
  const old = server.pid;
  await server.upgrade();
  await server.gone(old);
  for (const port of [kept, added]) assert.equal(await status(t, `127.0.0.1:${port}`), 200);
  assert.equal(await status(t, `unix:${unix}`), 200);
  const client = await secure(t, tls);
  client.write(GET);
  await client.until(() => client.text.startsWith('HTTP/1.1 200 '));
  assert.equal(await isRefused(gone), true);
  assert.equal(await isRefused(pull), false);
  assert.deepEqual(
    [unix, ipc].map((path) => lstatSync(path).ino),
    inodes,
  );
  const closed = await program.logged('listening sockets closed that no role is configured for');
  assert.deepEqual(closed.addresses, [`127.0.0.1:${gone}`]);
  await server.stop();
  assert.equal(existsSync(unix) || existsSync(ipc), false);
  assert.deepEqual(program.errors(), []);
});

test('a configuration that is not valid leaves the old process serving, and the next upgrade works', {
  skip: SKIP,
}, async (t) => {
  const [port = 0, control = 0] = await freePorts(2);
  const cwd = temporaryFolder(t);
  const file = join(cwd, 'holdfast.toml');
  const listen = [`127.0.0.1:${port}`];
  const more = `[control]\nlisten = ["127.0.0.1:${control}"]\nbasic = ["root:secret"]\n`;
  writeFileSync(file, toml(listen, more));
  const program = startHoldfast(t, ['run', '--route', '* test'], { cwd });
  const server = new Upgraded(t, program);
  await program.logged('started');
  writeFileSync(file, toml(listen, `max_connectoins = 1\n${more}`));
  process.kill(server.pid, 'SIGUSR2');
  const { reason } = await program.logged('upgrade failed: the new process did not take over, this one goes on');
  assert.match(String(reason), /holdfast\.toml:5:.*max_connectoins/);
  assert.equal(await status(t, `127.0.0.1:${port}`), 200);
  writeFileSync(file, toml(listen, more));
  await server.upgrade();
  assert.equal(await status(t, `127.0.0.1:${port}`), 200);
  await server.stop();
});

// The old process waits 60 s for one that says nothing: a test that takes as long has not heard of the failure.
test('a new process that cannot have an address says so, and leaves the old one serving', {
  skip: SKIP,
  timeout: 40_000,
}, async (t) => {
  const [port = 0] = await freePorts(1);
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const cwd = temporaryFolder(t);
  const file = join(cwd, 'holdfast.toml');
  const listen = [`127.0.0.1:${port}`];
  writeFileSync(file, toml(listen, ''));
  const program = startHoldfast(t, ['run', '--control-port', '0', '--route', '* test'], { cwd });
  const server = new Upgraded(t, program);
  await program.logged('started');
  const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  writeFileSync(file, toml([...listen, address], ''));
  process.kill(server.pid, 'SIGUSR2');
  const { reason } = await program.logged('upgrade failed: the new process did not take over, this one goes on');
  assert.equal(reason, `cannot listen on ${address}: address already in use`);
  assert.equal(await status(t, `127.0.0.1:${port}`), 200);
  writeFileSync(file, toml(listen, ''));
  await server.upgrade();
  assert.equal(await status(t, `127.0.0.1:${port}`), 200);
  await server.stop();
});

test('a new process that is killed while it starts leaves the old one serving', { skip: SKIP }, async (t) => {
  const [port = 0] = await freePorts(1);
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml([`127.0.0.1:${port}`], '') });
  const program = startHoldfast(t, ['run', '--control-port', '0', '--route', '* test'], { cwd });
  const server = new Upgraded(t, program);
  await program.logged('started');
  process.kill(server.pid, 'SIGUSR2');
  process.kill(await server.started(), 'SIGKILL');
  const { reason } = await program.logged('upgrade failed: the new process did not take over, this one goes on');
  assert.equal(reason, 'it was ended by SIGKILL');
  assert.equal(await status(t, `127.0.0.1:${port}`), 200);
  const { code } = await program.stop();
  assert.equal(code, 0);
});

test('an upgrade, a hang-up and a stop at the same moment end the server, and leave no process', {
  skip: SKIP,
}, async (t) => {
  const [port = 0] = await freePorts(1);
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml([`127.0.0.1:${port}`], '') });
  const program = startHoldfast(t, ['run', '--control-port', '0', '--route', '* test'], { cwd });
  await program.logged('started');
  for (const signal of ['SIGUSR2', 'SIGHUP', 'SIGTERM'] as const) program.kill(signal);
  // Standard output closes with the last process that has it.
  const { code } = await program.ended;
  assert.equal(code, 0);
  assert.equal(await isRefused(port), true);
});

test('clients that cannot move are said goodbye to', { skip: SKIP }, async (t) => {
  const [port = 0] = await freePorts(1);
  const origin = await startOrigin(t, (_, response) => {
    const headers = { 'Grip-Hold': 'stream', 'Grip-Channel': 'a', 'Content-Type': 'text/event-stream' };
    response.writeHead(200, headers).end('data: open\n\n');
  });
  const cwd = temporaryFolder(t, { 'any.crt': LOOPBACK_CERTIFICATE, 'any.key': LOOPBACK_KEY });
  writeFileSync(join(cwd, 'holdfast.toml'), toml([`127.0.0.1:${port},tls,default-cert=any`], ''));
  const routes = ['--route', '*,path_beg=/t test', '--route', `* ${origin}`];
  const program = startHoldfast(t, ['run', '--control-port', '0', ...routes], { cwd });
  const server = new Upgraded(t, program);
  await program.logged('started');
  const events = await secure(t, port);
  events.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await events.until(() => events.text.includes('data: open'));
  const webSocket = await secure(t, port);
  webSocket.write(
    'GET /t/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await webSocket.until(() => webSocket.text.includes('\r\n\r\n'));
  const idle = await secure(t, port);
  await server.upgrade();
  // The next response on a connection that is kept alive says that it is the last one.
  idle.write('HEAD /t/ HTTP/1.1\r\nHost: x\r\n\r\n');
  await idle.until(() => idle.text.includes('\r\n\r\n'));
  assert.match(idle.text, /\r\nConnection: close\r\n/i);
  await events.ended;
  assert.match(events.text, /\r\nretry: [1-3][0-9]{3}\n\n\r\n0\r\n\r\n$/);
  await webSocket.ended;
  // A close frame with the code 1012.
  assert.equal(webSocket.text.endsWith('\x88\x02\x03\xf4'), true);
  await server.stop();
  assert.deepEqual(program.errors(), []);
});

test('with workers the new main process starts its own, and no request fails', { skip: SKIP }, async (t) => {
  const [port = 0] = await freePorts(1);
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml([`127.0.0.1:${port}`], 'workers = 2\n') });
  const program = startHoldfast(t, ['run', '--control-port', '0', '--route', '* test'], { cwd });
  const server = new Upgraded(t, program);
  await program.logged('started');
  const statuses = new Set<number>();
  let over = false;
  const load = (async () => {
    while (!over) statuses.add(await status(t, `127.0.0.1:${port}`));
  })();
  for (let i = 0; i < 2; i++) {
    const old = server.pid;
    await server.upgrade();
    await server.gone(old);
  }
  over = true;
  await load;
  assert.deepEqual([...statuses], [200]);
  await server.stop();
  assert.deepEqual(program.errors(), []);
});

test('an upgrade changes how many worker processes there are, or takes the proxy away', { skip: SKIP }, async (t) => {
  const [port = 0] = await freePorts(1);
  const listen = [`127.0.0.1:${port}`];
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml(listen, '') });
  const program = startHoldfast(t, ['run', '--control-port', '0', '--route', '* test'], { cwd });
  const server = new Upgraded(t, program);
  await program.logged('started');
  for (const workers of [2, 1]) {
    writeFileSync(join(cwd, 'holdfast.toml'), toml(listen, `workers = ${workers}\n`));
    const old = server.pid;
    await server.upgrade();
    await server.gone(old);
    assert.equal(await status(t, `127.0.0.1:${port}`), 200);
  }
  writeFileSync(
    join(cwd, 'holdfast.toml'),
    `${toml([], '')}[edge]\nlisten = ["127.0.0.1:0,stream"]\nzclient_stream = ["ipc:///${cwd}/edge"]\n`,
  );
  const old = server.pid;
  await server.upgrade();
  await server.gone(old);
  await server.stop();
  assert.deepEqual(program.errors(), []);
});

for (const [from, to] of [
  [2, 2],
  [1, 2],
  [2, 1],
]) {
  const name = `clients that stay, and new ones, get what is published in either process: ${from} and ${to} workers`;
  test(name, { skip: SKIP }, async (t) => {
    const [port = 0, control = 0] = await freePorts(2);
    const origin = await startOrigin(t, (_, response) => {
      response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' }).end('open\n');
    });
    const configure = (workers: number | undefined) =>
      `[server]\nlisten = ["127.0.0.1:${port}"]\nupgrade_timeout = 60\nworkers = ${workers}\n`;
    const cwd = temporaryFolder(t, { 'holdfast.toml': configure(from) });
    const program = startHoldfast(t, ['run', '--control-port', String(control), '--route', `* ${origin}`], { cwd });
    const server = new Upgraded(t, program);
    await program.logged('started');
    const held = async () => {
      const client = await connectTo(t, `127.0.0.1:${port}`);
      client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.until(() => client.text.includes('open'));
      return client;
    };
    const publish = (text: string) => {
      const body = JSON.stringify({ items: [{ channel: 'a', formats: { 'http-stream': { content: `${text}\n` } } }] });
      return `POST /publish/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    const stays = await held();
    const publisher = await connectTo(t, `127.0.0.1:${control}`);
    assert.equal((await publisher.request(publish('before'))).status, 200);
    await stays.until(() => stays.text.includes('before'));
    writeFileSync(join(cwd, 'holdfast.toml'), configure(to));
    const old = server.pid;
    await server.upgrade();
    const other = await held();
    // This connection is still with the old process.
    assert.equal((await publisher.request(publish('from the old one'))).status, 200);
    const next = await connectTo(t, `127.0.0.1:${control}`);
    assert.equal((await next.request(publish('from the new one'))).status, 200);
    const came = (text: string) => text.includes('from the old one') && text.includes('from the new one');
    for (const client of [stays, other]) await client.until(() => came(client.text));
    for (const client of [stays, other]) {
      assert.deepEqual(client.text.match(/from the \w+ one/g)?.sort(), ['from the new one', 'from the old one']);
      client.reset();
    }
    await server.gone(old);
    await server.stop();
    assert.deepEqual(program.errors(), []);
  });
}

test('a socket of the service manager is used instead of one that is bound', { skip: SKIP }, async (t) => {
  const [port = 0, other = 0] = await freePorts(2);
  const cwd = temporaryFolder(t);
  const unix = join(cwd, 'passed.sock');
  writeFileSync(join(cwd, 'holdfast.toml'), toml([`127.0.0.1:${port}`, `unix:${unix}`], ''));
  // What a service manager does: sockets from descriptor 3 on, and the id of the process that they are for.
  const script = `
import os, socket, sys
port, other, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
sockets = [socket.create_server(('127.0.0.1', port)), socket.create_server(('127.0.0.1', other)), socket.socket(socket.AF_UNIX)]
sockets[2].bind(path); sockets[2].listen()
copies = [os.dup(s.fileno()) for s in sockets]
high = [__import__('fcntl').fcntl(c, __import__('fcntl').F_DUPFD, 20) for c in copies]
for i, fd in enumerate(high): os.dup2(fd, 3 + i, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='3', LISTEN_FDNAMES='client:stray:local')
os.execvp(sys.argv[4], sys.argv[4:])
`;

  const args = ['-c', script, String(port), String(other), unix, process.execPath, LAUNCHER];
  const program = new Program(t, '/usr/bin/python3', [...args, 'run', '--control-port', '0', '--route', '* test'], {
    cwd,
  });
  const passed = await program.logged('listening sockets passed by the service manager');
  assert.deepEqual(passed.addresses, [
    `127.0.0.1:${port} (client)`,
    `127.0.0.1:${other} (stray)`,
    `unix:${unix} (local)`,
  ]);
  await program.logged('started');
  assert.equal(await status(t, `127.0.0.1:${port}`), 200);
  assert.equal(await status(t, `unix:${unix}`), 200);
  const { addresses } = await program.logged('listening sockets closed that no role is configured for');
  assert.deepEqual(addresses, [`127.0.0.1:${other}`]);
  const server = new Upgraded(t, program);
  const old = server.pid;
  await server.upgrade();
  await server.gone(old);
  assert.equal(await status(t, `unix:${unix}`), 200);
  await server.stop();
  assert.equal(existsSync(unix), true, 'the file belongs to the service manager');
  assert.deepEqual(program.errors(), []);
});

test('the pid file of a Mongrel2 server names the new process, and goes with it', { skip: SKIP }, async (t) => {
  const [port = 0] = await freePorts(1);
  const conf = `main = Server(uuid="u1", chroot="./", access_log="/access.log", error_log="/error.log", pid_file="/m.pid",
  default_host="localhost", name="main", port=${port}, bind_addr="127.0.0.1"
  hosts=[Host(name="localhost", routes={ '/': Dir(base='static/', index_file='index.html', default_ctype='text/plain') })])
servers = [main]
`;
  const cwd = temporaryFolder(t, { 'site.conf': conf });
  const program = startHoldfast(t, ['mongrel2', 'site.conf'], { cwd });
  const server = new Upgraded(t, program);
  await program.logged('started');
  const pid = (): string => readFileSync(join(cwd, 'm.pid'), 'latin1').trim();
  assert.equal(pid(), String(server.pid));
  const old = server.pid;
  await server.upgrade();
  await server.gone(old);
  assert.equal(pid(), String(server.pid));
  assert.notEqual(server.pid, old);
  await server.stop();
  assert.equal(existsSync(join(cwd, 'm.pid')), false);
});
