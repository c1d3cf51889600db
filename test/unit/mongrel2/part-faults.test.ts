import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { encodeMaskedFrame, TEXT } from '../../../src/codec/websocket/index.ts';
import { ClientInput } from '../../../src/mongrel2/client-input.ts';
import { HandlerUpload } from '../../../src/mongrel2/handler-upload.ts';
import { HandlerWebSocket } from '../../../src/mongrel2/handler-websocket.ts';
import { InputFeed } from '../../../src/mongrel2/input-feed.ts';
import { SocketConnection } from '../../../src/mongrel2/socket-connection.ts';
import { SpooledUpload } from '../../../src/mongrel2/spooled-upload.ts';
import { StreamedUpload } from '../../../src/mongrel2/streamed-upload.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { type SiteChanges, startSite } from '../../support/mongrel2/site-rig.ts';
import { settled } from '../../support/settled.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { throwOnce } from '../../support/throw-once.ts';

const HANDSHAKE =
  'GET /h HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const UPLOAD = `POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30000\r\n\r\n${'x'.repeat(30_000)}`;
const MESSAGE = encodeMaskedFrame(TEXT, Buffer.from('x'), 1);

/** A site with another client that waits for its answer, and what shows that it gets it, and that just one fault was counted and logged. */
async function start(t: TestContext, settings: SiteChanges['settings'] = {}) {
  const target = handlerOf();
  const rig = await startSite(t, { settings, routes: ['/h', '@h'].map((path) => ({ path, target })) });
  const handler = await rig.handler();
  const other = await rig.ask(handler);
  const assertOthersGoOn = async (): Promise<void> => {
    handler.answer(other.id, 'other');
    assert.equal(await other.client.takeBytes(5), 'other');
    assert.equal(rig.counters.faults + rig.serverCounters.faults + rig.zmq.faults, 1);
    assert.match(String(rig.log.of('internal error')[0]?.detail), /thrown by/);
  };
  return { rig, handler, assertOthersGoOn };
}

test('a fault in a message of a WebSocket ends it alone, with a notice', async (t) => {
  const { rig, handler, assertOthersGoOn } = await start(t);
  const { client, id } = await rig.ask(handler, HANDSHAKE);
  throwOnce(t, HandlerWebSocket.prototype, 'onWebSocketMessage');
  client.write(Buffer.from(MESSAGE));
  assert.equal(await handler.nextGone(), id);
  await client.ended;
  await assertOthersGoOn();
});

test('a fault in a further share of messages ends the WebSocket alone', async (t) => {
  const { rig, handler, assertOthersGoOn } = await start(t);
  const { client, id } = await rig.ask(handler, HANDSHAKE);
  throwOnce(t, ClientInput.prototype, 'onTurn');
  client.write(Buffer.concat(Array.from({ length: 1_000 }, () => MESSAGE)));
  for (;;) {
    const { path, id: gone } = await handler.next();
    if (path !== '@*') continue;
    assert.equal(gone, id);
    break;
  }
  await client.ended;
  await assertOthersGoOn();
});

test('a fault when a process takes a message that has waited ends the WebSocket alone', async (t) => {
  const { rig, handler, assertOthersGoOn } = await start(t);
  const { client, id } = await rig.ask(handler, HANDSHAKE);
  throwOnce(t, InputFeed.prototype, 'onTaken');
  handler.pull.pause();
  const large = encodeMaskedFrame(TEXT, Buffer.alloc(200_000), 1);
  // No more than it takes until the client is not read: all of it goes on to the handler.
  for (let before = -1; before !== rig.counters.messagesSent; ) {
    before = await settled(() => rig.counters.messagesSent);
    while (client.socket.writableLength < 1_000_000) client.write(Buffer.from(large));
    await settled(() => rig.counters.messagesSent);
  }
  handler.pull.resume();
  for (;;) {
    const { path, id: gone } = await handler.next();
    if (path !== '@*') continue;
    assert.equal(gone, id);
    break;
  }
  await assertOthersGoOn();
});

test('a fault in a message of a socket ends it alone', async (t) => {
  const { rig, handler, assertOthersGoOn } = await start(t);
  throwOnce(t, SocketConnection.prototype, 'onSocketMessage');
  const client = await rig.connect();
  client.write('@h {}\0');
  await client.ended;
  assert.equal(handler.messages.all.length, 0);
  await assertOthersGoOn();
});

for (const method of ['onOpened', 'onWritten', 'onComplete', 'onRequestData'] as const) {
  test(`a fault in an upload to a file ends it alone, and leaves no file: ${method}`, async (t) => {
    const folder = temporaryFolder(t);
    const { rig, handler, assertOthersGoOn } = await start(t, { uploadTempStore: `${folder}/up.XXXXXX` });
    throwOnce(t, SpooledUpload.prototype, method);
    const client = await rig.connect();
    client.write(UPLOAD);
    await client.ended;
    if (method !== 'onOpened') {
      const { id } = await handler.next();
      assert.equal(await handler.nextGone(), id);
    }
    await rig.site.uploads?.whenIdle();
    assert.deepEqual(readdirSync(folder), []);
    await assertOthersGoOn();
  });
}

for (const [prototype, method] of [
  [StreamedUpload.prototype, 'onTurnEnd'],
  [HandlerUpload.prototype, 'grant'],
] as const) {
  test(`a fault in a streamed upload ends it alone: ${method}`, async (t) => {
    const { rig, handler, assertOthersGoOn } = await start(t, { uploadStream: true });
    throwOnce(t, prototype as unknown as Record<string, unknown>, method);
    const client = await rig.connect();
    client.write(UPLOAD);
    if (method === 'grant') {
      const { id } = await handler.next();
      handler.control(id, { credits: 10 });
      assert.equal(await handler.nextGone(), id);
    }
    await client.ended;
    await assertOthersGoOn();
  });
}
