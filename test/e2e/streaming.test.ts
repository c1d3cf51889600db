import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import type { Program } from '../support/program.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';

const MEGABYTE = 1_000_000;
const SIZE = 50 * MEGABYTE;
const CHUNK = Buffer.alloc(50_000, 'holdfast');

/** Kilobytes of memory that the process has used at its worst. */
function peakMemory(program: Program): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes);
}

/** `SIZE` bytes, and what they hash to. */
function* bytes(hash: Hash): Generator<Buffer> {
  for (let sent = 0; sent < SIZE; sent += CHUNK.length) {
    hash.update(CHUNK);
    yield CHUNK;
  }
}

/** Sends 50 MB and reads the answer at the same time. */
async function exchangeLarge(address: string, headers: Readonly<Record<string, string>>): Promise<[string, string]> {
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  const request = httpRequest(`http://${address}/`, { method: 'POST', headers });
  const response = new Promise<IncomingMessage>((resolve, reject) =>
    request.on('response', resolve).on('error', reject),
  );
  const reading = response.then(async (answer) => {
    for await (const chunk of answer) received.update(chunk);
  });
  await Promise.all([pipeline(Readable.from(bytes(sent)), request), reading]);
  return [sent.digest('hex'), received.digest('hex')];
}

for (const [framing, headers] of [
  ['a length', { 'Content-Length': String(SIZE) }],
  ['chunks', { 'Transfer-Encoding': 'chunked' }],
] as const) {
  const skip = process.platform === 'linux' ? false : 'the memory of a process is read from /proc';
  test(`50 MB with ${framing} are echoed by an origin in little memory`, { skip }, async (t) => {
    const origin = await startOrigin(t, (request, response) => {
      const length = request.headers['content-length'];
      response.writeHead(200, length === undefined ? {} : { 'Content-Length': length });
      request.pipe(response);
    });
    const { program, clients } = await runServer(t, ['--route', `* ${origin}`]);
    const before = peakMemory(program);
    const [sent, received] = await exchangeLarge(clients[0] ?? '', headers);
    assert.equal(received, sent);
    assert.ok(peakMemory(program) - before < 60_000, `${before} kB grew to ${peakMemory(program)} kB`);
  });
}

test('a client that does not read holds only its own origin back', async (t) => {
  let produced = 0;
  const origin = await startOrigin(t, (request, response) => {
    if (request.url !== '/large') {
      response.end('hello');
      return;
    }
    response.writeHead(200, { 'Content-Length': SIZE });
    const write = () => {
      while (produced < SIZE) {
        produced += CHUNK.length;
        if (!response.write(CHUNK)) return;
      }
      response.end();
    };
    response.on('drain', write);
    write();
  });
  const { clients } = await runServer(t, ['--route', `* ${origin}`]);
  const [slow, fast] = [await connectTo(t, clients[0] ?? ''), await connectTo(t, clients[0] ?? '')];
  slow.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
  await slow.take();
  slow.socket.pause();
  for (let i = 0; i < 200; i++) {
    assert.equal((await fast.request('GET /small HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'hello');
  }
  assert.ok(produced < SIZE, 'what the client does not take is not read from the origin');
  slow.socket.resume();
  assert.equal((await slow.takeBytes(SIZE)).length, SIZE);
});

/** Takes chunks until they make up `length` bytes. */
async function takeChunks(client: RawClient, length: number): Promise<string> {
  let text = '';
  while (text.length < length) text += await client.takeChunk();
  return text;
}

test('a held client that does not read does not affect others, and its losses are logged', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'news' }).end();
  });
  const { program, clients, controlUrl } = await runServer(t, ['--route', `* ${origin}`]);
  const [slow, fast] = [await connectTo(t, clients[0] ?? ''), await connectTo(t, clients[0] ?? '')];
  for (const client of [slow, fast]) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.take();
  }
  slow.socket.pause();
  const dropped = program.logged('slow client: items dropped');
  let published = 0;
  const publishing = (async () => {
    for (; program.log().every(({ msg }) => !msg.startsWith('slow client')); published++) {
      const content = String(published % 10).repeat(500_000);
      const body = JSON.stringify({ items: [{ channel: 'news', formats: { 'http-stream': { content } } }] });
      const answer = await fetch(`${controlUrl}/publish/`, { method: 'POST', body });
      assert.equal(await answer.text(), 'Published\n');
      assert.equal(await takeChunks(fast, content.length), content);
    }
  })();
  const [{ level }] = await Promise.all([dropped, publishing]);
  assert.equal(level, 'warn');
  slow.socket.resume();
  const caughtUp = await program.logged('slow client has caught up');
  assert.ok(Number(caughtUp.dropped) >= 1);
});
