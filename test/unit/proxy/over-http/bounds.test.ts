import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import {
  Counters,
  ExchangeError,
  type HeldTotal,
  NO_RESPONDER,
  type Requester,
} from '../../../../src/exchange/index.ts';
import { MAX_PARTINGS } from '../../../../src/proxy/over-http/over-http-websocket.ts';
import { overHttpHeld, webSocketOverHttp } from '../../../../src/proxy/over-http/websocket-over-http.ts';
import type { TargetWebSocketResponder } from '../../../../src/proxy/proxy-target.ts';
import { FakeWebSocketRequester } from '../../../support/exchange/fake-websocket-requester.ts';
import { requestHead } from '../../../support/exchange/request-head.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { stoppedClock } from '../../hub/support.ts';

/** Responds to a request with events. */
function respond(post: Requester | undefined, body: string, ...headers: string[]): void {
  post?.onResponse({
    status: 200,
    reason: '',
    headers: ['Content-Type', 'application/websocket-events', ...headers],
    bodyLength: body.length,
  });
  post?.onResponseData(Buffer.from(body), false);
}

interface Opened {
  readonly webSocket: TargetWebSocketResponder;
  readonly client: FakeWebSocketRequester;
}

/** A target over HTTP whose origin responds when the test does. */
class Site {
  readonly counters = new Counters();
  readonly posts: Requester[] = [];
  /** Requests that were given up. */
  cancelled = 0;
  readonly held: HeldTotal;
  readonly advance: (ms: number) => void;
  readonly #service;

  constructor(t: TestContext, max?: number) {
    this.advance = stoppedClock(t);
    const { counters } = this;
    const log = new FakeLog();
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    this.held = overHttpHeld({ counters, log }, max);
    this.#service = webSocketOverHttp({
      service: (_request, requester) => {
        this.posts.push(requester);
        return { ...NO_RESPONDER, onRequestError: () => this.cancelled++ };
      },
      oneEvent: false,
      leastKeepAlive: 20,
      held: this.held,
      wheel,
      counters,
      log,
    });
  }

  /** A WebSocket that the origin has accepted. */
  open(): Opened {
    const opened = this.ask();
    respond(this.posts.at(-1), 'OPEN\r\n');
    return opened;
  }

  /** A WebSocket that the origin is asked for. */
  ask(): Opened {
    const client = Object.assign(new FakeWebSocketRequester(65_536), { signature: () => undefined });
    const webSocket = this.#service(requestHead({ scheme: 'ws', headers: ['Host', 'a'] }), client);
    return { webSocket, client };
  }
}

const GONE = new ExchangeError('HF_CLIENT_GONE');

test('an origin is told of so many clients that leave at once, and of no more', (t) => {
  const site = new Site(t);
  const opened = Array.from({ length: MAX_PARTINGS + 10 }, () => site.open());
  const before = site.posts.length;
  for (const { webSocket } of opened) webSocket.onRequestError(GONE);
  assert.equal(site.posts.length - before, MAX_PARTINGS);
  assert.equal(site.counters.partingsDropped, 10);
  const next = site.open();
  respond(site.posts[before], '');
  next.webSocket.onRequestError(GONE);
  assert.equal(site.counters.partingsDropped, 10);
});

test('an origin that does not respond when it is told that a client has left is not waited for longer than 10 s', (t) => {
  const site = new Site(t);
  site.open().webSocket.onRequestError(GONE);
  site.advance(9_900);
  assert.equal(site.cancelled, 0);
  site.advance(200);
  assert.equal(site.cancelled, 1);
  assert.equal(site.held.bytes, 0);
});

test('what waits for origins is counted, until it has been accepted or its client has left', (t) => {
  const site = new Site(t);
  const { webSocket } = site.open();
  assert.equal(site.held.bytes, 0);
  webSocket.onRequestMessage(Buffer.alloc(1_000), true, false);
  // The message and the request.
  assert.ok(site.held.bytes > 2_000);
  webSocket.onRequestMessage(Buffer.alloc(0), true, false);
  webSocket.onRequestMessage(Buffer.alloc(500), true, true);
  respond(site.posts.at(-1), '', 'Content-Bytes-Accepted', '999');
  respond(site.posts.at(-1), '');
  assert.equal(site.held.bytes, 500);
  webSocket.onRequestMessage(Buffer.alloc(0), true, false);
  respond(site.posts.at(-1), '');
  assert.equal(site.held.bytes, 0);
  webSocket.onRequestMessage(Buffer.alloc(1_000), true, false);
  webSocket.onRequestError(GONE);
  respond(site.posts.at(-1), '');
  respond(site.posts.at(-1), '');
  assert.equal(site.held.bytes, 0);
});

test('a WebSocket that its origin refuses holds nothing', (t) => {
  const site = new Site(t);
  const { client } = site.ask();
  assert.ok(site.held.bytes > 0);
  site.posts.at(-1)?.onResponse({ status: 403, reason: '', headers: [], bodyLength: 0 });
  site.posts.at(-1)?.onResponseData(Buffer.alloc(0), false);
  assert.equal(client.head?.status, 403);
  assert.equal(site.held.bytes, 0);
});

test('beyond the total the WebSockets end that hold the most', async (t) => {
  const site = new Site(t, 1_000_000);
  const opened = Array.from({ length: 5 }, () => site.open());
  for (const [i, { webSocket }] of opened.entries()) {
    webSocket.onRequestMessage(Buffer.alloc(60_000 + 10_000 * i), true, false);
    webSocket.onRequestMessage(Buffer.alloc(60_000 + 10_000 * i), true, false);
  }
  await new Promise(setImmediate);
  const ended = opened.map(({ client }) => client.failure());
  assert.ok(site.held.bytes <= 750_000);
  assert.deepEqual([ended[0], ended[4]], ['', 'HF_ORIGIN_TIMEOUT']);
});
