import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { Pull, XPublisher } from 'zeromq';
import { type HandlerMessage, parseHandlerMessage } from '../../src/codec/mongrel2/index.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import type { Program } from '../support/program.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const UUID = '82209006-86ff-4982-b5ea-d1e29e55d481';

const GET = 'GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** A handler on libzmq that does only what the test says. */
class LibzmqHandler {
  readonly #pull = new Pull({ linger: 0 });
  readonly #pub = new XPublisher({ linger: 100 });

  constructor(t: TestContext) {
    t.after(() => {
      this.#pull.close();
      this.#pub.close();
    });
  }

  /** Connects, and waits until the server hears it. */
  async connect(send: string, recv: string): Promise<void> {
    this.#pub.connect(recv);
    await this.#pub.receive();
    this.#pull.connect(send);
  }

  async next(): Promise<HandlerMessage> {
    const [message] = await this.#pull.receive();
    return parseHandlerMessage(message as Buffer);
  }

  answer(ids: string, body: string): Promise<void> {
    return this.#pub.send(`${UUID} ${ids.length}:${ids}, ${body}`);
  }
}

interface Site {
  readonly program: Program;
  readonly address: string;
  readonly handler: LibzmqHandler;
}

async function startSite(t: TestContext): Promise<Site> {
  const cwd = temporaryFolder(t, {
    'holdfast.toml': `
[server]
listen = []

[[edge.mongrel2]]
listen = "127.0.0.1:0"
default_host = "localhost"

[edge.mongrel2.handler.chat]
send_spec = "ipc://send"
send_ident = "${UUID}"
recv_spec = "ipc://recv"

[[edge.mongrel2.host]]
name = "localhost"
route = [{ path = "/chat", handler = "chat" }]
`,
  });
  const program = startHoldfast(t, ['run'], { cwd });
  const { mongrel2 } = await program.logged('started');
  const [address] = mongrel2 as [string];
  const handler = new LibzmqHandler(t);
  await handler.connect(`ipc://${cwd}/send`, `ipc://${cwd}/recv`);
  return { program, address, handler };
}

test('curl gets what a handler on libzmq answers', { timeout: 60_000 }, async (t) => {
  requirePeer(t, 'curl');
  const { address, handler } = await startSite(t);
  const curl = promisify(execFile)('curl', ['-sS', '-i', '-d', 'message', `http://${address}/chat/room?a=b`]);
  const { uuid, id, path, headers, body } = await handler.next();
  assert.deepEqual([uuid, path, body.toString()], [UUID, '/chat/room', 'message']);
  const names = ['METHOD', 'URI', 'QUERY', 'PATTERN', 'VERSION', 'URL_SCHEME', 'REMOTE_ADDR'];
  assert.deepEqual(
    names.map((name) => headers.get(name)),
    ['POST', '/chat/room?a=b', 'a=b', '/chat', 'HTTP/1.1', 'http', '127.0.0.1'],
  );
  await handler.answer(String(id), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nreply');
  const { stdout } = await curl;
  assert.equal(stdout, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nreply');
});

test('one answer reaches many clients, and those that leave bring notices', { timeout: 60_000 }, async (t) => {
  const { address, handler } = await startSite(t);
  const clients = new Map<number, Awaited<ReturnType<typeof connectTo>>>();
  for (let i = 0; i < 20; i++) {
    const client = await connectTo(t, address);
    client.write(GET);
    clients.set((await handler.next()).id, client);
  }
  await handler.answer([...clients.keys()].join(' '), 'to all');
  for (const client of clients.values()) assert.equal(await client.takeBytes(6), 'to all');
  for (const [id, client] of clients) {
    client.end();
    const notice = await handler.next();
    assert.deepEqual([notice.id, notice.path, notice.body.toString()], [id, '@*', '{"type":"disconnect"}']);
  }
});

test('at the end clients that await nothing leave in order, and the program does not wait', {
  timeout: 60_000,
}, async (t) => {
  const { program, address, handler } = await startSite(t);
  const client = await connectTo(t, address);
  client.write(GET);
  const { id } = await handler.next();
  await handler.answer(String(id), 'HTTP/1.1 204 No Content\r\n\r\n');
  await client.take();
  program.kill('SIGTERM');
  assert.equal(await client.ended, 'fin');
  client.end();
  assert.equal((await handler.next()).id, id);
  assert.equal((await program.ended).code, 0);
});
