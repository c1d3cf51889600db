import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { dial } from '../../../src/net/index.ts';
import { freePorts } from '../../support/free-ports.ts';

/** A server that answers everything with itself. */
async function startEcho(t: TestContext, host: string): Promise<number> {
  const server: Server = createServer((socket) => socket.pipe(socket));
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

for (const [what, listenHost, host] of [
  ['an IPv4 literal', '127.0.0.1', '127.0.0.1'],
  ['an IPv6 literal', '::1', '::1'],
  ['an IPv6 literal in brackets', '::1', '[::1]'],
  ['a name of which only one address listens', '127.0.0.1', 'localhost'],
] as const) {
  test(`It connects to ${what}`, async (t) => {
    const socket = dial(host, await startEcho(t, listenHost));
    t.after(() => socket.destroy());
    socket.write('hello');
    const [chunk] = await once(socket, 'data');
    assert.equal(String(chunk), 'hello');
  });
}

test('A reader gets the data, and the end is an event as usual', async (t) => {
  const buffer = Buffer.alloc(16);
  let read = '';
  const socket = dial('localhost', await startEcho(t, '127.0.0.1'), {
    buffer,
    callback: (length) => {
      read += buffer.toString('latin1', 0, length);
      return true;
    },
  });
  t.after(() => socket.destroy());
  socket.end('twenty-four bytes in all');
  await once(socket, 'end');
  assert.equal(read, 'twenty-four bytes in all');
});

test('A connection that the peer ends is closed, not left half open', async (t) => {
  const server = createServer((socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const socket = dial('127.0.0.1', (server.address() as AddressInfo).port);
  socket.resume();
  await once(socket, 'close');
  assert.equal(socket.destroyed, true);
});

test('A port without a listener is an error event', async () => {
  const [port = 0] = await freePorts(1);
  const [error] = await once(dial('127.0.0.1', port), 'error');
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
});

test('A port outside of its range is refused at once', () => {
  assert.throws(() => dial('127.0.0.1', 65_536), RangeError);
});
