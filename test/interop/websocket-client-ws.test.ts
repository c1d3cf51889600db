import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TlsOptions } from 'node:tls';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import {
  DEFAULT_CLIENT_LIMITS,
  DEFAULT_FETCH_OPTIONS,
  DEFAULT_WEBSOCKET_CLIENT_LIMITS,
  type FetchOptions,
  HttpClient,
  WebSocketClient,
  type WebSocketClientLimits,
} from '../../src/client/index.ts';
import { TimerWheel } from '../../src/clock/index.ts';
import { Counters, ExchangeError, silentLog } from '../../src/exchange/index.ts';
import { HttpFetcher } from '../../src/fetch/index.ts';
import { Guard, SystemResolver, TcpDialler, TrustStore } from '../../src/net/index.ts';
import { TestAuthority } from '../support/certificates.ts';
import { FakeWebSocketRequester } from '../support/exchange/fake-websocket-requester.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const AUTHORITY = new TestAuthority();
const IDENTITY = AUTHORITY.issue({ names: ['localhost'], purpose: 'server' });

/** A server of `ws`, and what it has heard. */
class WsOrigin {
  readonly server: Server;
  readonly requests: IncomingMessage[] = [];
  readonly #scheme: string;
  readonly #accepted: WebSocket[] = [];
  readonly #waits: ((socket: WebSocket) => void)[] = [];

  constructor(server: Server, scheme: string, options: ServerOptions) {
    this.server = server;
    this.#scheme = scheme;
    const webSockets = new WebSocketServer({ server, ...options });
    server.on('upgrade', (request) => this.requests.push(request));
    webSockets.on('connection', (socket) => {
      socket.on('error', () => {});
      const wait = this.#waits.shift();
      if (wait === undefined) this.#accepted.push(socket);
      else wait(socket);
    });
  }

  /** @param host as it stands in the URI */
  uri(path = '/', scheme = this.#scheme, host = 'localhost'): string {
    return `${scheme}://${host}:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** The next WebSocket. */
  next(): Promise<WebSocket> {
    const socket = this.#accepted.shift();
    return socket === undefined ? new Promise((resolve) => this.#waits.push(resolve)) : Promise.resolve(socket);
  }
}

/** Starts a server of `ws` on a free port; it ends with the test. */
async function startWs(
  t: TestContext,
  options: ServerOptions = {},
  tls: TlsOptions | null = null,
  address = '127.0.0.1',
): Promise<WsOrigin> {
  const server =
    tls === null
      ? createServer()
      : (createTlsServer({ cert: IDENTITY.certificate, key: IDENTITY.key, ...tls }) as unknown as Server);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, address);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return new WsOrigin(server, tls === null ? 'ws' : 'wss', options);
}

/** What opens WebSockets, put together as the program does it. */
class Rig {
  readonly counters = new Counters();
  readonly #fetcher: HttpFetcher;

  constructor(t: TestContext, compression = false, changes: Partial<WebSocketClientLimits> = {}) {
    const bundle = join(temporaryFolder(t), 'authorities.pem');
    writeFileSync(bundle, AUTHORITY.certificate);
    const trust = new TrustStore({ environment: { SSL_CERT_FILE: bundle } });
    const wheel = new TimerWheel();
    const dialler = new TcpDialler({ resolver: new SystemResolver(), trust });
    const { counters } = this;
    const shared = { dialler, wheel, counters, log: silentLog };
    const client = new HttpClient({ ...shared, limits: { current: DEFAULT_CLIENT_LIMITS } });
    const limits = { ...DEFAULT_WEBSOCKET_CLIENT_LIMITS, ...changes };
    const opener = new WebSocketClient({ ...shared, limits: { current: limits }, compression });
    this.#fetcher = new HttpFetcher({ ...shared, client, opener, ipv4Only: true });
    t.after(() => {
      client.close();
      wheel.stop();
    });
  }

  ask(uri: string, headers: string[] = [], options: Partial<FetchOptions> = {}): FakeWebSocketRequester {
    const credits = 65_536;
    const requester = new FakeWebSocketRequester(credits);
    const all = { ...DEFAULT_FETCH_OPTIONS, ...options };
    const request = { id: '1', method: 'GET', uri, headers, bodyLength: 0, credits, options: all };
    requester.responder = this.#fetcher.openWebSocket(request, requester);
    // Takes whatever comes, a window at a time.
    requester.onCall = () => {
      if (requester.open && requester.credits < 30_000) requester.grant(65_536 - requester.credits);
    };
    return requester;
  }

  /** Opens a WebSocket to `origin`. */
  async open(origin: WsOrigin): Promise<{ requester: FakeWebSocketRequester; socket: WebSocket }> {
    const requester = this.ask(origin.uri());
    const socket = await origin.next();
    await requester.until(() => requester.requestCredit > 0 || requester.error !== null);
    assert.equal(requester.failure(), '');
    return { requester, socket };
  }
}

/** Sends a whole message as credit allows, in pieces of up to `size` bytes. Text has to be ASCII. */
async function send(requester: FakeWebSocketRequester, data: string | Buffer, size = 50_000): Promise<void> {
  let offset = 0;
  do {
    await requester.until(() => requester.requestCredit > 0 || data.length === 0);
    const piece = data.slice(offset, offset + Math.min(size, requester.requestCredit));
    offset += piece.length;
    requester.message(piece, offset < data.length);
  } while (offset < data.length);
}

const MESSAGES = [
  ...['', 'Hello', 'Hello', 'a'.repeat(125), 'b'.repeat(126), 'c'.repeat(65_535), 'd'.repeat(65_536)],
  ...['', 'The quick brown fox. '.repeat(50_000), 'last'],
];

const COMPRESSIONS: readonly (readonly [string, boolean, ServerOptions['perMessageDeflate']])[] = [
  ['no compression', false, true],
  ['compression that the server does not want', true, false],
  ['compression', true, { threshold: 0 }],
  ['compression without context takeover of the server', true, { threshold: 0, serverNoContextTakeover: true }],
  ['compression without context takeover of the client', true, { threshold: 0, clientNoContextTakeover: true }],
  ['compression in a small window', true, { threshold: 0, serverMaxWindowBits: 9 }],
  ['compression of large messages alone', true, { threshold: 1_000 }],
];

for (const [what, compression, perMessageDeflate] of COMPRESSIONS) {
  test(`messages go both ways: ${what}`, async (t) => {
    const origin = await startWs(t, { perMessageDeflate });
    const { requester, socket } = await new Rig(t, compression).open(origin);
    assert.equal(socket.extensions, compression && perMessageDeflate !== false ? 'permessage-deflate' : '');
    const heard: string[] = [];
    socket.on('message', (data, isBinary) => {
      heard.push(`${isBinary ? 'binary' : 'text'} ${data}`.trimEnd());
      socket.send(data, { binary: isBinary });
    });
    const expected: string[] = [];
    for (const message of MESSAGES) {
      await send(requester, message);
      await send(requester, Buffer.from(message));
      expected.push(`text ${message}`.trimEnd(), `binary ${message}`.trimEnd());
    }
    assert.deepEqual(await requester.lines(expected.length), expected);
    assert.deepEqual(heard, expected);
    requester.close(1000);
    assert.deepEqual((await requester.lines(expected.length + 1)).at(-1), 'close 1000');
  });
}

test('messages in fragments go both ways', async (t) => {
  const origin = await startWs(t, { perMessageDeflate: { threshold: 0 } });
  for (const compression of [false, true]) {
    const { requester, socket } = await new Rig(t, compression).open(origin);
    const message = once(socket, 'message');
    const received = send(requester, 'abcdefghij'.repeat(100), 7);
    assert.equal(String((await message)[0]), 'abcdefghij'.repeat(100));
    await received;
    for (const [i, piece] of ['Hel', '', 'lo', ''].entries()) socket.send(piece, { fin: i === 3 });
    socket.ping('between');
    socket.send('whole');
    const lines = await requester.lines(3);
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('ping')),
      ['text Hello', 'text whole'],
    );
    assert.ok(lines.includes('ping between'));
    socket.terminate();
  }
});

test('pings and pongs go both ways with what is in them', async (t) => {
  const origin = await startWs(t);
  const { requester, socket } = await new Rig(t).open(origin);
  // `ws` answers by itself.
  requester.ping('from here');
  requester.ping('');
  assert.deepEqual(await requester.lines(2), ['pong from here', 'pong']);
  const pong = once(socket, 'pong');
  socket.ping('p'.repeat(125));
  assert.deepEqual((await requester.lines(3)).at(-1), `ping ${'p'.repeat(125)}`);
  requester.pong('p'.repeat(125));
  assert.equal(String((await pong)[0]), 'p'.repeat(125));
});

test('large messages go both ways at once, through small windows', async (t) => {
  const origin = await startWs(t, { perMessageDeflate: { threshold: 0 }, maxPayload: 20_000_000 });
  for (const compression of [false, true]) {
    const { requester, socket } = await new Rig(t, compression, { window: 20_000 }).open(origin);
    const large = Buffer.alloc(10_000_000);
    for (let i = 0; i < large.length; i += 3) large[i] = Math.imul(i, 0x9e3779b1) >>> 24;
    const message = once(socket, 'message');
    socket.send(large);
    await send(requester, large);
    assert.ok(large.equals((await message)[0]));
    const [line = ''] = await requester.lines(1);
    assert.ok(large.equals(Buffer.from(line.slice('binary '.length), 'latin1')));
    socket.terminate();
  }
});

test('either side closes, with code and reason', async (t) => {
  const origin = await startWs(t);
  const rig = new Rig(t);
  for (const [code, reason] of [
    [1000, ''],
    [4001, 'bye é'],
  ] as const) {
    for (const first of ['client', 'server'] as const) {
      const { requester, socket } = await rig.open(origin);
      const closed = once(socket, 'close');
      if (first === 'client') requester.close(code, reason);
      else socket.close(code, reason);
      // `ws` answers with code and reason of its own accord.
      assert.deepEqual(await requester.lines(1), [`close ${code} ${reason}`.trim()]);
      if (first === 'server') requester.close(code, reason);
      const [heard, text] = await closed;
      assert.deepEqual([heard, String(text)], [code, reason]);
      assert.equal(requester.failure(), '');
    }
  }
});

test('a close without a code is one without a code', async (t) => {
  const origin = await startWs(t);
  const { requester, socket } = await new Rig(t).open(origin);
  const closed = once(socket, 'close');
  requester.close();
  assert.equal((await closed)[0], 1005);
  assert.deepEqual(await requester.lines(1), ['close 1005']);
});

test('a server or requester that leaves is noticed', async (t) => {
  const origin = await startWs(t);
  const rig = new Rig(t);
  const lost = await rig.open(origin);
  lost.socket.terminate();
  assert.equal((await lost.requester.failed()).code, 'HF_ORIGIN_CLOSED');
  const left = await rig.open(origin);
  const closed = once(left.socket, 'close');
  left.requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  assert.equal((await closed)[0], 1001);
});

test('limits of either side lead to 1009', async (t) => {
  const origin = await startWs(t, { maxPayload: 1_000 });
  const rig = new Rig(t, false, { maxFrameBytes: 1_000 });
  const theirs = await rig.open(origin);
  await send(theirs.requester, 'x'.repeat(1_001));
  assert.deepEqual(await theirs.requester.lines(1), ['close 1009']);
  const ours = await rig.open(origin);
  const closed = once(ours.socket, 'close');
  ours.socket.send('x'.repeat(1_001));
  assert.equal((await ours.requester.failed()).code, 'HF_ORIGIN_FRAME_TOO_LARGE');
  assert.equal((await closed)[0], 1009);
});

test("headers, userinfo and subprotocols of the requester arrive, and the server's choice comes back", async (t) => {
  const origin = await startWs(t, { handleProtocols: (offered) => [...offered].at(-1) ?? false });
  const headers = ['X-Custom', 'one', 'Sec-WebSocket-Protocol', 'v1, v2', 'Host', 'evil.example', 'Origin', 'http://a'];
  const requester = new Rig(t).ask(origin.uri('/path?q=1', 'ws', 'us%20er:pa%3ass@localhost'), headers);
  const socket = await origin.next();
  await requester.until(() => requester.open);
  assert.equal(socket.protocol, 'v2');
  const { url, headers: got } = origin.requests[0] as IncomingMessage;
  assert.equal(url, '/path?q=1');
  assert.equal(got.host, origin.uri().slice('ws://'.length, -1));
  assert.deepEqual([got['x-custom'], got.origin], ['one', 'http://a']);
  assert.equal(got.authorization, `Basic ${Buffer.from('us er:pa:ss').toString('base64')}`);
  const answered = requester.head?.headers ?? [];
  assert.equal(answered[answered.indexOf('Sec-WebSocket-Protocol') + 1], 'v2');
});

test('an empty path is sent as a slash', async (t) => {
  const origin = await startWs(t);
  const rig = new Rig(t);
  for (const path of ['', '?q', '#part']) {
    rig.ask(origin.uri(path));
    await origin.next();
  }
  assert.deepEqual(
    origin.requests.map(({ url }) => url),
    ['/', '/?q', '/'],
  );
});

test('a refusal arrives whole', async (t) => {
  const origin = await startWs(t, {
    verifyClient: (_info, done) => done(false, 403, 'not today', { 'X-Reason': 'closed on Sundays' }),
  });
  const requester = new Rig(t).ask(origin.uri());
  await requester.until(() => requester.refused);
  assert.deepEqual([requester.head?.status, requester.body], [403, 'not today']);
  assert.ok(requester.head?.headers.includes('closed on Sundays'));
});

test('over TLS the certificate is verified', async (t) => {
  const origin = await startWs(t, { perMessageDeflate: { threshold: 0 } }, {});
  const rig = new Rig(t, true);
  const { requester, socket } = await rig.open(origin);
  socket.on('message', (data) => socket.send(String(data)));
  await send(requester, 'x'.repeat(500_000));
  await send(requester, 'secret');
  assert.deepEqual(await requester.lines(2), [`text ${'x'.repeat(500_000)}`, 'text secret']);
  requester.close(1000, 'done');
  assert.deepEqual((await requester.lines(3)).at(-1), 'close 1000 done');
  // The certificate is for localhost alone.
  const other = rig.ask(origin.uri('/', 'wss', '127.0.0.1'));
  assert.equal((await other.failed()).code, 'HF_ORIGIN_TLS');
  const lax = rig.ask(origin.uri('/', 'wss', '127.0.0.1'), [], { ignoreTlsErrors: true });
  await lax.until(() => lax.open);
});

test('a server that requires a certificate gets the configured one, and a missing one is reported', async (t) => {
  const origin = await startWs(t, {}, { ca: AUTHORITY.certificate, requestCert: true, rejectUnauthorized: true });
  const rig = new Rig(t);
  assert.equal((await rig.ask(origin.uri()).failed()).code, 'HF_ORIGIN_TLS');
  const { certificate, key } = AUTHORITY.issue({ commonName: 'client one', purpose: 'client' });
  const known = rig.ask(origin.uri(), [], { clientCert: certificate, clientKey: key });
  await known.until(() => known.open || known.error !== null);
  assert.equal(known.failure(), '');
});

test('a server without TLS, or with it where none is expected, fails', async (t) => {
  const plain = await startWs(t);
  const secure = await startWs(t, {}, {});
  const rig = new Rig(t);
  assert.equal((await rig.ask(plain.uri('/', 'wss')).failed()).code, 'HF_ORIGIN_TLS');
  assert.match((await rig.ask(secure.uri('/', 'ws')).failed()).code, /^HF_ORIGIN_(CLOSED|PROTOCOL)$/);
});

/** A plain HTTP server that redirects every handshake to what `location` says. */
async function startRedirector(
  t: TestContext,
  status: number,
  location: (url: string) => string,
  address?: string,
): Promise<WsOrigin> {
  const origin = await startWs(t, { noServer: true, server: undefined }, null, address);
  origin.server.on('upgrade', ({ url = '' }, socket) => {
    socket.on('error', () => {});
    socket.end(
      `HTTP/1.1 ${status} Elsewhere\r\nX-Stale: yes\r\nLocation: ${location(url)}\r\nContent-Length: 2\r\n\r\nhm`,
    );
  });
  return origin;
}

test('redirects are followed, relative ones and from http to ws, with credentials only for the same origin', async (t) => {
  const target = await startWs(t);
  const secure = await startWs(t, {}, {});
  const rig = new Rig(t);
  const cases: readonly (readonly [number, WsOrigin, string])[] = [
    [301, target, target.uri('/there')],
    [302, target, target.uri('/there', 'http')],
    [303, secure, secure.uri('/there', 'https')],
    [307, secure, secure.uri('/there')],
    [308, target, `//localhost${target.uri('/there').slice('ws://localhost'.length)}`],
  ];
  for (const [status, to, location] of cases) {
    const from = await startRedirector(t, status, (url) => (url === '/first' ? 'second?x' : location));
    const requester = rig.ask(from.uri('/first'), ['Authorization', 'secret', 'Cookie', 'a=b', 'X', 'y'], {
      followRedirects: true,
    });
    const socket = await to.next();
    await requester.until(() => requester.open);
    assert.deepEqual(
      from.requests.map(({ url, headers }) => [url, headers.authorization, headers.cookie]),
      [
        ['/first', 'secret', 'a=b'],
        ['/second?x', 'secret', 'a=b'],
      ],
    );
    const { url, headers } = to.requests.at(-1) as IncomingMessage;
    assert.deepEqual([url, headers.authorization, headers.cookie, headers.x], ['/there', undefined, undefined, 'y']);
    assert.equal(headers.host, to.uri().split('/')[2]);
    assert.ok(!requester.head?.headers.includes('X-Stale'));
    socket.terminate();
  }
});

test('eight redirects are followed on request, and a ninth is not', async (t) => {
  const target = await startWs(t);
  const rig = new Rig(t);
  for (const [count, code] of [
    [8, ''],
    [9, 'HF_TOO_MANY_REDIRECTS'],
  ] as const) {
    const from = await startRedirector(t, 302, (url) => {
      const left = Number(url.slice(1)) - 1;
      return left === 0 ? target.uri() : `/${left}`;
    });
    const requester = rig.ask(from.uri(`/${count}`), [], { followRedirects: true });
    await requester.until(() => requester.open || requester.error !== null);
    assert.deepEqual([requester.failure(), from.requests.length], [code, Math.min(count, 9)]);
    const unasked = rig.ask(from.uri('/5'));
    await unasked.until(() => unasked.refused);
    assert.deepEqual([unasked.head?.status, unasked.body], [302, 'hm']);
  }
});

test('every hop is checked by the guard, its name and its address', async (t) => {
  const target = await startWs(t);
  // All of 127.0.0.0/8 is this machine, so the first hop may have an address of its own.
  const from = await startRedirector(t, 302, () => target.uri(), '127.0.0.2');
  const rig = new Rig(t);
  for (const deny of ['localhost', '127.0.0.1']) {
    const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: [deny], denyInternal: false });
    const direct = rig.ask(target.uri(), [], { guard });
    assert.equal((await direct.failed()).code, 'HF_POLICY_VIOLATION');
    const redirected = rig.ask(from.uri('/', 'ws', '127.0.0.2'), [], { guard, followRedirects: true });
    assert.equal((await redirected.failed()).code, 'HF_POLICY_VIOLATION');
  }
  assert.deepEqual([from.requests.length, target.requests.length], [2, 0]);
});

test('connect-host and connect-port change only where to connect', async (t) => {
  const origin = await startWs(t);
  const { port } = origin.server.address() as AddressInfo;
  const requester = new Rig(t).ask('ws://far.example/x', [], { connectHost: '127.0.0.1', connectPort: port });
  await requester.until(() => requester.open);
  assert.equal(origin.requests[0]?.headers.host, 'far.example');
});

test('many WebSockets talk at the same time', async (t) => {
  const origin = await startWs(t, { perMessageDeflate: { threshold: 0 } });
  origin.server.setMaxListeners(0);
  const rig = new Rig(t, true);
  const talks = Array.from({ length: 100 }, async (_, i) => {
    const requester = rig.ask(origin.uri());
    await requester.until(() => requester.requestCredit > 0);
    for (let round = 0; round < 5; round++) await send(requester, `${i} ${round} `.repeat(100));
    await requester.lines(5);
    requester.close(1000);
    await requester.lines(6);
    return requester.events;
  });
  for (let i = 0; i < 100; i++) {
    const socket = await origin.next();
    socket.on('message', (data) => socket.send(String(data)));
  }
  for (const [i, events] of (await Promise.all(talks)).entries()) {
    const expected = [0, 1, 2, 3, 4].map((round) => `text ${`${i} ${round} `.repeat(100)}`.trimEnd());
    assert.deepEqual(events, [...expected, 'close 1000']);
  }
});
