import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { memoryOf } from '../support/fetch/fetcher.ts';
import { ending, MODES, type OriginRig, startOriginRig } from '../support/fetch/origin-rig.ts';
import { settled } from '../support/settled.ts';

const MEGABYTE = 1_048_576;

/** Megabytes that go through. */
const SIZE = 100;

/** Bytes after which it is warm. */
const WARM = 30 * MEGABYTE;

/** Megabytes by which the program may grow once it is warm: far less than goes through. */
const GROWTH = 30;

async function startOrigin(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Runs `act`; returns by how many megabytes the program was larger after the call of `warm` than it had been before. */
async function growth(rig: OriginRig, act: (warm: () => void) => Promise<void>): Promise<number> {
  let largest = 0;
  let before = 0;
  const look = () => {
    largest = Math.max(largest, memoryOf(rig.running.program));
  };
  const timer = setInterval(look, 10);
  await act(() => {
    look();
    before = largest;
  });
  clearInterval(timer);
  return largest - before;
}

for (const framing of ['a length', 'chunks']) {
  test(`${SIZE} MB are downloaded within credits and little memory, with ${framing}`, async (t) => {
    const rig = await startOriginRig(t);
    const chunk = randomFillSync(Buffer.alloc(MEGABYTE));
    const sent = createHash('sha256');
    for (let i = 0; i < SIZE; i++) sent.update(chunk);
    const uri = await startOrigin(t, async (_request, response) => {
      if (framing === 'a length') response.setHeader('Content-Length', SIZE * MEGABYTE);
      for (let i = 0; i < SIZE; i++) {
        if (!response.write(chunk)) await once(response, 'drain');
      }
      response.end();
    });
    const received = createHash('sha256');
    const grown = await growth(rig, async (warm) => {
      const session = await rig.ask({ uri, credits: 200_000 });
      let owed = 0;
      let total = 0;
      for (let more = true; more; ) {
        const packet = await session.next('data');
        received.update(packet.body);
        owed += packet.body.length;
        if (total < WARM && total + packet.body.length >= WARM) warm();
        total += packet.body.length;
        ({ more } = packet);
        rig.requester.frames.length = 0;
        if (!more || owed < 100_000) continue;
        await session.send({ type: 'credit', credits: owed });
        owed = 0;
      }
    });
    assert.equal(received.digest('hex'), sent.digest('hex'));
    assert.ok(grown < GROWTH, `grown by ${grown} MB`);
    await rig.stop();
  });
}

test(`${SIZE} MB are uploaded within credits and little memory`, async (t) => {
  const rig = await startOriginRig(t);
  const received = createHash('sha256');
  const uri = await startOrigin(t, async (request, response) => {
    for await (const chunk of request) received.update(chunk);
    response.end('taken');
  });
  const chunk = randomFillSync(Buffer.alloc(50_000));
  const count = Math.ceil((SIZE * MEGABYTE) / chunk.length);
  const sent = createHash('sha256');
  const grown = await growth(rig, async (warm) => {
    const session = await rig.ask({ method: 'PUT', uri, more: true });
    for (let i = 0; i < count; i++) {
      if (i === Math.ceil(WARM / chunk.length)) warm();
      sent.update(chunk);
      await session.hasCredits(chunk.length);
      await session.send({ body: chunk, more: i < count - 1 });
    }
    assert.equal(await ending(session), '200 taken');
  });
  assert.equal(received.digest('hex'), sent.digest('hex'));
  assert.ok(grown < GROWTH, `grown by ${grown} MB`);
  await rig.stop();
});

test('a requester that takes nothing holds the origin back, and the reverse', async (t) => {
  const rig = await startOriginRig(t);
  let written = 0;
  const down = await startOrigin(t, async (_request, response) => {
    const chunk = Buffer.alloc(MEGABYTE);
    response.on('error', () => {});
    for (let i = 0; i < SIZE && !response.destroyed; i++) {
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      written++;
    }
  });
  const up = await startOrigin(t, (request) => request.pause());
  const download = await rig.ask({ uri: down, credits: 10 });
  const upload = await rig.ask({ method: 'POST', uri: up, more: true });
  let sent = 0;
  const chunk = Buffer.alloc(20_000);
  void (async () => {
    for (;;) {
      await upload.hasCredits(chunk.length);
      await upload.send({ body: chunk, more: true });
      sent += chunk.length;
    }
  })();
  // What the sockets hold on both sides is all that moves.
  assert.ok((await settled(() => written)) < 20);
  assert.ok((await settled(() => sent)) < 20 * MEGABYTE);
  await download.send({ type: 'cancel' });
  await upload.send({ type: 'cancel' });
  await rig.stop();
});

test('a response in one packet may be as large as max_body_bytes', async (t) => {
  const rig = await startOriginRig(t, ['max_body_bytes = 5_000_000']);
  const uri = await startOrigin(t, ({ url }, response) => response.end('x'.repeat(Number(url?.slice(1)))));
  for (const mode of MODES) {
    const fits = await rig.outcome(mode, { uri: `${uri}${mode === 'stream' ? 900_000 : 5_000_000}` });
    assert.equal(fits.length, mode === 'stream' ? 900_004 : 5_000_004);
    if (mode !== 'stream') assert.equal(await rig.outcome(mode, { uri: `${uri}5000001` }), 'undefined-condition');
    assert.equal(await rig.outcome(mode, { uri: `${uri}1000`, maxSize: 1_000 }), `200 ${'x'.repeat(1_000)}`);
    assert.equal(await rig.outcome(mode, { uri: `${uri}1001`, maxSize: 1_000 }), 'max-size-exceeded');
  }
  await rig.stop();
});

test('bodies of every size and framing arrive unchanged', async (t) => {
  const rig = await startOriginRig(t);
  const uri = await startOrigin(t, async (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // One that is broken off gets no answer.
    await once(request, 'end').catch(() => request.socket.destroy());
    const { method, headers } = request;
    const length = headers['content-length'] ?? '-';
    response.end(`${method} ${length} ${headers['transfer-encoding'] ?? '-'} ${Buffer.concat(chunks).length}`);
  });
  const body = (bytes: number) => ({ body: Buffer.alloc(bytes) });
  for (const mode of MODES) {
    const ask = (method: string, fields = {}) => rig.outcome(mode, { method, uri, ...fields });
    assert.equal(await ask('GET'), '200 GET - - 0');
    assert.equal(await ask('DELETE'), '200 DELETE - - 0');
    assert.equal(await ask('POST'), '200 POST 0 - 0');
    assert.equal(await ask('PUT', body(0)), '200 PUT 0 - 0');
    assert.equal(await ask('POST', body(1)), '200 POST 1 - 1');
    assert.equal(await ask('PROPFIND', body(300_000)), '200 PROPFIND 300000 - 300000');
    assert.equal(await ask('GET', body(5)), '200 GET 5 - 5');
    assert.equal(await ask('HEAD'), '200 ');
    assert.equal(await ask('HEAD', body(5)), 'content-not-allowed');
  }
  for (const [headers, expected] of [
    [[], '200 POST - chunked 70000'],
    [['Content-Length', '70000'], '200 POST 70000 - 70000'],
    [['Content-Length', '70001'], 'bad-request'],
    [['Content-Length', '69999'], 'bad-request'],
    [['Content-Length', 'x'], 'bad-request'],
  ] as const) {
    const session = await rig.ask({ method: 'POST', uri, headers: [...headers], more: true, ...body(20_000) });
    if (headers[1] !== 'x') {
      await session.hasCredits(50_000);
      await session.send({ ...body(50_000), more: true });
      await session.send({});
    }
    assert.equal(await ending(session), expected);
  }
  await rig.stop();
});
