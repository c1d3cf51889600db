import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import { PublishError, Publisher } from '../../../src/publish-client/index.ts';
import { startOrigin } from '../../support/origin.ts';

interface Taken {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly items: readonly Record<string, unknown>[];
}

/** A publish endpoint that has `respond` respond. */
function endpoint(respond: (taken: Taken, earlier: number) => void): { listener: RequestListener; taken: Taken[] } {
  const taken: Taken[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { items } = JSON.parse(Buffer.concat(chunks).toString()) as { items: Record<string, unknown>[] };
      const one = { request, response, items };
      taken.push(one);
      respond(one, taken.length - 1);
    });
  };
  return { listener, taken };
}

const ok = ({ response }: Taken): void => void response.end('Published\n');

test('items that are published while a request is on its way go in the next one, in their order, on one connection', async (t) => {
  let answerFirst = (): void => {};
  const { listener, taken } = endpoint((one, earlier) => {
    if (earlier > 0) ok(one);
    else answerFirst = () => ok(one);
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  const first = publisher.publish('a', '0');
  while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const more = [1, 2, 3].map((n) => publisher.publish('a', { httpStream: String(n), id: String(n) }));
  answerFirst();
  await Promise.all([first, ...more]);
  assert.deepEqual(
    taken.map(({ items }) => items),
    [
      [
        {
          channel: 'a',
          formats: { 'http-response': { body: '0' }, 'http-stream': { content: '0' }, 'ws-message': { content: '0' } },
        },
      ],
      [1, 2, 3].map((n) => ({ channel: 'a', id: String(n), formats: { 'http-stream': { content: String(n) } } })),
    ],
  );
  const sockets = new Set(taken.map(({ request }) => request.socket));
  assert.equal(sockets.size, 1);
  assert.equal(taken[0]?.request.url, '/publish/');
});

test('batches keep to their size', async (t) => {
  const { listener, taken } = endpoint(ok);
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`, { maxBatchBytes: 300 });
  t.after(() => publisher.close());
  await Promise.all(Array.from({ length: 5 }, () => publisher.publish('a', { httpStream: 'x'.repeat(80) })));
  assert.deepEqual(
    taken.map(({ items }) => items.length),
    [2, 2, 1],
  );
});

test('of a batch that is refused only the item fails that is wrong', async (t) => {
  const { listener } = endpoint(({ items, response }) => {
    if (items.every(({ channel }) => channel !== 'bad')) response.end('Published\n');
    else response.writeHead(400).end('Invalid format: bad\n');
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  const results = await Promise.allSettled(['a', 'b', 'bad', 'c', 'd'].map((name) => publisher.publish(name, 'x')));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
  const [, , bad] = results;
  assert.match(String((bad as PromiseRejectedResult).reason), /responded with 400: Invalid format: bad/);
});

test('a server that is busy is asked again, and no later than it says', async (t) => {
  const { listener, taken } = endpoint((one, earlier) => {
    if (earlier > 1) ok(one);
    else one.response.writeHead(earlier === 0 ? 503 : 429, { 'Retry-After': '0' }).end('later\n');
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  await publisher.publish('a', 'x');
  assert.equal(taken.length, 3);
});

test('a connection that is lost after the items were sent is tried again only for items with ids', async (t) => {
  const { listener, taken } = endpoint((one) => {
    if (taken.length === 2) ok(one);
    else one.request.socket.destroy();
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  await publisher.publish('a', { httpStream: 'x', id: '1' });
  assert.equal(taken.length, 2);
  const lost = await publisher.publish('a', 'x').then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(lost instanceof PublishError);
  assert.deepEqual([lost.status, lost.maybePublished, taken.length], [0, true, 3]);
});

test('without a server the error says so, after the retries', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const publisher = new Publisher(`http://127.0.0.1:${port}`, { retries: 1 });
  const error = await publisher.publish('a', 'x').catch((reason: unknown) => reason);
  assert.ok(error instanceof PublishError);
  assert.match(error.message, /^cannot publish to 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  assert.equal(error.maybePublished, false);
  await publisher.close();
});

test('a server that says nothing is given up after the timeout', async (t) => {
  const { listener } = endpoint(() => {});
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`, { timeout: 0.05 });
  t.after(() => publisher.close());
  await assert.rejects(publisher.publish('a', 'x'), /no response within 0\.05 s/);
});

test('at the bound of what may wait, items are refused', async (t) => {
  const answers: (() => void)[] = [];
  const { listener, taken } = endpoint((one) => answers.push(() => ok(one)));
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`, { maxQueuedBytes: 600 });
  t.after(() => publisher.close());
  const first = publisher.publish('a', 'x');
  while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const second = publisher.publish('a', { httpStream: 'x' });
  const third = publisher.publish('a', { httpStream: 'x' });
  await assert.rejects(publisher.publish('a', { httpStream: 'x'.repeat(100) }), /more than 600 bytes wait/);
  answers[0]?.();
  while (taken.length === 1) await new Promise((resolve) => setImmediate(resolve));
  answers[1]?.();
  await Promise.all([first, second, third]);
});

test('several servers each get the items, and the error names those that did not take them', async (t) => {
  const one = endpoint(ok);
  const other = endpoint(({ response }) => void response.writeHead(403).end('no'));
  const hosts = [await startOrigin(t, one.listener), await startOrigin(t, other.listener)];
  const publisher = new Publisher(hosts.map((host) => `http://${host}`));
  t.after(() => publisher.close());
  const error = await publisher.publish('a', 'x').catch((reason: unknown) => reason);
  assert.ok(error instanceof PublishError);
  assert.equal(error.message, `${hosts[1]} responded with 403: no`);
  assert.equal(one.taken.length, 1);
});

test('credentials are those of the URL or of the options', async (t) => {
  const { listener, taken } = endpoint(ok);
  const host = await startOrigin(t, listener);
  const authorization = async (...args: ConstructorParameters<typeof Publisher>): Promise<string> => {
    const publisher = new Publisher(...args);
    await publisher.publish('a', 'x');
    await publisher.close();
    return taken.at(-1)?.request.headers.authorization ?? '';
  };
  assert.equal(await authorization(`http://${host}/publish/`), '');
  assert.equal(await authorization(`http://me:p%40ss@${host}`), `Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  assert.equal(await authorization(`http://${host}`, { token: () => 'fresh' }), 'Bearer fresh');
  assert.equal(await authorization(`http://${host}?key=plain`), 'Bearer plain');
  const signed = await authorization(`http://${host}?iss=realm&key=base64:c2VjcmV0`);
  const { payload } = await jwtVerify(signed.slice('Bearer '.length), Buffer.from('secret'));
  assert.equal(payload.iss, 'realm');
});

test('close sends what waits, and then nothing is taken', async (t) => {
  const { listener, taken } = endpoint(ok);
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  const published = publisher.publish('a', 'x');
  await publisher.close();
  await published;
  assert.equal(taken.length, 1);
  await assert.rejects(publisher.publish('a', 'x'), /closed/);
});

test('what is no URL or no credentials is refused, and not quoted', () => {
  assert.throws(() => new Publisher('localhost:secret'), /^TypeError: the server is not a URL: expected http/);
  assert.throws(() => new Publisher('tcp://127.0.0.1:1'), /not a URL: expected http/);
  assert.throws(() => new Publisher([]), /no server/);
  assert.throws(() => new Publisher('http://a', { user: 'a:b' }), /colon/);
  assert.throws(() => new Publisher('http://a', { key: '', issuer: 'i' }), /the key is empty/);
});

const ELSEWHERE = ['http://a.example', 'http://10.0.0.1:5561', 'http://127.evil.example', 'http://[2001:db8::1]'];

test('credentials are not sent over plain http to another machine, unless that is allowed by name', () => {
  for (const server of ELSEWHERE) {
    for (const given of [
      { token: 'hush' },
      { token: () => 'hush' },
      { user: 'ann', password: 'hush' },
      { key: 'hush' },
    ]) {
      assert.throws(
        () => new Publisher(server, given),
        /^TypeError: credentials are only sent over https, or over http/,
      );
      assert.ok(new Publisher(server, { ...given, allowInsecure: true }));
    }
    assert.ok(new Publisher(server));
  }
  for (const server of ['http://ann:hush@a.example', 'http://a.example?key=hush', 'http://a.example?iss=i&key=hush']) {
    assert.throws(
      () => new Publisher(['http://localhost', server]),
      (error: Error) => /allowInsecure/.test(error.message) && !error.message.includes('hush'),
    );
  }
  for (const server of ['https://a.example', 'http://localhost:1', 'http://127.0.0.2', 'http://[::1]:1'])
    assert.ok(new Publisher(server, { token: 'hush' }));
});

test('of a long response the beginning is in the error, and a server that does not stop is cut off', async (t) => {
  const closed: Promise<unknown>[] = [];
  const { listener } = endpoint(({ response }) => {
    closed.push(once(response, 'close'));
    response.writeHead(500);
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(10_000)));
    };
    response.on('drain', more);
    more();
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  await assert.rejects(publisher.publish('a', 'x'), /responded with 500: x{2000}$/);
  await Promise.all(closed);
});

test('Retry-After may be a date', async (t) => {
  const { listener, taken } = endpoint((one, earlier) => {
    if (earlier > 0) ok(one);
    else one.response.writeHead(503, { 'Retry-After': new Date(0).toUTCString() }).end();
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  await publisher.publish('a', 'x');
  assert.equal(taken.length, 2);
});

test('each request has a key of its own, which its retries have too', async (t) => {
  const keys: unknown[] = [];
  const { listener } = endpoint(({ request, response }, earlier) => {
    keys.push(request.headers['idempotency-key']);
    if (earlier === 0) response.writeHead(503, { 'Retry-After': '0' }).end();
    else response.end('Published\n');
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  await publisher.publish('a', '1');
  await publisher.publish('a', '2');
  assert.equal(keys.length, 3);
  assert.match(String(keys[0]), /^"[0-9a-f-]{36}"$/);
  assert.equal(keys[1], keys[0]);
  assert.notEqual(keys[2], keys[0]);
});

test('after a lost connection items without ids are sent again only to servers that have shown that they know keys', async (t) => {
  for (const knows of [true, false]) {
    const { listener, taken } = endpoint(({ request, response }, earlier) => {
      if (earlier === 1) response.destroy();
      else response.writeHead(200, knows ? { 'Idempotency-Key': request.headers['idempotency-key'] } : {}).end();
    });
    const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
    t.after(() => publisher.close());
    await publisher.publish('a', '1');
    if (knows) await publisher.publish('a', '2');
    else await assert.rejects(publisher.publish('a', '2'), { maybePublished: true });
    assert.equal(taken.length, knows ? 3 : 2);
  }
});

test('an item with an idempotency key is sent again, with its version, ttl and retain', async (t) => {
  const { listener, taken } = endpoint(({ response }, earlier) => {
    if (earlier === 0) response.destroy();
    else response.end();
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  await publisher.publish('a', { httpStream: 'x', idempotencyKey: 'k', version: 3, ttl: 60, retain: false });
  assert.equal(taken.length, 2);
  const item = {
    channel: 'a',
    'idempotency-key': 'k',
    version: 3,
    ttl: 60,
    retain: false,
    formats: { 'http-stream': { content: 'x' } },
  };
  assert.deepEqual(taken[1]?.items, [item]);
});

test('of a batch in which one key was used for other content only that item fails', async (t) => {
  const { listener } = endpoint(({ items, response }) => {
    if (items.some(({ channel }) => channel === 'reused')) response.writeHead(422).end('reused\n');
    else response.end('Published\n');
  });
  const publisher = new Publisher(`http://${await startOrigin(t, listener)}`);
  t.after(() => publisher.close());
  const results = await Promise.allSettled(['a', 'reused', 'b'].map((channel) => publisher.publish(channel, 'x')));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});
