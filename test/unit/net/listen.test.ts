import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ListenAddress, type Listener, listen } from '../../../src/net/index.ts';
import { portOf } from '../../support/port-of.ts';
import { connectTo } from '../../support/raw-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { Identities, TlsListener } from './tls-support.ts';

/** Listens until the test ends; greets every connection. */
async function listening(t: TestContext, address: ListenAddress): Promise<Listener> {
  const sockets: Socket[] = [];
  const listener = await listen(address, 65_536, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write('hello');
  });
  t.after(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return listener;
}

function unix(path: string, owner: Partial<ListenAddress & { kind: 'unix' }> = {}): ListenAddress {
  return { kind: 'unix', path, mode: null, user: null, group: null, ...owner };
}

/** A socket file that its listener has left behind. */
function leaveStaleSocket(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.equal(lstatSync(path).isSocket(), true);
}

async function assertGreeted(t: TestContext, address: string): Promise<void> {
  assert.equal(await (await connectTo(t, address)).takeBytes(5), 'hello');
}

test('a TCP listener reports its address, with the chosen port', async (t) => {
  const listener = await listening(t, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  assert.ok(listener.port > 0);
  assert.equal(listener.address, `127.0.0.1:${listener.port}`);
  await assertGreeted(t, listener.address);
});

test('an IPv6 listener is reported in brackets', async (t) => {
  const listener = await listening(t, { kind: 'tcp', host: '::1', port: 0 });
  assert.equal(listener.address, `[::1]:${listener.port}`);
  await assertGreeted(t, listener.address);
});

test('a listener without a host is on all interfaces', async (t) => {
  const listener = await listening(t, { kind: 'tcp', host: null, port: 0 });
  for (const host of ['127.0.0.1', '[::1]']) await assertGreeted(t, `${host}:${listener.port}`);
});

test('a port in use is reported with its address', async (t) => {
  for (const [host, shown] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
  ] as const) {
    const { port } = await listening(t, { kind: 'tcp', host, port: 0 });
    await assert.rejects(
      listen({ kind: 'tcp', host, port }, 65_536, () => {}),
      (error: Error) => {
        assert.ok(error.message.startsWith(`cannot listen on ${shown}:${port}: `), error.message);
        assert.match(error.message, /address already in use/);
        return true;
      },
    );
  }
});

test('an address of another machine is refused with its address', async () => {
  await assert.rejects(
    listen({ kind: 'tcp', host: '192.0.2.1', port: 1 }, 65_536, () => {}),
    {
      message: /^cannot listen on 192\.0\.2\.1:1: /,
    },
  );
});

test('closing accepts no more connections and keeps open ones', async (t) => {
  const listener = await listening(t, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  const client = await connectTo(t, listener.address);
  await client.takeBytes(5);
  listener.close();
  await assert.rejects(connectTo(t, listener.address), { code: 'ECONNREFUSED' });
  assert.equal(client.socket.destroyed, false);
});

test('a unix socket has the mode that was asked for, and is removed with its listener', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  for (const mode of [0o600, 0o660, 0o666]) {
    const listener = await listening(t, unix(path, { mode }));
    assert.equal(listener.address, `unix:${path}`);
    assert.equal(listener.port, 0);
    assert.equal(lstatSync(path).mode & 0o777, mode);
    await assertGreeted(t, listener.address);
    listener.close();
    assert.equal(existsSync(path), false);
  }
});

test('the path of a unix socket may be a number', async (t) => {
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(temporaryFolder(t));
  const listener = await listening(t, unix('9990'));
  assert.equal(lstatSync('9990').isSocket(), true);
  listener.close();
  assert.equal(existsSync('9990'), false);
});

test('the mode of a unix socket does not change that of files made later', async (t) => {
  const path = temporaryFolder(t);
  const before = process.umask();
  await listening(t, unix(join(path, 'socket'), { mode: 0o600 }));
  assert.equal(process.umask(), before);
});

test('the owner and group of a unix socket are given by name or by number', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const { uid, gid, username } = userInfo();
  // Only root may give files away.
  const owner =
    uid === 0
      ? { user: '12345', group: '54321', uid: 12_345, gid: 54_321 }
      : { user: String(uid), group: String(gid), uid, gid };
  const byNumber = await listening(t, unix(path, { user: owner.user, group: owner.group }));
  assert.deepEqual([lstatSync(path).uid, lstatSync(path).gid], [owner.uid, owner.gid]);
  byNumber.close();
  await listening(t, unix(path, { user: username }));
  assert.equal(lstatSync(path).uid, uid);
});

test('an unknown owner or group is reported, and nothing is left behind', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  for (const owner of [{ user: 'no-such-user' }, { group: 'no-such-group' }]) {
    await assert.rejects(
      listen(unix(path, owner), 65_536, () => {}),
      (error: Error) => {
        assert.ok(error.message.startsWith(`cannot listen on unix:${path}: no no-such-`), error.message);
        return true;
      },
    );
    assert.equal(existsSync(path), false);
  }
});

test('a stale socket file is replaced', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  leaveStaleSocket(path);
  const listener = await listening(t, unix(path));
  await assertGreeted(t, listener.address);
});

test('a socket in use is refused, and keeps working', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const first = await listening(t, unix(path));
  await assert.rejects(
    listen(unix(path), 65_536, () => {}),
    (error: Error) => {
      assert.ok(error.message.startsWith(`cannot listen on unix:${path}: `), error.message);
      assert.match(error.message, /address already in use/);
      return true;
    },
  );
  await assertGreeted(t, first.address);
});

test('a file that is not a socket is never removed', async (t) => {
  const path = temporaryFolder(t);
  const file = join(path, 'file');
  const link = join(path, 'link');
  writeFileSync(file, 'precious');
  symlinkSync(file, link);
  for (const taken of [file, link, path]) {
    await assert.rejects(
      listen(unix(taken), 65_536, () => {}),
      { message: /address already in use/ },
    );
  }
  assert.equal(readFileSync(file, 'utf8'), 'precious');
  assert.equal(lstatSync(link).isSymbolicLink(), true);
});

test('a missing folder is reported with the address', async (t) => {
  const path = temporaryFolder(t);
  await assert.rejects(
    listen(unix(join(path, 'none', 'socket')), 65_536, () => {}),
    {
      message: /^cannot listen on unix:.*\/none\/socket: no such file or directory$/,
    },
  );
});

test('accepted sockets stay open for writing when the client has sent FIN', async (t) => {
  const received: Promise<void>[] = [];
  const listener = await listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, 65_536, (socket) => {
    socket.resume();
    received.push(
      once(socket, 'end').then(() => {
        socket.end('still here');
      }),
    );
  });
  t.after(() => listener.close());
  const client = await connectTo(t, listener.address);
  client.end();
  assert.equal(await client.takeAll(), 'still here');
  await Promise.all(received);
});

test('with TLS the address is reported, sockets are secure, and a port in use is reported', async (t) => {
  const { identities } = new Identities(t, { localhost: 'one' });
  const listener = await new TlsListener(t, identities).start();
  assert.match(listener.address, /^127\.0\.0\.1:\d+$/);
  const client = await listener.connect({ servername: 'localhost' });
  assert.equal(client.getPeerCertificate().subject.CN, 'one');
  assert.equal((await listener.connection()).encrypted, true);
  const port = portOf(listener.address);
  await assert.rejects(new TlsListener(t, identities).start({ kind: 'tcp', host: '127.0.0.1', port }), {
    message: /^cannot listen on 127\.0\.0\.1:\d+: address already in use$/,
  });
});
