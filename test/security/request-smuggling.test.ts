import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { type TestContext, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../src/codec/http1/index.ts';
import { normalizeTarget } from '../../src/proxy/target-path.ts';
import { readCases } from '../support/cases.ts';
import { Http1Transcript } from '../support/http1-transcript.ts';
import type { RawClient } from '../support/raw-client.ts';
import { type RecordedRequest, type RecordingOrigin, startRecordingOrigin } from '../support/recording-origin.ts';
import { type Changes, type RunningApp, startApp } from '../support/running-app.ts';

interface Rig {
  readonly app: RunningApp;
  readonly origin: RecordingOrigin;
}

async function rig(t: TestContext, changes: Changes = {}): Promise<Rig> {
  const origin = await startRecordingOrigin(t);
  return { origin, app: await startApp(t, [origin.route], changes) };
}

/** Sends bytes and then FIN, and waits until nothing more comes back; returns what the origin saw of it. */
async function attack({ app, origin }: Rig, bytes: string): Promise<{ client: RawClient; seen: string[] }> {
  const before = origin.requests.length;
  const client = await app.connect();
  client.end(bytes);
  await client.ended;
  return { client, seen: origin.requests.slice(before).map(({ method, url, body }) => `${method} ${url} ${body}`) };
}

/** Others are answered as ever, on the connections to the origin that the attack has left behind. */
async function assertUndisturbed({ app, origin }: Rig, complaints: readonly string[] = []): Promise<void> {
  for (const target of ['/probe-1', '/probe-2']) {
    const response = await app.get(target);
    assert.deepEqual([response.status, response.body], [200, `GET ${target} `]);
  }
  // Apart from those expected there may be one about a connection that was closed within a request.
  const expected = ['HPE_INVALID_EOF_STATE', ...complaints];
  assert.deepEqual(
    origin.errors.filter(({ code = '' }) => !expected.includes(code)),
    [],
  );
}

const HEAD = 'POST /a HTTP/1.1\r\nHost: a\r\n';
/** What must never be taken for a request of its own. */
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n';

interface Attack {
  readonly what: string;
  readonly bytes: string;
  /** The statuses that the client gets. */
  readonly statuses: readonly number[];
  /** `METHOD TARGET BODY` of the requests that the origin may see. */
  readonly seen?: readonly string[];
}

const REFUSED: readonly Attack[] = [
  ['CL.TE', `${HEAD}Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['TE.CL', `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n28\r\n${HIDDEN}\r\n0\r\n\r\n`],
  ['CL.0', `${HEAD}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n${HIDDEN}`],
  ['a space before the colon of Transfer-Encoding', `${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['a folded Transfer-Encoding', `${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['Transfer-Encoding as a fold', `${HEAD}X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['a vertical tab before chunked', `${HEAD}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['a NUL behind chunked', `${HEAD}Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['a no-break space before chunked', `${HEAD}Transfer-Encoding: \xa0chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['quoted chunked', `${HEAD}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['chunked that is not last', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['chunked twice', `${HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['two fields', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['an unknown coding', `${HEAD}Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello${HIDDEN}`],
  ['an empty Transfer-Encoding', `${HEAD}Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello${HIDDEN}`],
  ['Transfer-Encoding in HTTP/1.0', `POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
  ['two lengths', `${HEAD}Content-Length: 0\r\nContent-Length: 35\r\n\r\n${HIDDEN}`],
  ['two equal lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello${HIDDEN}`],
  ['a list of lengths', `${HEAD}Content-Length: 5, 5\r\n\r\nhello${HIDDEN}`],
  ['a length with a sign', `${HEAD}Content-Length: +5\r\n\r\nhello${HIDDEN}`],
  ['a negative length', `${HEAD}Content-Length: -5\r\n\r\nhello${HIDDEN}`],
  ['a hexadecimal length', `${HEAD}Content-Length: 0x5\r\n\r\nhello${HIDDEN}`],
  ['a length with an exponent', `${HEAD}Content-Length: 5e0\r\n\r\nhello${HIDDEN}`],
  ['an empty length', `${HEAD}Content-Length:\r\n\r\n${HIDDEN}`],
  ['a length over 2^53', `${HEAD}Content-Length: 9007199254740993\r\n\r\n${HIDDEN}`],
  ['a length hidden behind a bare CR', `${HEAD}X: y\rContent-Length: 35\r\n\r\n${HIDDEN}`],
  ['a length hidden behind a bare LF', `${HEAD}X: y\nContent-Length: 35\r\n\r\n${HIDDEN}`],
  ['bare LF line ends', 'GET /a HTTP/1.1\nHost: a\n\nGET /hidden HTTP/1.1\nHost: a\n\n'],
  ['a head that ends in LF CR LF', `${HEAD}X: y\n\r\n${HIDDEN}`],
  ['a head that ends in CR CR LF', `${HEAD}X: y\r\r\n\r\n${HIDDEN}`],
  ['a header name with a space', `${HEAD}X Y: z\r\n\r\n${HIDDEN}`],
  ['a header line without a colon', `${HEAD}GET /hidden HTTP/1.1\r\n\r\n`],
  ['two Hosts', `GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${HIDDEN}`],
  ['a Host with a path', `GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n${HIDDEN}`],
  ['a Host with userinfo', `GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n${HIDDEN}`],
  ['a target with userinfo', `GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n${HIDDEN}`],
  ['a target of another scheme', `GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n${HIDDEN}`],
  ['a target without a slash', `GET @b/ HTTP/1.1\r\nHost: a\r\n\r\n${HIDDEN}`],
  ['a raw byte over 0x7f in the target', `GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n${HIDDEN}`],
  ['a request line with a version too many', `GET /a HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n${HIDDEN}`],
  ['HTTP/0.9', `GET /a\r\n\r\n${HIDDEN}`],
].map(([what = '', bytes = '']) => ({ what, bytes, statuses: [400] }));

/** The head is good, so the origin may hear of the request, but never of a whole one, nor of what is hidden. */
const BROKEN_BODIES: readonly Attack[] = [
  ['a chunk size with a prefix', `0x5\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a chunk size with a sign', `+5\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a chunk size that wraps around in 64 bits', `10000000000000005\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['an empty chunk size', `\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a chunk size that ends in LF', `5\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a chunk that is longer than its size', `4\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a chunk that ends in LF', `5\r\nhello\n0\r\n\r\n${HIDDEN}`],
  ['an extension that ends in LF', `5;a\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['an extension with a bare CR', `5;a\rb\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['more extensions than anybody needs', `5;${'a'.repeat(5_000)}\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a request in place of trailers', `0\r\n${HIDDEN}`],
  ['trailers that end in LF', `0\r\nX: y\n\n${HIDDEN}`],
].map(([what = '', body = '']) => ({
  what,
  bytes: `${HEAD}Transfer-Encoding: chunked\r\n\r\n${body}`,
  statuses: [400],
}));

const TAKEN: readonly Attack[] = [
  {
    what: 'a body that looks like a request',
    bytes: `${HEAD}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    statuses: [200],
    seen: [`POST /a ${HIDDEN}`],
  },
  {
    what: 'a body of a GET',
    bytes: `GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    statuses: [200],
    seen: [`GET /a ${HIDDEN}`],
  },
  {
    what: 'chunks that look like requests',
    bytes: `${HEAD}Transfer-Encoding: Chunked\r\n\r\n${HIDDEN.length.toString(16)};x="\\""\r\n${HIDDEN}\r\n000\r\n\r\n`,
    statuses: [200],
    seen: [`POST /a ${HIDDEN}`],
  },
  {
    what: 'trailers that would frame or route',
    bytes: `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nContent-Length: 99\r\nHost: b\r\nTransfer-Encoding: x\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n`,
    statuses: [200, 200],
    seen: ['POST /a x', 'GET /b '],
  },
  {
    what: 'a Transfer_Encoding with an underscore',
    bytes: `${HEAD}Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n`,
    statuses: [200, 200],
    seen: ['POST /a 0\r\n\r\n', 'GET /b '],
  },
  {
    what: 'encoded line ends in the target',
    bytes: 'GET /a%0d%0aX:%20y%0D%0A%0d%0aGET%20/hidden HTTP/1.1\r\nHost: a\r\n\r\n',
    statuses: [200],
    seen: ['GET /a%0d%0aX:%20y%0D%0A%0d%0aGET%20/hidden '],
  },
  {
    what: 'a request to another protocol',
    bytes: `GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    statuses: [200],
    seen: ['GET /a '],
  },
  {
    what: 'what follows the last request of a connection',
    bytes: `GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${HIDDEN}`,
    statuses: [200],
    seen: ['GET /a '],
  },
];

for (const { what, bytes, statuses, seen = [] } of [...REFUSED, ...BROKEN_BODIES, ...TAKEN]) {
  test(`${what} ${seen.length === 0 ? 'is refused' : 'is no way to smuggle'}`, async (t) => {
    const it = await rig(t);
    const attacked = await attack(it, bytes);
    const answers = await attacked.client.takeResponses();
    assert.deepEqual(
      answers.map(({ status }) => status),
      statuses,
    );
    assert.deepEqual(attacked.seen, seen);
    await assertUndisturbed(it);
  });
}

test('the origin sees exactly the complete requests of the protocol cases', async (t) => {
  const it = await rig(t);
  const feeding = { limits: DEFAULT_LIMITS, credit: Number.POSITIVE_INFINITY, method: null };
  for (const { kind, document, line, input } of readCases('http1')) {
    if (kind !== 'http request') continue;
    const framed: string[] = [];
    for (const { head, body, complete } of Http1Transcript.of([input], feeding).messages) {
      // An unknown expectation is refused, and what stands behind it is not read.
      if (!complete || !('method' in head) || head.expectUnknown) break;
      // The proxy passes every method on, but the origin knows only those that are registered. Dot segments are removed.
      if (METHODS.includes(head.method)) framed.push(`${head.method} ${normalizeTarget(head.target)} ${body}`);
    }
    const { seen } = await attack(it, input.toString('latin1'));
    assert.deepEqual(seen, framed, `${document}:${line}`);
  }
  await assertUndisturbed(it, ['HPE_INVALID_METHOD']);
});

test('a client that leaves within its body does not leave its request open for the next one', async (t) => {
  const it = await rig(t);
  for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const client = await it.app.connect();
    client.write(`${HEAD}${framing}\r\n\r\n5\r\nhel`);
    await until(client, () => it.origin.raw.some((text) => text.endsWith('hel')));
    client.reset();
    await assertUndisturbed(it);
  }
  assert.deepEqual(
    it.origin.requests.map(({ method }) => method),
    ['GET', 'GET', 'GET', 'GET'],
  );
});

test('a response that comes before the end of the body does not leave the rest of it for the next request', async (t) => {
  const it = await rig(t);
  it.origin.onHead = (response, request) => {
    if (request.method === 'POST') response.end('early');
  };
  const client = await it.app.connect();
  client.write(`${HEAD}Content-Length: 100\r\n\r\npart`);
  const response = await client.takeResponse();
  assert.deepEqual([response.body, response.headers.get('connection')], ['early', 'close']);
  client.write(`${'x'.repeat(96)}${HIDDEN}`);
  await assertUndisturbed(it);
  assert.ok(it.origin.raw.every((text) => !text.includes('/hidden')));
});

/** The request that the origin got for these fields. */
async function forwarded(it: Rig, fields: string, target = '/a'): Promise<RecordedRequest> {
  const client = await it.app.connect();
  const body = fields.includes('Content-Length') ? 'hello' : '';
  const response = await client.request(`POST ${target} HTTP/1.1\r\n${fields}\r\n${body}`);
  assert.equal(response.status, 200);
  return it.origin.requests.at(-1) as RecordedRequest;
}

function names({ headers }: RecordedRequest): string[] {
  return headers.filter((_text, index) => index % 2 === 0).map((name) => name.toLowerCase());
}

test('the origin gets the Host of an absolute-form target, once', async (t) => {
  const it = await rig(t);
  const request = await forwarded(it, 'Host: decoy\r\n', 'http://real:81/x');
  assert.equal(request.url, '/x');
  assert.deepEqual(request.headers.slice(0, 2), ['Host', 'real:81']);
  assert.equal(names(request).filter((name) => name === 'host').length, 1);
});

test('fields that Connection lists are removed, except Host and Content-Length', async (t) => {
  const it = await rig(t);
  const request = await forwarded(
    it,
    'Host: a\r\nConnection: X-One, host , CONTENT-LENGTH,x-two\r\nConnection: Grip-Feature\r\nX-One: 1\r\nx-TWO: 2\r\nX-Three: 3\r\nContent-Length: 5\r\n',
  );
  assert.equal(request.body, 'hello');
  const found = names(request);
  assert.deepEqual(
    ['host', 'content-length', 'grip-feature', 'x-one', 'x-two', 'x-three'].map((name) => found.includes(name)),
    [true, true, true, false, false, true],
  );
});

test('connection-specific fields never reach the origin', async (t) => {
  const it = await rig(t);
  const request = await forwarded(
    it,
    'Host: a\r\nKeep-Alive: timeout=1\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\n',
  );
  const found = names(request);
  for (const name of ['keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'transfer-encoding']) {
    assert.ok(!found.includes(name), name);
  }
});

test('no GRIP field of a client reaches the origin', async (t) => {
  const it = await rig(t, { proxy: { sigKey: 'secret' } });
  const request = await forwarded(
    it,
    'Host: a\r\nGrip-Sig: forged\r\nGRIP-HOLD: stream\r\ngrip-last: ch; last-id=1\r\nGrip-Feature: all\r\nGrip-: x\r\n',
  );
  const grip = request.headers.flatMap((name, index) =>
    index % 2 === 0 && name.toLowerCase().startsWith('grip-') ? [[name, request.headers[index + 1]]] : [],
  );
  assert.deepEqual(
    grip.map(([name]) => name),
    ['Grip-Sig', 'Grip-Feature'],
  );
  assert.ok(grip.every(([, value]) => value !== 'forged' && value !== 'all'));
});

/** Resolves when `test` holds; it is asked in every turn of the event loop while the client's connection is there. */
async function until(client: RawClient, test: () => boolean): Promise<void> {
  while (!test()) {
    assert.equal(client.socket.destroyed, false);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
