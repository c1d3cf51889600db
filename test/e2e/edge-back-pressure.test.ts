import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { BINARY, CONTINUATION, encodeMaskedFrame, type Opcode, PING, TEXT } from '../../src/codec/websocket/index.ts';
import { startEdge } from '../support/edge/edge.ts';
import { Handler, type HandlerSession } from '../support/edge/handler.ts';
import { openRawWebSocket } from '../support/edge/websocket-client.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';

interface Chat {
  readonly client: RawClient;
  readonly session: HandlerSession;
}

async function start(t: TestContext, args: readonly string[] = []) {
  const edge = await startEdge(t, args);
  return { edge, handler: await Handler.start(t, edge.base) };
}

function frame(opcode: Opcode, data: string | Buffer = '', more = false): Buffer {
  return encodeMaskedFrame(opcode, Buffer.from(data as string), 0x1234_5678, more);
}

function open(t: TestContext, address: string, handler: Handler, count: number): Promise<Chat[]> {
  return Array.from({ length: count }).reduce<Promise<Chat[]>>(
    async (chats) => [...(await chats), await openRawWebSocket(t, address, handler, 1_000_000)],
    Promise.resolve([]),
  );
}

/** Each of these clients sends a message, which has to come, and gets one. */
async function chat(innocent: readonly Chat[], text: string): Promise<void> {
  for (const { client } of innocent) client.write(frame(TEXT, text));
  for (const { client, session } of innocent) {
    assert.equal((await session.next('data')).body.toString(), text);
    await session.send({ contentType: 'text', body: Buffer.from('yes') });
    assert.equal((await client.takeBytes(5)).slice(2), 'yes');
  }
}

for (const [what, flood] of [
  ['empty pings', () => frame(PING)],
  ['empty messages', () => frame(TEXT)],
  ['messages of one byte', () => frame(TEXT, 'x')],
  ['fragments of one byte', (n: number) => frame(n === 0 ? TEXT : CONTINUATION, 'x', true)],
] as const) {
  test(`a client that floods ${what} while its handler pauses ends no other client`, async (t) => {
    const { edge, handler } = await start(t);
    const innocent = await open(t, edge.address, handler, 5);
    const [flooder] = (await open(t, edge.address, handler, 1)) as [Chat];
    const go = handler.pause();
    const count = 30_000;
    flooder.client.write(Buffer.concat(Array.from({ length: count }, (_, n) => flood(n))));
    for (const { client } of innocent) client.write(frame(TEXT, 'during'));
    // Another request is answered meanwhile: the edge is at work.
    const client = await connectTo(t, edge.address);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await (await handler.request()).respond('ok');
    assert.equal((await client.takeResponse()).body, 'ok');
    go();
    for (const { session } of innocent) assert.equal((await session.next('data')).body.toString(), 'during');
    for (let n = 0; n < count; n++) await flooder.session.nextOf(['data', 'ping']);
    await chat(innocent, 'afterwards');
    await edge.stop();
  });
}

test('one-byte chunks of a client reach a pausing handler in order', async (t) => {
  const { edge, handler } = await start(t);
  const innocent = await open(t, edge.address, handler, 5);
  const client = await connectTo(t, edge.address);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const session = await handler.request();
  await session.send({ type: 'credit', credits: 1_000_000 });
  const go = handler.pause();
  const count = 30_000;
  for (let n = 0; n < count; n++) client.write(`1\r\n${n % 10}\r\n`);
  client.write('0\r\n\r\n');
  go();
  const body = (await session.takeBody()).toString();
  assert.equal(body, '0123456789'.repeat(count / 10));
  await session.respond('done');
  assert.equal((await client.takeResponse()).body, 'done');
  await chat(innocent, 'afterwards');
  await edge.stop();
});

for (const size of [64, 256]) {
  test(`a message of 4 MiB in fragments of ${size} bytes passes within credits`, async (t) => {
    const { edge, handler } = await start(t);
    const [{ client, session }] = (await open(t, edge.address, handler, 1)) as [Chat];
    const sent = Buffer.alloc(4_194_304);
    for (let i = 0; i < sent.length; i += 4) sent.writeUInt32BE(i, i);
    for (let i = 0; i < sent.length; i += size) {
      client.write(frame(i === 0 ? BINARY : CONTINUATION, sent.subarray(i, i + size), i + size < sent.length));
    }
    assert.ok((await session.takeBody()).equals(sent));
    await edge.stop();
  });
}
