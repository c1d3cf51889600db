import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { manualClock, turn } from '../support/manual-clock.ts';
import { type RawOrigin, startRawOrigin } from '../support/raw-origin.ts';
import type { RawPeer } from '../support/raw-peer.ts';
import { type Changes, type RunningApp, startApp } from '../support/running-app.ts';

interface Rig {
  readonly app: RunningApp;
  readonly origin: RawOrigin;
}

/** An origin that answers its first request with `bytes` and then does `next`, and all others in order with their own target. */
async function rig(
  t: TestContext,
  bytes: string,
  next: (peer: RawPeer) => void = () => {},
  changes: Changes = {},
): Promise<Rig> {
  const origin = await startRawOrigin(t);
  let first = true;
  origin.respondAll((head, peer) => {
    if (!first) return echo(head);
    first = false;
    queueMicrotask(() => next(peer));
    return bytes;
  });
  return { origin, app: await startApp(t, [origin.route], changes) };
}

function echo(head: string): string {
  const target = head.split(' ')[1] ?? '';
  return `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`;
}

const END = (peer: RawPeer) => {
  peer.end();
};
const RESET = (peer: RawPeer) => peer.reset();

/** Others get their own answers, whatever state the connections to the origin are in. */
async function assertUndisturbed({ app }: Rig): Promise<void> {
  for (const target of ['/probe-1', '/probe-2']) {
    const response = await app.get(target);
    assert.deepEqual([response.status, response.body], [200, target]);
  }
}

interface Misdeed {
  readonly what: string;
  readonly bytes: string;
  readonly next?: (peer: RawPeer) => void;
}

const OK = 'HTTP/1.1 200 OK\r\n';

const BAD_HEADS: readonly Misdeed[] = [
  { what: 'closes without an answer', bytes: '', next: END },
  { what: 'resets without an answer', bytes: '', next: RESET },
  { what: 'closes within the head', bytes: `${OK}X: y\r\n`, next: END },
  { what: 'resets within the head', bytes: `${OK}X: y\r\n`, next: RESET },
  { what: 'sends garbage', bytes: '\x00\xff\x16\x03garbage\r\n\r\n' },
  { what: 'speaks another protocol', bytes: 'SSH-2.0-OpenSSH_9.9\r\n\r\n' },
  { what: 'speaks HTTP/2', bytes: 'HTTP/2 200\r\n\r\n' },
  { what: 'sends no status', bytes: 'HTTP/1.1 OK\r\n\r\n' },
  { what: 'sends a status of two digits', bytes: 'HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n' },
  { what: 'ends lines with LF', bytes: 'HTTP/1.1 200 OK\nContent-Length: 0\n\n' },
  { what: 'folds a header line', bytes: `${OK}X: y\r\n z\r\nContent-Length: 0\r\n\r\n` },
  { what: 'puts a space before a colon', bytes: `${OK}Content-Length : 0\r\n\r\n` },
  { what: 'puts a bare CR into a value', bytes: `${OK}X: y\rSet-Cookie: z\r\nContent-Length: 0\r\n\r\n` },
  { what: 'puts a NUL into a value', bytes: `${OK}X: y\0\r\nContent-Length: 0\r\n\r\n` },
  { what: 'puts a bare CR into the reason', bytes: 'HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n' },
  { what: 'gives two lengths', bytes: `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab` },
  { what: 'gives a negative length', bytes: `${OK}Content-Length: -1\r\n\r\n` },
  {
    what: 'gives a length and a coding',
    bytes: `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  { what: 'uses an unknown coding', bytes: `${OK}Transfer-Encoding: gzip\r\n\r\n` },
  { what: 'sends chunks in HTTP/1.0', bytes: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' },
  { what: 'switches protocols unasked', bytes: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n' },
  { what: 'sends interim answers without end', bytes: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000) },
  { what: 'sends a head without end', bytes: `${OK}X: ${'y'.repeat(1_000_000)}` },
  { what: 'sends fields without end', bytes: OK + 'X: y\r\n'.repeat(10_000) },
];

for (const { what, bytes, next } of BAD_HEADS) {
  test(`an origin that ${what} gives a 502, which is counted and logged with its reason`, async (t) => {
    const it = await rig(t, bytes, next);
    const response = await it.app.get('/x');
    assert.deepEqual([response.status, response.body], [502, 'Error while proxying to origin.\n']);
    const [record] = it.app.log.with('request failed');
    assert.equal(record?.level, 'warn');
    assert.match(String(record?.fields.code), /^HF_ORIGIN_(CLOSED|PROTOCOL)$/);
    assert.match(String(record?.fields.detail), /^127\.0\.0\.1:\d+: ./);
    assert.equal(it.app.counters.requestsFailed, 1);
    assert.equal(it.app.counters.originErrors, 1);
    await assertUndisturbed(it);
  });
}

const BROKEN_BODIES: readonly Misdeed[] = [
  { what: 'closes short of its length', bytes: `${OK}Content-Length: 100\r\n\r\npart`, next: END },
  { what: 'resets short of its length', bytes: `${OK}Content-Length: 100\r\n\r\npart`, next: RESET },
  { what: 'closes within a chunk', bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n64\r\npart`, next: END },
  { what: 'closes between chunks', bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n`, next: END },
  { what: 'resets between chunks', bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n`, next: RESET },
  { what: 'sends a malformed chunk', bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n` },
  { what: 'sends a chunk longer than its size', bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\npartial\r\n` },
  { what: 'sends malformed trailers', bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\nX y\r\n\r\n` },
  {
    what: 'sends trailers without end',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n${'X: y\r\n'.repeat(20_000)}`,
  },
  { what: 'resets a body that should end with the connection', bytes: `${OK}\r\npart`, next: RESET },
];

for (const { what, bytes, next = () => {} } of BROKEN_BODIES) {
  for (const minor of [1, 0]) {
    test(`an origin that ${what} gives an HTTP/1.${minor} client a visibly truncated response`, async (t) => {
      // The beginning has to be on its way to the client before the misdeed, or there would be a 502.
      const cut = bytes.indexOf('part') + 4;
      const it = await rig(t, bytes.slice(0, cut));
      const client = await it.app.connect();
      client.write(`GET /x HTTP/1.${minor}\r\nHost: a\r\n\r\n`);
      const { status, headers } = await client.takeHead();
      assert.equal(status, 200);
      await client.until(() => client.text.includes('part'));
      const peer = await it.origin.accept();
      peer.write(bytes.slice(cut));
      next(peer);
      const end = await client.ended;
      if (headers.has('content-length')) assert.ok(client.text.length < Number(headers.get('content-length')));
      else if (minor === 1) assert.ok(!client.text.endsWith('\r\n0\r\n\r\n'), JSON.stringify(client.text));
      else assert.equal(end, 'reset');
      const [record] = it.app.log.with('request failed');
      assert.match(String(record?.fields.code), /^HF_ORIGIN_(TRUNCATED|PROTOCOL)$/);
      await assertUndisturbed(it);
    });
  }
}

/** Each ends as it should, and is followed by what could be taken for the answer to the next request. */
const SURPLUS: readonly (Misdeed & { readonly method: string; readonly body: string })[] = [
  { what: 'a body of known length', method: 'GET', bytes: `${OK}Content-Length: 5\r\n\r\nhello`, body: 'hello' },
  {
    what: 'a last chunk',
    method: 'GET',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    body: 'hello',
  },
  { what: 'the answer to HEAD', method: 'HEAD', bytes: `${OK}Content-Length: 5\r\n\r\n`, body: '' },
  { what: 'a 204', method: 'GET', bytes: 'HTTP/1.1 204 No Content\r\n\r\n', body: '' },
  { what: 'a 304', method: 'GET', bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', body: '' },
  { what: 'an empty body', method: 'GET', bytes: `${OK}Content-Length: 0\r\n\r\n`, body: '' },
];
const POISON = `${OK}Content-Length: 6\r\n\r\npoison`;

for (const { what, method, bytes, body } of SURPLUS) {
  test(`bytes of an origin after ${what} are no response`, async (t) => {
    for (const when of ['at once', 'later']) {
      const it = await rig(t, when === 'at once' ? bytes + POISON : bytes);
      const client = await it.app.connect();
      const response = await client.request(`${method} /x HTTP/1.1\r\nHost: a\r\n\r\n`, method);
      assert.equal(response.body, body);
      const [peer] = it.origin.peers;
      if (when === 'later') {
        // The connection waits for its next request; bytes that nobody asked for end it.
        peer?.write(POISON);
      }
      await peer?.ended;
      await assertUndisturbed(it);
      client.write('GET /again HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal((await client.takeResponse()).body, '/again');
    }
  });
}

test('a silent origin gives a 504, and so does one whose head trickles', async (t) => {
  const advance = manualClock(t);
  for (const bytes of ['', OK]) {
    const it = await rig(t, bytes, () => {}, { proxy: { responseTimeout: 5 } });
    const client = await it.app.connect();
    client.write('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    const peer = await it.origin.accept();
    await peer.until(() => peer.socket.bytesRead > 0);
    // The beginning of the head goes before what trickles.
    await turn();
    for (let i = 0; i < 10 && client.text === ''; i++) {
      if (bytes !== '') peer.write('X: y\r\n');
      await turn();
      advance(1);
      await turn();
    }
    const response = await client.takeResponse();
    assert.deepEqual([response.status, response.body], [504, 'The origin did not respond in time.\n']);
    await peer.ended;
    await assertUndisturbed(it);
  }
});

test('an origin that stalls within its body gives a truncated response', async (t) => {
  const advance = manualClock(t);
  const it = await rig(t, `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n`, () => {}, {
    proxy: { bodyTimeout: 5 },
  });
  const client = await it.app.connect();
  client.write('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.take('part\r\n');
  advance(5);
  assert.equal(await client.takeAll(), '');
  assert.equal(it.app.log.with('request failed')[0]?.fields.code, 'HF_ORIGIN_TIMEOUT');
});

test('an endless origin is held back by a client that reads nothing', async (t) => {
  const origin = await startRawOrigin(t);
  const app = await startApp(t, [origin.route]);
  const client = await app.connect();
  client.socket.pause();
  client.write('GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const peer = await origin.accept();
  await peer.take();
  peer.write(`${OK}\r\n`);
  let sent = 0;
  const piece = Buffer.alloc(65_536, 'x');
  // Until nothing has been taken for many turns: all buffers of the kernel are full then, and all of the program.
  for (let idle = 0; idle < 100; idle++) {
    while (peer.socket.writableLength < 500_000) {
      peer.write(piece);
      sent += piece.length;
      idle = 0;
    }
    assert.ok(sent < 100_000_000, `${sent} bytes went out`);
    await turn();
  }
  // Meanwhile others are served, and the client gets every byte when it reads on.
  origin.respondAll(echo);
  assert.equal((await app.get('/other')).body, '/other');
  let received = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk) => {
    received += chunk.length;
  });
  client.socket.resume();
  peer.end();
  await client.ended;
  assert.ok(received > sent, `${received} of ${sent}`);
});
