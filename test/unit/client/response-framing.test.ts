import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { OK, startOrigin } from '../../support/scripted-origin.ts';
import { Fixture } from './fixture.ts';
import { assertFails, running } from './running.ts';

/** What an origin sends in one piece, and what the requester gets of it. */
interface Answer {
  readonly text: string;
  readonly method?: string;
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: readonly string[];
  readonly body: string;
  /** Of the head; that of `body` unless said otherwise. */
  readonly length?: number;
  /** Whether the connection carries the next request. */
  readonly reused: boolean;
}

const CHUNKS = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const CHUNKED = ['Transfer-Encoding', 'chunked'];

const ANSWERS: Readonly<Record<string, Answer>> = {
  'with a length': {
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    headers: ['Content-Length', '5'],
    body: 'hello',
    reused: true,
  },
  'in chunks': {
    text: `${CHUNKS}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`,
    headers: CHUNKED,
    body: 'hello',
    length: UNKNOWN_LENGTH,
    reused: true,
  },
  'in chunks of another spelling, with an extension': {
    text: 'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n00A;x="y"\r\n0123456789\r\n0\r\n\r\n',
    headers: ['transfer-encoding', 'Chunked'],
    body: '0123456789',
    length: UNKNOWN_LENGTH,
    reused: true,
  },
  'with trailers': {
    text: `${CHUNKS}5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 3\r\n\r\n`,
    headers: CHUNKED,
    body: 'hello',
    length: UNKNOWN_LENGTH,
    reused: true,
  },
  'that ends with the connection': {
    text: 'HTTP/1.1 200 OK\r\n\r\nhello',
    headers: [],
    body: 'hello',
    length: UNKNOWN_LENGTH,
    reused: false,
  },
  'of HTTP/1.0 that ends with the connection': {
    text: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello',
    headers: ['Connection', 'keep-alive'],
    body: 'hello',
    length: UNKNOWN_LENGTH,
    reused: false,
  },
  'behind interim responses': {
    text: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`,
    headers: ['Content-Length', '2'],
    body: 'ok',
    reused: true,
  },
  'to HEAD with a length': {
    method: 'HEAD',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    headers: ['Content-Length', '5'],
    body: '',
    reused: true,
  },
  'to HEAD that says it is chunked': { method: 'HEAD', text: CHUNKS, headers: CHUNKED, body: '', reused: true },
  'to HEAD that says nothing': { method: 'HEAD', text: 'HTTP/1.1 200 OK\r\n\r\n', headers: [], body: '', reused: true },
  'with status 204': {
    text: 'HTTP/1.1 204 No Content\r\n\r\n',
    status: 204,
    reason: 'No Content',
    headers: [],
    body: '',
    reused: true,
  },
  'with status 204 and a length': {
    text: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    status: 204,
    reason: 'No Content',
    headers: ['Content-Length', '5'],
    body: '',
    reused: true,
  },
  'with status 304 and a length': {
    text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    status: 304,
    reason: 'Not Modified',
    headers: ['Content-Length', '5'],
    body: '',
    reused: true,
  },
  'without a space after the colons': {
    text: 'HTTP/1.1 200 OK\r\nX:y\r\nEmpty:\r\nContent-Length:5\r\n\r\nhello',
    headers: ['X', 'y', 'Empty', '', 'Content-Length', '5'],
    body: 'hello',
    reused: true,
  },
  'without a reason': {
    text: 'HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello',
    reason: '',
    headers: ['Content-Length', '5'],
    body: 'hello',
    reused: true,
  },
  'without a reason and the space before it': {
    text: 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello',
    reason: '',
    headers: ['Content-Length', '5'],
    body: 'hello',
    reused: true,
  },
  'with a reason of several words': {
    text: 'HTTP/1.1 299 all is  well\r\nContent-Length: 0\r\n\r\n',
    status: 299,
    reason: 'all is  well',
    headers: ['Content-Length', '0'],
    body: '',
    reused: true,
  },
  'with 100 header fields': {
    text: `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(99)}Content-Length: 2\r\n\r\nok`,
    headers: [...Array(99).fill(['X', 'y']).flat(), 'Content-Length', '2'],
    body: 'ok',
    reused: true,
  },
};

for (const [what, answer] of Object.entries(ANSWERS)) {
  test(`A response ${what} arrives as it was meant`, async (t) => {
    const { method = 'GET', status = 200, reason = 'OK', body, reused } = answer;
    const { scripted, fixture, requester, peer } = await running(t, { method });
    peer.write(answer.text);
    if (answer.length === UNKNOWN_LENGTH && !reused) peer.end();
    const head = await requester.completed();
    assert.deepEqual(
      { ...head, body: requester.body },
      { status, reason, headers: answer.headers, bodyLength: answer.length ?? body.length, body },
    );
    const next = fixture.send(scripted.origin);
    const nextPeer = reused ? peer : await scripted.accept();
    await nextPeer.received();
    nextPeer.write(OK);
    await next.completed();
    assert.equal(scripted.accepted, reused ? 1 : 2);
  });
}

for (const [what, text] of [
  ['a body that is shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello'],
  ['chunks without their end', `${CHUNKS}5\r\nhello\r\n`],
  ['a chunk that is shorter than its size', `${CHUNKS}6\r\nhello`],
  ['trailers without their end', `${CHUNKS}5\r\nhello\r\n0\r\nX: y\r\n`],
] as const) {
  test(`An origin that closes after ${what} is reported as HF_ORIGIN_TRUNCATED`, async (t) => {
    const run = await running(t);
    run.peer.end(text);
    await assertFails(run, 'HF_ORIGIN_TRUNCATED', /(early|incomplete)$/);
    assert.equal(run.requester.body, 'hello');
  });
}

for (const [what, text] of [
  ['no HTTP', 'hello\r\n\r\n'],
  ['a greeting', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x46'],
  ['a body alone', '<html>hello</html>'],
  ['an HTTP/2 preface', '\x00\x00\x12\x04\x00\x00\x00\x00\x00'],
  ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['an invalid status', 'HTTP/1.1 two OK\r\n\r\n'],
  ['a 101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ['an invalid length', 'HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n'],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['a length beyond all numbers', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['another transfer coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['an invalid chunk size', `${CHUNKS}five\r\n`],
  ['a chunk that is longer than its size', `${CHUNKS}5\r\nhello!\r\n`],
  ['a header line without a colon', 'HTTP/1.1 200 OK\r\nhello\r\n\r\n'],
  ['a NUL in a header', 'HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n'],
  ['lines that end in LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
  ['129 header fields', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(129)}\r\n`],
] as const) {
  test(`An origin that sends ${what} is reported as HF_ORIGIN_PROTOCOL, and the connection is closed`, async (t) => {
    const run = await running(t);
    run.peer.write(text);
    await assertFails(run, 'HF_ORIGIN_PROTOCOL', /./);
    await run.peer.closed;
  });
}

test('lenientLineEnds takes heads whose lines end in LF, with a body that has both kinds of line ends', async (t) => {
  const { scripted, fixture, requester, peer } = await running(t, {}, { lenientLineEnds: true });
  peer.write('HTTP/1.1 200 OK\nX: y\r\nContent-Length: 8\n\na\r\n\r\nb\n\n');
  await requester.completed();
  assert.deepEqual(requester.head?.headers, ['X', 'y', 'Content-Length', '8']);
  assert.equal(requester.body, 'a\r\n\r\nb\n\n');
  const next = fixture.send(scripted.origin);
  await peer.received();
  peer.write(OK);
  await next.completed();
  assert.equal(scripted.accepted, 1);
});

test('lenientLineEnds applies to heads only, not to chunks', async (t) => {
  const run = await running(t, {}, { lenientLineEnds: true });
  run.peer.write(`${CHUNKS}5\nhello\n0\n\n`);
  await assertFails(run, 'HF_ORIGIN_PROTOCOL', /invalid chunk size$/);
});

test('maxResponseHeaders bounds the fields of a head, and of trailers', async (t) => {
  const scripted = await startOrigin(t);
  const fixture = new Fixture(t, { maxResponseHeaders: 2 });
  for (const [text, end] of [
    ['HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 0\r\n\r\n', 'complete'],
    ['HTTP/1.1 200 OK\r\nX: 1\r\nY: 2\r\nContent-Length: 0\r\n\r\n', 'HF_ORIGIN_PROTOCOL'],
    [`${CHUNKS}0\r\nA: 1\r\nB: 2\r\n\r\n`, 'complete'],
    [`${CHUNKS}0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n`, 'HF_ORIGIN_PROTOCOL'],
  ] as const) {
    const requester = fixture.send(scripted.origin, { method: 'POST' });
    fixture.client.close();
    const peer = await scripted.accept();
    await peer.received();
    peer.write(text);
    const ended = await requester.ended();
    assert.equal(ended === 'complete' ? ended : ended.code, end);
  }
});
