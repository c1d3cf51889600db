import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { constants, createBrotliCompress, createDeflate, createDeflateRaw, createGzip } from 'node:zlib';
import { memoryOf } from '../support/fetch/fetcher.ts';
import { type OriginRig, startOriginRig } from '../support/fetch/origin-rig.ts';
import { acceptWebSocket, serverFrame } from '../support/fetch/websocket-origin.ts';

const MEGABYTE = 1_048_576;

/** Megabytes in a bomb. */
const SIZE = 200;

/** Megabytes by which the program may grow meanwhile: a window of brotli has 16, and those of the runs before may still be there. */
const GROWTH = 80;

const CODERS = {
  gzip: () => createGzip({ level: 1 }),
  deflate: () => createDeflate({ level: 1 }),
  br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  'permessage-deflate': () => createDeflateRaw({ level: 1 }),
} as const;

/** So many megabytes of nothing, packed. */
async function bomb(coding: keyof typeof CODERS): Promise<Buffer> {
  const stream = CODERS[coding]();
  const packed: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => packed.push(chunk));
  const zeros = Buffer.alloc(MEGABYTE);
  for (let i = 0; i < SIZE; i++) {
    if (!stream.write(zeros)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'end');
  return Buffer.concat(packed);
}

/** Runs `act`, within which the program must not grow. */
async function withoutGrowth(rig: OriginRig, act: () => Promise<void>): Promise<void> {
  const before = memoryOf(rig.running.program);
  let largest = before;
  const timer = setInterval(() => {
    largest = Math.max(largest, memoryOf(rig.running.program));
  }, 5);
  await act();
  clearInterval(timer);
  assert.ok(largest - before < GROWTH, `grown from ${before} MB to ${largest} MB`);
}

for (const coding of ['gzip', 'deflate', 'br'] as const) {
  test(`a ${coding} bomb takes no more memory than its requester has allowed`, async (t) => {
    const rig = await startOriginRig(t, ['max_body_bytes = 1_000_000']);
    const packed = await bomb(coding);
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${packed.length}\r\n\r\n`;
    const uri = `http://${await rig.origin(Buffer.concat([Buffer.from(head), packed]))}/`;
    await withoutGrowth(rig, async () => {
      for (const mode of ['req', 'single'] as const) {
        assert.equal(await rig.outcome(mode, { uri }), 'undefined-condition');
        assert.equal(await rig.outcome(mode, { uri, maxSize: 500_000 }), 'max-size-exceeded');
      }
      assert.equal(await rig.outcome('stream', { uri, maxSize: 500_000 }), 'max-size-exceeded');
      // With credit for a part of it the rest stays packed.
      const session = await rig.ask({ uri, credits: 100_000 });
      let received = 0;
      while (received < 100_000) received += (await session.next('data')).body.length;
      for (let i = 0; i < 100; i++) {
        await session.send({ type: 'credit', credits: 10_000 });
        for (let left = 10_000; left > 0; ) left -= (await session.next('data')).body.length;
      }
      await session.send({ type: 'cancel' });
    });
    await rig.stop();
  });

  test(`a ${coding} bomb that is not wanted is not decoded`, async (t) => {
    const rig = await startOriginRig(t);
    const packed = await bomb(coding);
    const head = `HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Encoding: ${coding}\r\nContent-Length: ${packed.length}\r\n\r\n`;
    const authority = await rig.scripted(async (peer) => {
      for (;;) {
        if ((await peer.take()).startsWith('GET /there'))
          peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine');
        else peer.write(Buffer.concat([Buffer.from(head), packed]));
      }
    });
    await withoutGrowth(rig, async () => {
      const outcome = await rig.outcome('req', { uri: `http://${authority}/`, followRedirects: true, maxSize: 10 });
      assert.equal(outcome, '200 fine');
    });
    await rig.stop();
  });
}

test('a bomb in a WebSocket message is inflated as its requester takes it', async (t) => {
  const rig = await startOriginRig(t, ['compression = true', 'buffer_size = 1_000_000']);
  const packed = await bomb('permessage-deflate');
  const authority = await rig.scripted(async (peer) => {
    await acceptWebSocket(peer, 'Sec-WebSocket-Extensions: permessage-deflate\r\n');
    peer.write(serverFrame(0xc2, packed));
  });
  await withoutGrowth(rig, async () => {
    const session = await rig.ask({ uri: `ws://${authority}/`, credits: 50_000 });
    assert.equal((await session.next('data')).code, 101);
    for (let i = 0; i < 20; i++) {
      for (let left = 50_000; left > 0; ) left -= (await session.next('data')).body.length;
      await session.send({ type: 'credit', credits: 50_000 });
    }
    await session.send({ type: 'cancel' });
  });
  await rig.stop();
});
