import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { manualClock, turn } from '../support/manual-clock.ts';
import type { RawClient, RawResponse } from '../support/raw-client.ts';
import { startRecordingOrigin } from '../support/recording-origin.ts';
import { type Changes, type RunningApp, startApp } from '../support/running-app.ts';

interface Rig {
  readonly app: RunningApp;
  /** Held on the channel `c`, and gets what is published there. */
  readonly client: RawClient;
}

async function rig(t: TestContext, changes: Changes = {}): Promise<Rig> {
  const origin = await startRecordingOrigin(t);
  origin.respond = (response) => {
    response.setHeader('Grip-Hold', 'stream').setHeader('Grip-Channel', 'c').end('begin\n');
  };
  const app = await startApp(t, [origin.route], changes);
  const client = await app.connect();
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await client.takeHead();
  assert.equal(await client.takeChunk(), 'begin\n');
  return { app, client };
}

/** An honest publisher is heard as ever, and the held client has got nothing else since. */
async function assertUndisturbed({ app, client }: Rig): Promise<void> {
  await app.publishStream('c', 'honest\n');
  assert.equal(await client.takeChunk(), 'honest\n');
}

function post(body: string, fields = `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n`): string {
  return `POST /publish HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n${body}`;
}

async function send({ app }: Rig, bytes: string): Promise<RawResponse> {
  return (await app.connectControl()).request(bytes);
}

const GOOD = { channel: 'c', formats: { 'http-stream': { content: 'from a refused batch\n' } } };
/** Members nested so deep that a reader which recurses runs out of stack. */
const DEEP = 100_000;

const REFUSED: readonly { readonly what: string; readonly body: string }[] = [
  { what: 'no JSON', body: 'items' },
  { what: 'an empty body', body: '' },
  { what: 'half a JSON text', body: '{"items":[{"channel":"c"' },
  { what: 'two JSON texts', body: '{"items":[]}{"items":[]}' },
  { what: 'JSON that is no object', body: '[]' },
  { what: 'deep lists', body: `{"items":${'['.repeat(DEEP)}${']'.repeat(DEEP)}}` },
  { what: 'deep objects', body: `{"items":${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}}` },
  { what: 'deep lists that do not end', body: '['.repeat(900_000) },
  {
    what: 'bytes that are no UTF-8',
    body: '{"items":[{"channel":"\xff\xfe","formats":{"http-stream":{"content":"x"}}}]}',
  },
  { what: 'no items', body: '{}' },
  { what: 'items that are no list', body: '{"items":{"0":{}}}' },
];

for (const { what, body } of REFUSED) {
  test(`a publish of ${what} gets a 400, counted and logged`, async (t) => {
    const it = await rig(t);
    assert.equal((await send(it, post(body))).status, 400);
    assert.equal(it.app.app.counters.control.publishesRefused, 1);
    assert.equal(it.app.log.with('publish refused')[0]?.level, 'info');
    await assertUndisturbed(it);
  });
}

const BAD_ITEMS: readonly { readonly what: string; readonly item: unknown }[] = [
  { what: 'an item that is no object', item: 'c' },
  { what: 'an item that is null', item: null },
  { what: 'an item without a channel', item: { formats: { 'http-stream': { content: 'x' } } } },
  { what: 'a channel that is no text', item: { channel: 7, formats: { 'http-stream': { content: 'x' } } } },
  { what: 'an item without formats', item: { channel: 'c' } },
  { what: 'formats that are a list', item: { channel: 'c', formats: [] } },
  { what: 'a stream without content', item: { channel: 'c', formats: { 'http-stream': {} } } },
  { what: 'content that is no text', item: { channel: 'c', formats: { 'http-stream': { content: {} } } } },
  { what: 'an unknown action', item: { channel: 'c', formats: { 'http-stream': { action: 'explode' } } } },
  { what: 'a code out of range', item: { channel: 'c', formats: { 'http-response': { code: 1e9, body: '' } } } },
  {
    what: 'headers that are no headers',
    item: { channel: 'c', formats: { 'http-response': { headers: 1, body: '' } } },
  },
  {
    what: 'a header with a line end',
    item: { channel: 'c', formats: { 'http-response': { headers: { a: 'b\r\nc: d' }, body: '' } } },
  },
  { what: 'a patch that is no list', item: { channel: 'c', formats: { 'http-response': { 'body-patch': {} } } } },
  { what: 'metadata that is no object', item: { ...GOOD, meta: ['a'] } },
  { what: 'a size that is no number', item: { ...GOOD, size: 'large' } },
];

for (const { what, item } of BAD_ITEMS) {
  test(`a batch with ${what} anywhere is refused whole`, async (t) => {
    const it = await rig(t);
    for (const items of [
      [GOOD, item],
      [item, GOOD],
      [GOOD, item, GOOD],
    ]) {
      assert.equal((await it.app.post(items)).status, 400);
    }
    assert.deepEqual([it.app.counters.itemsPublished, it.app.app.counters.control.publishesRefused], [0, 3]);
    await assertUndisturbed(it);
  });
}

test("names of JavaScript's prototypes have no effect in items", async (t) => {
  const it = await rig(t);
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const text = JSON.stringify(name);
    const stream = '{"http-stream":{"content":"x"}}';
    // As a channel it is a name like any other.
    const channel = await send(it, post(`{"items":[{"channel":${text},"formats":${stream}}]}`));
    assert.equal(channel.status, 200);
    const meta = await send(it, post(`{"items":[{"channel":"d","meta":{${text}:"x"},"formats":${stream}}]}`));
    assert.equal(meta.status, 200);
    // In the place of a format it is one that nobody knows.
    const format = await send(
      it,
      post(`{"items":[{"channel":"c","formats":{${text}:{"http-stream":{"content":"x"}}}}]}`),
    );
    assert.equal(format.status, 200);
    await send(it, post(`{"items":[{${text}:{"polluted":"yes"},"channel":"d","formats":${stream}}]}`));
  }
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  await assertUndisturbed(it);
});

test('a body over the limit gets a 413, with Content-Length or not, and is not published', async (t) => {
  const it = await rig(t, { control: { maxBodyBytes: 10_000 } });
  const body = JSON.stringify({ items: [GOOD], padding: 'x'.repeat(10_000) });
  assert.equal((await send(it, post(body))).status, 413);
  const chunked = post(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`, 'Transfer-Encoding: chunked\r\n');
  assert.equal((await send(it, chunked)).status, 413);
  // It is told from the head alone, before a byte of a body that would never end.
  const endless = await send(it, post('', 'Content-Length: 9007199254740991\r\nExpect: 100-continue\r\n'));
  assert.equal(endless.status, 413);
  assert.equal(it.app.app.counters.control.publishesRefused, 3);
  await assertUndisturbed(it);
});

test('a chunked body without end gets a 413 as soon as it is over the limit', async (t) => {
  const it = await rig(t, { control: { maxBodyBytes: 10_000 } });
  const publisher = await it.app.connectControl();
  publisher.write(post('', 'Transfer-Encoding: chunked\r\n'));
  for (let sent = 0; publisher.text === ''; sent++) {
    assert.ok(sent < 50_000);
    publisher.write('1\r\n \r\n');
    if (sent % 100 === 0) await turn();
  }
  assert.equal((await publisher.takeResponse()).status, 413);
  assert.equal(await publisher.ended, 'fin');
  await assertUndisturbed(it);
});

test('a publish request that ends early is refused, and nothing of it is delivered', async (t) => {
  const it = await rig(t);
  const whole = post(JSON.stringify({ items: [GOOD] }));
  for (const length of [1, 20, whole.indexOf('\r\n\r\n') + 4, whole.length - 1]) {
    const publisher = await it.app.connectControl();
    publisher.end(whole.slice(0, length));
    assert.equal((await publisher.takeResponse()).status, 400);
    const leaving = await it.app.connectControl();
    leaving.write(whole.slice(0, length)).reset();
  }
  assert.equal(it.app.counters.itemsPublished, 0);
  await assertUndisturbed(it);
});

test('a publisher that sends slowly gets a 408', async (t) => {
  const advance = manualClock(t);
  const it = await rig(t, { server: { headerTimeout: 5, bodyTimeout: 5 } });
  for (const part of ['POST /publish HT', post('{"items":', 'Content-Length: 1000\r\n')]) {
    const publisher = await it.app.connectControl();
    publisher.write(part);
    // The request counts as begun once the server has read it, which the answer to a later one shows.
    await send(it, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    advance(5);
    assert.equal((await publisher.takeResponse()).status, 408);
  }
  await assertUndisturbed(it);
});

test('a publisher that sends a byte now and then gets a 408 when its request has taken too long', async (t) => {
  const advance = manualClock(t);
  const it = await rig(t, { control: { requestTimeout: 30 } });
  const publisher = await it.app.connectControl();
  publisher.write(post('{', 'Content-Length: 1000\r\n'));
  await send(it, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  for (let second = 0; second < 30; second++) {
    publisher.write(' ');
    await send(it, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    advance(1);
  }
  assert.equal((await publisher.takeResponse()).status, 408);
  await assertUndisturbed(it);
});

test('idempotency keys that are too long, binary or given twice are refused, and nothing is published', async (t) => {
  const it = await rig(t);
  const field = (value: string) => `Idempotency-Key: ${value}\r\n`;
  const long = 'x'.repeat(100_000);
  const fields = [
    field('x'.repeat(1_025)),
    field(`"${'\\"'.repeat(1_025)}"`),
    field(''),
    field('""'),
    field('"a'),
    field('\xff\xfe'),
    field('"\x80"'),
    field('a') + field('a'),
    field('a, b'),
  ];
  const body = JSON.stringify({ items: [GOOD] });
  for (const each of fields)
    assert.equal((await send(it, post(body, `Content-Length: ${body.length}\r\n${each}`))).status, 400, each);
  // It is longer than the header may be.
  assert.equal((await send(it, post(body, `Content-Length: ${body.length}\r\n${field(long)}`))).status, 400);
  for (const key of [long, '', 'x'.repeat(1_025), '\u0800'.repeat(400), null, 1, ['a']]) {
    const item = { ...GOOD, 'idempotency-key': key };
    assert.equal((await send(it, post(JSON.stringify({ items: [GOOD, item] })))).status, 400, String(key).slice(0, 10));
  }
  assert.equal(it.app.counters.itemsPublished, 0);
  for (const key of ['\0', '\ud800', '__proto__', '\u007f\r\n', ' ']) {
    const item = { channel: 'c', 'idempotency-key': key, formats: { 'http-stream': { content: 'x' } } };
    assert.equal((await send(it, post(JSON.stringify({ items: [item] })))).status, 200);
    assert.equal((await send(it, post(JSON.stringify({ items: [item] })))).status, 200);
    assert.equal(await it.client.takeChunk(), 'x', JSON.stringify(key));
  }
  await assertUndisturbed(it);
});

test('a request whose items have one key and several contents is refused whole', async (t) => {
  const it = await rig(t);
  const keyed = (content: string) => ({
    channel: 'c',
    'idempotency-key': 'k',
    formats: { 'http-stream': { content } },
  });
  const many = Array.from({ length: 1_200 }, () => keyed('1'));
  assert.equal((await send(it, post(JSON.stringify({ items: [keyed('2'), ...many] })))).status, 422);
  assert.equal((await send(it, post(JSON.stringify({ items: [...many, keyed('2')] })))).status, 422);
  assert.equal(it.app.counters.itemsPublished, 0);
  assert.equal((await send(it, post(JSON.stringify({ items: many })))).status, 200);
  assert.equal(await it.client.takeChunk(), '1');
  assert.equal((await send(it, post(JSON.stringify({ items: [...many, keyed('2')] })))).status, 422);
  await assertUndisturbed(it);
});

test('publish requests that are framed in two ways are refused', async (t) => {
  const it = await rig(t);
  const hidden = post(JSON.stringify({ items: [GOOD] }));
  for (const fields of [
    'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n',
    'Content-Length: 0\r\nContent-Length: 10\r\n',
    'Transfer-Encoding: x\r\n',
    'Transfer-Encoding : chunked\r\n',
    'Content-Length: +1\r\n',
  ]) {
    const publisher = await it.app.connectControl();
    publisher.end(post(hidden, fields));
    const responses = await publisher.takeResponses();
    assert.deepEqual(
      responses.map(({ status }) => status),
      [400],
    );
  }
  assert.equal(it.app.counters.itemsPublished, 0);
  await assertUndisturbed(it);
});

for (const [what, head, text] of [
  ['no HTTP', 'publish this\r\n\r\n', 'Failed to parse request header.\n'],
  ['a field without a colon', 'POST /publish HTTP/1.1\r\nHost localhost\r\n\r\n', 'Failed to parse request header.\n'],
  ['no Host', 'POST /publish HTTP/1.1\r\n\r\n', 'Failed to parse request header.\n'],
  ['a length that is no number', post('', 'Content-Length: ten\r\n'), 'Bad Content-Length.\n'],
  ['a negative length', post('', 'Content-Length: -1\r\n'), 'Bad Content-Length.\n'],
  ['an empty length', post('', 'Content-Length: \r\n'), 'Bad Content-Length.\n'],
  ['neither a length nor chunks', post('', ''), 'Request requires Content-Length.\n'],
] as const) {
  test(`a publisher that sends ${what} gets the text that publishers know`, async (t) => {
    const it = await rig(t);
    const { status, body, headers } = await send(it, head);
    assert.deepEqual([status, body], [what.startsWith('neither') ? 411 : 400, text]);
    assert.equal(headers.get('content-type'), 'text/plain');
    await assertUndisturbed(it);
  });
}

test('a header over the limit of publishers gets a 400', async (t) => {
  const it = await rig(t, { control: { maxHeaderBytes: 2_000 } });
  const response = await send(it, post('', `X: ${'y'.repeat(2_000)}\r\n`));
  assert.deepEqual([response.status, response.body], [400, 'Request header too large.\n']);
  await assertUndisturbed(it);
});

test('publishers over the maximum wait until one leaves, and clients do not notice', async (t) => {
  const it = await rig(t, { control: { maxConnections: 3 } });
  const inside = await Promise.all([1, 2, 3].map(() => it.app.connectControl()));
  // They are in the middle of a request each: an idle one would make room.
  for (const publisher of inside) {
    publisher.write('POST /publish/ HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n');
    assert.equal((await publisher.takeHead()).status, 100);
  }
  const outside = await it.app.connectControl();
  outside.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  inside[0]?.end();
  await inside[0]?.closed;
  assert.equal((await outside.takeResponse()).status, 200);
  outside.end();
  for (const publisher of inside.slice(1)) publisher.end();
  await assertUndisturbed(it);
});

test('a thousand items without subscribers retain no memory', async (t) => {
  const it = await rig(t);
  const items = Array.from({ length: 1_000 }, (_, i) => ({ ...GOOD, channel: `nobody-${i}` }));
  for (let i = 0; i < 10; i++) assert.equal((await it.app.post(items)).status, 200);
  assert.deepEqual([it.app.counters.itemsPublished, it.app.counters.itemsDelivered], [10_000, 0]);
  await assertUndisturbed(it);
});
