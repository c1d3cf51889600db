import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { encodeMaskedFrame, PING, TEXT } from '../../src/codec/websocket/index.ts';
import { turn } from '../support/manual-clock.ts';
import { handlerOf } from '../support/mongrel2/site.ts';
import { type SiteChanges, type SiteRig, startSite, type TestHandler } from '../support/mongrel2/site-rig.ts';
import type { RawClient } from '../support/raw-client.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const HANDSHAKE =
  'GET /h HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const MASK = 0x01020304;

/** A site whose handler is well-behaved: it answers requests of `/good`, and nothing else. */
async function stage(t: TestContext, changes: SiteChanges = {}) {
  const good = handlerOf({ name: 'good' });
  const other = handlerOf();
  const routes = ['/h', '@h', '<h'].map((path) => ({ path, target: other }));
  const rig = await startSite(t, { routes: [...routes, { path: '/good', target: good }], ...changes });
  const handler = await rig.handler(other);
  const answering = await rig.handler(good);
  const assertGoodGoesOn = async (): Promise<void> => {
    const { client, id } = await rig.ask(answering, 'GET /good HTTP/1.1\r\nHost: localhost\r\n\r\n');
    answering.answer(id, OK);
    assert.equal((await client.takeResponse()).body, 'ok');
    assert.equal(rig.counters.faults + rig.serverCounters.faults + rig.zmq.faults, 0);
  };
  return { rig, handler, assertGoodGoesOn };
}

/** As `stage`, with large uploads in files. */
async function spooling(t: TestContext) {
  const folder = temporaryFolder(t);
  const settings = { uploadTempStore: `${folder}/up.XXXXXX`, contentLength: 100 };
  return { folder, ...(await stage(t, { settings })) };
}

function post(length: number): string {
  return `POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;
}

/** Files of the folder that this process has open. */
function openIn(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return [];
    }
  });
}

async function writeEach(client: RawClient, bytes: Buffer): Promise<void> {
  for (const byte of bytes) await new Promise((resolve) => client.socket.write(Buffer.from([byte]), resolve));
}

async function nothingIsLeft(folder: string, { site, counters }: SiteRig): Promise<void> {
  await site.uploads?.whenIdle();
  assert.deepEqual(
    [readdirSync(folder), openIn(folder), counters.uploadsOpen, site.uploads?.held.bytes],
    [[], [], 0, 0],
  );
}

test('uploads that break off, in whatever way, leave neither file nor descriptor', async (t) => {
  const { folder, rig, handler, assertGoodGoesOn } = await spooling(t);
  const chunked = 'POST /h HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
  const starts = [
    post(50_000),
    post(50_000) + 'x'.repeat(30_000),
    post(50_000) + 'x'.repeat(49_999),
    `${chunked}5\r\nhel`,
    `${chunked}5\r\nhello\r\nmalformed\r\n`,
    `${chunked}5\r\nhelloo\r\n`,
  ];
  const malformed = await rig.connect();
  assert.equal((await malformed.request(`${chunked}ffffffffffffffffffff\r\n`)).status, 400);
  const clients: RawClient[] = [];
  for (let i = 0; i < 60; i++) {
    const client = await rig.connect();
    client.write(starts[i % starts.length] as string);
    clients.push(client);
  }
  const begun = new Set<number>();
  const gone = new Set<number>();
  const hear = async (): Promise<void> => {
    const { id, path } = await handler.next();
    (path === '@*' ? gone : begun).add(id);
  };
  while (begun.size < 60) await hear();
  for (const [i, client] of clients.entries()) {
    if (i % 2 === 0) client.reset();
    else client.end();
  }
  while (gone.size < 60) await hear();
  assert.deepEqual([...gone].sort(), [...begun].sort());
  await nothingIsLeft(folder, rig);
  await assertGoodGoesOn();
});

test('uploads that are under way when the site stops leave neither file nor descriptor', async (t) => {
  const { folder, rig, handler } = await spooling(t);
  for (let i = 0; i < 20; i++) {
    const client = await rig.connect();
    client.write(post(50_000) + 'x'.repeat(i * 2_000));
  }
  await handler.messages.take(20);
  rig.server.drain();
  rig.server.destroy();
  await rig.server.whenEmpty();
  await rig.site.stop();
  await nothingIsLeft(folder, rig);
});

test('an upload that drips in byte by byte holds nobody up', async (t) => {
  const { rig, handler, assertGoodGoesOn } = await spooling(t);
  const client = await rig.connect();
  client.write(post(1_000));
  const dripping = writeEach(client, Buffer.alloc(1_000, 'x'));
  await handler.next();
  await assertGoodGoesOn();
  await dripping;
  assert.ok((await handler.next()).headers.has('x-mongrel2-upload-done'));
});

/** Opens a WebSocket. */
async function opened(rig: SiteRig, handler: TestHandler): Promise<RawClient> {
  const { client, id } = await rig.ask(handler, HANDSHAKE);
  handler.answer(id, 'HTTP/1.1 101 x\r\n\r\n');
  await client.take();
  return client;
}

test('a flood of tiny frames, from many clients, holds nobody up, and nothing is lost', async (t) => {
  const { rig, handler, assertGoodGoesOn } = await stage(t);
  const clients = [await opened(rig, handler), await opened(rig, handler), await opened(rig, handler)];
  const flood = Buffer.concat(
    Array.from({ length: 10_000 }, (_, i) => encodeMaskedFrame(i % 2 === 0 ? TEXT : PING, Buffer.alloc(0), MASK)),
  );
  for (const client of clients) client.write(Buffer.from(flood));
  await assertGoodGoesOn();
  await handler.messages.take(30_000);
  assert.equal(rig.site.inputs.bytes, 0);
});

test('messages that are never complete are bounded together, and the largest end', async (t) => {
  const { rig, handler, assertGoodGoesOn } = await stage(t);
  const half = encodeMaskedFrame(TEXT, Buffer.alloc(262_144), MASK).subarray(0, 200_000);
  let most = 0;
  for (let i = 0; i < 400 && rig.counters.clientsBroken === 0; i++) {
    const client = await rig.connect();
    client.write(Buffer.concat([Buffer.from(HANDSHAKE, 'latin1'), half]));
    await handler.next();
    most = Math.max(most, rig.site.inputs.bytes);
  }
  assert.ok(rig.counters.clientsBroken > 0, 'some have ended');
  assert.ok(most < 70_000_000, `${most} bytes`);
  await assertGoodGoesOn();
});

test('any bytes on a WebSocket or a socket end that connection alone', async (t) => {
  const { rig, handler, assertGoodGoesOn } = await stage(t);
  const random = new SeededRandom(11);
  for (let i = 0; i < 150; i++) {
    const start = [HANDSHAKE, '@h {', '<h '][i % 3] as string;
    const client = await rig.connect();
    const bytes = Buffer.from(Array.from({ length: 1 + random.below(300) }, () => random.below(256)));
    client.write(Buffer.concat([Buffer.from(start, 'latin1'), bytes]));
    if (i % 5 === 0) client.reset();
    else client.end();
    await client.closed;
  }
  await assertGoodGoesOn();
  while (rig.site.connections.size > 1) await turn();
  assert.equal(rig.site.inputs.bytes, 0);
  assert.ok(handler.messages.all.length > 0);
});
