import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DialError, type DialSink, listen, listeningSockets, UnixDialler } from '../../../src/net/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** Takes the outcome of a dial. */
class Outcome implements DialSink {
  readonly outcome: Promise<Socket | DialError | unknown>;
  #settle: (outcome: unknown) => void = () => {};
  readonly #broken: boolean;

  constructor(broken = false) {
    this.#broken = broken;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  onConnected(socket: Socket): void {
    if (this.#broken) throw new Error('thrown by the test');
    this.#settle(socket);
  }

  onDialFailed(error: DialError): void {
    this.#settle(error);
  }

  onFault(thrown: unknown): void {
    this.#settle(thrown);
  }
}

async function startEcho(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t);
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  server.listen(join(folder, 'one'));
  await once(server, 'listening');
  t.after(() => server.close());
  return folder;
}

function dialled(folder: string, host: string, sink: Outcome, read: (text: string) => void = () => {}) {
  const buffer = Buffer.alloc(64);
  const callback = (length: number) => {
    read(buffer.toString('latin1', 0, length));
    return true;
  };
  const target = { host, port: 1, guard: null, ipv4Only: false, tls: null };
  return new UnixDialler(folder).dial(target, sink, { buffer, callback });
}

test('It connects to the socket of that name, and reads', async (t) => {
  const folder = await startEcho(t);
  const sink = new Outcome();
  const read = new Promise((resolve) => dialled(folder, 'one', sink, resolve));
  const socket = (await sink.outcome) as Socket;
  t.after(() => socket.destroy());
  socket.write('hello');
  assert.equal(await read, 'hello');
});

test('A socket that is not there cannot be reached', async (t) => {
  const sink = new Outcome();
  dialled(temporaryFolder(t), 'none', sink);
  const { kind, message } = (await sink.outcome) as DialError;
  assert.deepEqual([kind, message], ['unreachable', 'ENOENT']);
});

test('After a cancel the sink is not called', async (t) => {
  const folder = await startEcho(t);
  const sink = new Outcome();
  dialled(folder, 'one', sink).cancel();
  const other = new Outcome();
  dialled(folder, 'one', other);
  ((await other.outcome) as Socket).destroy();
  assert.equal(await Promise.race([sink.outcome, 'nothing']), 'nothing');
});

test('What the sink throws comes back to it, and the connection is closed', async (t) => {
  const sink = new Outcome(true);
  dialled(await startEcho(t), 'one', sink);
  assert.match(String(await sink.outcome), /thrown by the test/);
});

test('A private socket is handed to no other process', async (t) => {
  const path = join(temporaryFolder(t), 'private');
  const address = { kind: 'unix', path, mode: 0o600, user: null, group: null } as const;
  const listener = await listen(address, 65_536, () => {}, { isPrivate: true });
  assert.equal(
    listeningSockets.all.some((socket) => socket.address === `unix:${path}`),
    false,
  );
  listener.close();
});
