import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, type RequestListener, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { brotliDecompressSync, createBrotliDecompress, createGunzip, gunzipSync } from 'node:zlib';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { settled } from '../support/settled.ts';

const TEXT = 'All work and no play makes a dull page. '.repeat(100);

async function compressing(t: TestContext, listener: RequestListener, keys = '') {
  const origin = await startOrigin(t, listener);
  const toml = `[[route]]\nhost = "*"\ntargets = ["${origin}"]\n[route.compress]\n${keys}`;
  const { clients, controlUrl } = await runServer(t, [], toml);
  const publish = async (content: string) => {
    const items = [{ channel: 'a', formats: { 'http-stream': { content }, 'http-response': { body: content } } }];
    const response = await fetch(`${controlUrl}/publish`, { method: 'POST', body: JSON.stringify({ items }) });
    assert.equal(response.status, 200);
  };
  const open = async (accept: string, path = '/', method = 'GET'): Promise<IncomingMessage> => {
    const headers = accept === '' ? {} : { 'Accept-Encoding': accept };
    const outgoing = request(`http://${clients[0]}${path}`, { headers, method, agent: false }).end();
    t.after(() => outgoing.destroy());
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return response;
  };
  return { open, publish };
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The decoded text of a stream, as it comes. */
function decoded(response: IncomingMessage) {
  const decoder = response.headers['content-encoding'] === 'br' ? createBrotliDecompress() : createGunzip();
  let text = '';
  let wake = (): void => {};
  let ended = false;
  decoder.on('data', (chunk: Buffer) => {
    text += chunk;
    wake();
  });
  decoder.on('end', () => {
    ended = true;
    wake();
  });
  response.pipe(decoder);
  const until = async (test: () => boolean) => {
    while (!test()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return text;
  };
  return { until: (expected: string) => until(() => text === expected), end: () => until(() => ended) };
}

test('responses are compressed as the client accepts it', async (t) => {
  const { open } = await compressing(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', ETag: '"one"', 'Accept-Ranges': 'bytes' });
    response.end(TEXT);
  });
  for (const [accept, coding] of [
    ['gzip', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['br;q=0.5, x-gzip', 'gzip'],
    ['*', 'br'],
    ['br;q=0, *;q=0.1', 'gzip'],
    ['identity, gzip;q=0.5', undefined],
    ['gzip;q=0', undefined],
    ['deflate', undefined],
    ['', undefined],
  ] as const) {
    const response = await open(accept);
    const { headers } = response;
    assert.equal(headers['content-encoding'], coding, accept);
    assert.equal(headers.vary, 'Accept-Encoding');
    assert.equal(headers.etag, coding === undefined ? '"one"' : 'W/"one"');
    assert.equal(headers['accept-ranges'], coding === undefined ? 'bytes' : undefined);
    const body = await bodyOf(response);
    const text = coding === 'gzip' ? gunzipSync(body) : coding === 'br' ? brotliDecompressSync(body) : body;
    assert.equal(text.toString(), TEXT);
    if (coding !== undefined) assert.ok(body.length < TEXT.length / 10);
  }
  const { headers } = await open('gzip', '/', 'HEAD');
  assert.deepEqual(
    [headers['content-encoding'], headers['content-length'], headers.etag],
    ['gzip', undefined, 'W/"one"'],
  );
});

test('responses that must stay as they are do', async (t) => {
  const cases: Record<string, [number, Record<string, string>, string]> = {
    '/coded': [200, { 'Content-Encoding': 'deflate' }, TEXT],
    '/no-transform': [200, { 'Cache-Control': 'public, No-Transform' }, TEXT],
    '/part': [206, { 'Content-Range': 'bytes 0-3999/8000' }, TEXT],
    '/digest': [200, { 'Content-Digest': 'sha-256=:x:' }, TEXT],
    '/image': [200, { 'Content-Type': 'image/png' }, TEXT],
    '/short': [200, {}, TEXT.slice(0, 999)],
  };
  const { open } = await compressing(t, ({ url }, response) => {
    const [status, headers, body] = cases[url ?? ''] ?? assert.fail(url);
    response.writeHead(status, {
      'Content-Type': 'text/plain',
      'Content-Length': body.length,
      ETag: '"one"',
      ...headers,
    });
    response.end(body);
  });
  for (const [path, [status, headers, body]] of Object.entries(cases)) {
    const response = await open('gzip, br', path);
    assert.equal(response.statusCode, status);
    assert.equal(response.headers['content-encoding'], headers['Content-Encoding'], path);
    assert.equal(response.headers.etag, '"one"');
    assert.equal((await bodyOf(response)).toString(), body);
  }
});

test('each part of a stream that an origin sends comes at once', async (t) => {
  let go = (): void => {};
  const { open } = await compressing(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: one\n\n');
    go = () => response.end('data: two\n\n');
  });
  for (const coding of ['gzip', 'br']) {
    const stream = decoded(await open(coding));
    await stream.until('data: one\n\n');
    go();
    assert.equal(await stream.end(), 'data: one\n\ndata: two\n\n');
  }
});

test('held streams are compressed item by item, also those of clients that take br alone', async (t) => {
  const { open, publish } = await compressing(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Grip-Hold': 'stream', 'Grip-Channel': 'a' });
    response.end('open\n');
  });
  const responses = await Promise.all(['br, gzip', 'gzip', 'br'].map((accept) => open(accept)));
  assert.deepEqual(
    responses.map(({ headers }) => headers['content-encoding']),
    ['gzip', 'gzip', 'br'],
  );
  const plain = await open('');
  assert.equal(plain.headers['content-encoding'], undefined);
  plain.resume();
  const streams = responses.map(decoded);
  await Promise.all(streams.map((stream) => stream.until('open\n')));
  await publish('one\n');
  await Promise.all(streams.map((stream) => stream.until('open\none\n')));
  const large = `${TEXT.repeat(50)}\n`;
  await publish(large);
  await publish('two\n');
  await Promise.all(streams.map((stream) => stream.until(`open\none\n${large}two\n`)));
});

test('published responses are compressed', async (t) => {
  const { open, publish } = await compressing(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Grip-Hold': 'response', 'Grip-Channel': 'a' }).end();
  });
  const held = [open('gzip'), open('gzip'), open('br')];
  // Publishing again until all are held: how long that takes is not known.
  let left = held.length;
  for (const response of held) response.finally(() => left--);
  while (left > 0) await publish(TEXT);
  for (const pending of held) {
    const response = await pending;
    const body = await bodyOf(response);
    const text = response.headers['content-encoding'] === 'br' ? brotliDecompressSync(body) : gunzipSync(body);
    assert.equal(text.toString(), TEXT);
  }
});

test('a slow client holds the origin back', async (t) => {
  let written = 0;
  const { open } = await compressing(
    t,
    (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' });
      const chunk = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff));
      const write = (): void => {
        while (written < 200_000_000) {
          written += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
    },
    'codings = ["gzip"]\n',
  );
  const response = await open('gzip');
  response.pause();
  await settled(() => written);
  assert.ok(written < 100_000_000, `${written} bytes`);
});
