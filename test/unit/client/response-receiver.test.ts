import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseReceiver } from '../../../src/client/response-receiver.ts';
import { DEFAULT_LIMITS, Http1Error, ResponseHeadReader } from '../../../src/codec/http1/index.ts';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';

/** A receiver and its requester; the last bytes are passed on as an exchange does it. */
class Bench {
  readonly requester: FakeRequester;
  readonly receiver: ResponseReceiver;
  readonly #heads = new ResponseHeadReader(DEFAULT_LIMITS);

  constructor(method = 'GET', credits = 65_536) {
    this.requester = new FakeRequester(credits);
    this.receiver = new ResponseReceiver(this.requester, method, credits, DEFAULT_LIMITS);
  }

  /** Feeds input out of a buffer that is overwritten afterwards, as the connections' is. */
  take(text: string): void {
    const input = Buffer.from(text, 'latin1');
    this.receiver.take(input, this.#heads);
    input.fill('#');
    this.#passLast();
  }

  grant(bytes: number): void {
    this.requester.grant(bytes);
    this.receiver.credits += bytes;
    if (this.receiver.resumable) this.receiver.resume();
    this.#passLast();
  }

  end(): void {
    this.receiver.end();
    this.#passLast();
  }

  #passLast(): void {
    if (this.receiver.done && this.requester.end === null) this.requester.onResponseData(this.receiver.last, false);
  }
}

const RESPONSES = [
  ['Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world', 11],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\n\r\n',
    UNKNOWN_LENGTH,
  ],
  [
    'chunks and trailers',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\nA: b\r\nC: d\r\n\r\n',
    UNKNOWN_LENGTH,
  ],
] as const;

for (const [what, text, bodyLength] of RESPONSES) {
  test(`A response with ${what} is passed on in the same way however its bytes are split`, () => {
    for (let split = 1; split < text.length; split++) {
      const bench = new Bench();
      bench.take(text.slice(0, split));
      bench.take(text.slice(split));
      assert.equal(bench.requester.end, 'complete');
      assert.equal(bench.requester.body, 'hello world');
      assert.equal(bench.requester.head?.bodyLength, bodyLength);
      assert.equal(bench.receiver.surplus, false);
    }
  });

  test(`A response with ${what} is passed on within its credits`, () => {
    for (let credits = 0; credits < 12; credits++) {
      const bench = new Bench('GET', credits);
      bench.take(text);
      assert.equal(bench.requester.body, 'hello world'.slice(0, credits));
      while (bench.requester.end === null) bench.grant(3);
      assert.equal(bench.requester.body, 'hello world');
    }
  });
}

test('Head and body that arrive together are passed on in one turn, the last data as the end', () => {
  const bench = new Bench();
  bench.take(RESPONSES[0][1]);
  assert.deepEqual(bench.requester.calls, ['onResponse', 'onResponseData']);
});

test('The head is passed on unchanged, without credit', () => {
  const bench = new Bench('GET', 0);
  bench.take('HTTP/1.1 299 Very Fine\r\nb: 1\r\nA: 2\r\nB: 3\r\nContent-Length: 4\r\n\r\n');
  assert.deepEqual(bench.requester.head, {
    status: 299,
    reason: 'Very Fine',
    headers: ['b', '1', 'A', '2', 'B', '3', 'Content-Length', '4'],
    bodyLength: 4,
  });
});

for (const [what, method, text] of [
  ['a response to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'],
  ['a 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['a 304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n'],
  ['a body of length 0', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
] as const) {
  test(`After ${what} the exchange ends directly`, () => {
    const bench = new Bench(method, 0);
    bench.take(text);
    assert.deepEqual(bench.requester.calls, ['onResponse', 'onResponseData']);
    assert.equal(bench.requester.head?.bodyLength, 0);
    assert.equal(bench.requester.body, '');
    assert.equal(bench.requester.end, 'complete');
  });
}

test('A body without a length is complete when the connection ends, and not before', () => {
  const bench = new Bench();
  bench.take('HTTP/1.1 200 OK\r\n\r\nhello ');
  bench.take('world');
  assert.equal(bench.requester.head?.bodyLength, UNKNOWN_LENGTH);
  assert.equal(bench.requester.end, null);
  bench.end();
  assert.equal(bench.requester.end, 'complete');
  assert.equal(bench.requester.body, 'hello world');
});

for (const [what, text] of [
  ['with Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello'],
  ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
] as const) {
  test(`A body ${what} that ends early is truncated`, () => {
    const bench = new Bench();
    bench.take(text);
    assert.throws(
      () => bench.end(),
      (error) => error instanceof Http1Error && error.kind === 'truncated',
    );
  });
}

test('Interim responses are skipped', () => {
  const bench = new Bench();
  bench.take('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n');
  assert.deepEqual(bench.requester.calls, []);
  bench.take(`HTTP/1.1 102 Processing\r\n\r\n${RESPONSES[0][1]}`);
  assert.equal(bench.requester.head?.status, 200);
  assert.equal(bench.requester.end, 'complete');
});

test('Twenty interim responses are skipped, one more is refused', () => {
  const bench = new Bench();
  bench.take('HTTP/1.1 100 Continue\r\n\r\n'.repeat(20));
  assert.throws(() => bench.take('HTTP/1.1 100 Continue\r\n\r\n'), /more than 20 interim responses/);
});

test('A 101 is refused', () => {
  const bench = new Bench();
  const text = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';
  assert.throws(() => bench.take(text), /unexpected 101 response/);
});

test('Bytes after the end are noticed', () => {
  const bench = new Bench();
  bench.take(`${RESPONSES[1][1]}x`);
  assert.equal(bench.requester.end, 'complete');
  assert.equal(bench.receiver.surplus, true);
});

test('The end of the chunks is found without credit', () => {
  const bench = new Bench('GET', 5);
  bench.take('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  assert.equal(bench.requester.body, 'hello');
  bench.take('0\r\n\r\n');
  assert.equal(bench.requester.end, 'complete');
});

test('Credits that come while data is passed on let the next data follow at once', () => {
  const bench = new Bench('GET', 2);
  bench.requester.onCall = () => {
    if (bench.requester.head !== null && bench.requester.end === null) bench.grant(2);
  };
  bench.take(RESPONSES[0][1]);
  assert.equal(bench.requester.body, 'hello world');
  assert.equal(bench.requester.end, 'complete');
});

for (const [when, calls] of [
  ['with the head', 1],
  ['with the first data', 2],
] as const) {
  test(`Nothing is passed on to a requester that leaves ${when}`, () => {
    const bench = new Bench();
    bench.requester.onCall = () => {
      if (bench.requester.calls.length === calls) bench.receiver.stop();
    };
    bench.take('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n');
    assert.equal(bench.requester.calls.length, calls);
    assert.equal(bench.receiver.waiting, false);
  });
}

test('What is passed on is not overwritten by the next read', () => {
  const bench = new Bench('GET', 3);
  bench.take('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef');
  assert.equal(bench.requester.body, 'abc');
  bench.grant(3);
  assert.equal(bench.requester.body, 'abcdef');
});

for (const [what, text] of [
  ['something else than HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['an HTTP/2 preface', '\x00\x00\x12\x04\x00\x00\x00\x00\x00'],
  ['an HTTP version of its own', 'HTTP/3.0 200 OK\r\n\r\n'],
  ['a folded header', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n'],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['an invalid chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  ['too large a head', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(16_384)}\r\n\r\n`],
] as const) {
  test(`An origin that sends ${what} is refused`, () => {
    assert.throws(() => new Bench().take(text), Http1Error);
  });
}
