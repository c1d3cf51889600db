import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { beginningOf, sendRequest } from '../../src/plain-http/index.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Places of the control port, and of its unix socket. */
const PLACES = 128;

const CONFIG = `
[server]
listen = ["127.0.0.1:0"]
accept_timeout = 3600
header_timeout = 3600
idle_timeout = 3600
body_timeout = 3600
drain_timeout = 1
[control]
listen = ["127.0.0.1:0", "unix:control.sock"]
max_connections = ${PLACES}
request_timeout = 3600
[[route]]
host = "*"
targets = ["test"]
`;

async function start(t: TestContext) {
  const cwd = temporaryFolder(t, { 'holdfast.toml': CONFIG });
  const program = startHoldfast(t, ['run'], { cwd });
  const { publishers } = await program.logged('started');
  const [address = ''] = publishers as string[];
  const [host = '', port = ''] = address.split(':');
  const socketPath = join(cwd, 'control.sock');
  return {
    program,
    url: `http://${address}`,
    tcp: { host, port: Number(port) },
    unix: { path: socketPath },
    socketPath,
  };
}

/** Opens connections, and sends `text` on each. They are left alone until the test ends. */
async function open(t: TestContext, at: NetConnectOpts, count: number, text = ''): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(at).on('error', () => {}));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  if (text !== '') for (const socket of sockets) socket.write(text);
  return sockets;
}

async function healthy(url: string, socketPath: string | null = null): Promise<void> {
  const response = await sendRequest(new URL('/healthz', url), { method: 'GET', headers: {}, socketPath });
  await beginningOf(response, 100);
  assert.equal(response.statusCode, 200);
}

for (const kind of ['tcp', 'unix'] as const) {
  test(`silent connections in all places of the control port keep nobody out: ${kind}`, async (t) => {
    const server = await start(t);
    const socketPath = kind === 'unix' ? server.socketPath : null;
    await open(t, server[kind], PLACES);
    await healthy(server.url, socketPath);
    await healthy(server.url, socketPath);
    await open(t, server[kind], 3 * PLACES);
    for (let i = 0; i < 10; i++) await healthy(server.url, socketPath);
    await server.program.stop();
  });
}

test('clients that send a byte a second in all places of the control port keep nobody out', async (t) => {
  const server = await start(t);
  const dripping = await open(t, server.tcp, PLACES, 'GET / HTTP/1.1\r\nHost: localhost\r\nX: ');
  const drip = setInterval(() => {
    for (const socket of dripping) if (socket.writable) socket.write('x');
  }, 1_000);
  t.after(() => clearInterval(drip));
  for (let i = 0; i < 10; i++) await healthy(server.url);
  // Those that were ended were told.
  const told = dripping.find((socket) => socket.bytesRead > 0 || socket.readableLength > 0);
  assert.ok(told !== undefined);
  // A head has 5 s on this port, whatever the server allows its clients: then there is nobody any more.
  await Promise.all(dripping.map((socket) => (socket.closed ? null : once(socket.resume(), 'close'))));
  await server.program.stop();
});

test('clients whose bodies come slowly in all places of the control port keep nobody out', async (t) => {
  const server = await start(t);
  const head =
    'POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n';
  await open(t, server.tcp, PLACES, head);
  await healthy(server.url);
  await open(t, server.tcp, 3 * PLACES, `${head} `);
  for (let i = 0; i < 10; i++) await healthy(server.url);
  await server.program.stop();
});

test('streams of events and requests in flight are not ended for it, and streams leave places', async (t) => {
  const server = await start(t);
  const response = await sendRequest(new URL('http://localhost/events'), {
    ...{ method: 'GET', headers: {} },
    socketPath: server.socketPath,
  });
  assert.equal(response.statusCode, 200);
  let ended = false;
  response.on('close', () => {
    ended = true;
  });
  const posting = connect(server.unix);
  t.after(() => posting.destroy());
  await once(posting, 'connect');
  posting.write('POST /publish/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\n{"items"');
  await open(t, server.unix, 2 * PLACES);
  for (let i = 0; i < 5; i++) await healthy(server.url, server.socketPath);
  await once(response, 'data');
  posting.write(':[]}');
  const [answer] = (await once(posting, 'data')) as [Buffer];
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
  assert.equal(ended, false);
  response.destroy();
  await server.program.stop();
});
