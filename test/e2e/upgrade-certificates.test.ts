import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { startHoldfast } from '../support/holdfast.ts';
import { turn } from '../support/manual-clock.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';

const SKIP = existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only';

/** Milliseconds that the program waits for an authority, at least. */
const PATIENCE = 30_000;

test('one process at a time orders certificates', { skip: SKIP }, async (t) => {
  // An authority that says nothing.
  const orders: Socket[] = [];
  let closed = 0;
  const authority = createServer((socket) => {
    orders.push(socket);
    socket.on('error', () => {}).on('close', () => closed++);
    socket.resume();
  }).listen(0, '127.0.0.1');
  await once(authority, 'listening');
  t.after(() => {
    for (const socket of orders) socket.destroy();
    authority.close();
  });
  // Its client keeps the old process from ending.
  const origin = await startOrigin(t, () => {});
  const { port } = authority.address() as AddressInfo;
  const cwd = temporaryFolder(t, {
    'holdfast.toml': `
[server]
listen = ["127.0.0.1:0", "127.0.0.1:0,tls,acme"]
tls_identities_dir = "."
[acme]
email = "admin@example.com"
accept_terms = true
directory = "https://127.0.0.1:${port}/directory"
[state]
dir = "state"
[[route]]
host = "one.example.com"
targets = ["${origin}"]
`,
  });
  const first = once(authority, 'connection');
  const program = startHoldfast(t, ['run'], { cwd });
  const { clients } = await program.logged('started');
  await first;
  const began = performance.now();
  const client = await connectTo(t, (clients as string[])[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: one.example.com\r\n\r\n');
  let closedBefore = -1;
  const second = once(authority, 'connection').then(async () => {
    for (let i = 0; i < 10; i++) await turn();
    closedBefore = closed;
  });
  const server = new Upgraded(t, program);
  await server.upgrade();
  await second;
  assert.equal(closedBefore, 1);
  assert.equal(orders.length, 2);
  assert.ok(performance.now() - began < PATIENCE, 'the first process has stopped, and has not just given up');
});
