import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { formatHostPort } from '../../../src/config/index.ts';
import { Counters, type ErrorCode, ExchangeError, NO_RESPONDER, textResponse } from '../../../src/exchange/index.ts';
import { Hub } from '../../../src/hub/index.ts';
import { prepareRoutes, proxyServices, RouteTable } from '../../../src/proxy/index.ts';
import type { TargetWebSocketRequester } from '../../../src/proxy/proxy-target.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { configOf } from '../../support/running-app.ts';
import { routeMeans } from './support/route-means.ts';

/** A proxy with one route to the targets `a:1` and `b:1`. The test plays its clients and its targets. */
class Rig {
  /** Targets that refuse connections. */
  readonly down = new Set<string>();
  readonly #asked: string[] = [];
  readonly #waiting: { readonly name: string; readonly requester: TargetWebSocketRequester }[] = [];
  readonly #services;

  constructor(t: TestContext, balance: string) {
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    const counters = new Counters();
    const log = new FakeLog();
    const config = configOf([`*,balance=${balance} a:1 b:1`]);
    const hub = new Hub({ wheel, counters, log, limits: { current: config.hub }, patchBody: () => null });
    const means = routeMeans({
      webSocketServiceOf: (target) => (_request, requester) => this.#ask(formatHostPort(target), requester),
      serviceOf: (target) => (_request, requester) => {
        this.#asked.push(formatHostPort(target));
        const { head, body } = textResponse(200, '');
        requester.onResponse(head);
        requester.onResponseData(body, false);
        return NO_RESPONDER;
      },
    });
    const routes = new RouteTable(prepareRoutes(config, means));
    const current = { routes, trust: null, rules: config.proxy, debug: false, shareAll: false };
    this.#services = proxyServices({ settings: { current }, hub, wheel, counters, log });
  }

  #ask(name: string, requester: TargetWebSocketRequester): typeof NO_RESPONDER {
    this.#asked.push(name);
    if (this.down.has(name)) requester.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE'));
    else this.#waiting.push({ name, requester });
    return NO_RESPONDER;
  }

  /** Sends a WebSocket. Returns its client, and the names of the targets that were asked. */
  send(): { client: FakeWebSocketRequester; asked: string } {
    this.#asked.length = 0;
    const request = requestHead({ scheme: 'ws' });
    const client = new FakeWebSocketRequester(request.credits);
    client.responder = this.#services.webSocketService(request, client);
    return { client, asked: this.#asked.join(' ') };
  }

  /** Sends a request. Returns the names of the targets that were asked. */
  request(): string {
    this.#asked.length = 0;
    const request = requestHead();
    this.#services.service(request, new FakeWebSocketRequester(request.credits));
    return this.#asked.join(' ');
  }

  /** The newest WebSocket at a target. */
  at(name: string): TargetWebSocketRequester {
    return this.#waiting.findLast((waiting) => waiting.name === name)?.requester ?? assert.fail(`none at ${name}`);
  }

  /** Opens the newest WebSocket at a target, which speaks GRIP. */
  open(name: string): TargetWebSocketRequester {
    const requester = this.at(name);
    const headers = ['Sec-WebSocket-Extensions', 'grip'];
    requester.onResponse({ status: 101, reason: '', headers, bodyLength: 0 });
    return requester;
  }
}

test('a target that takes no WebSocket is passed over for a while, also by requests', (t) => {
  const rig = new Rig(t, 'failover');
  rig.down.add('a:1');
  assert.equal(rig.send().asked, 'a:1 b:1');
  assert.equal(rig.send().asked, 'b:1');
  assert.equal(rig.request(), 'b:1');
});

const ends: Record<string, (rig: Rig, client: FakeWebSocketRequester) => void> = {
  'the client leaves': (_rig, client) => client.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE')),
  'the origin is lost': (rig) => rig.at('b:1').onResponseError(new ExchangeError('HF_ORIGIN_CLOSED')),
  'the client closes first': (rig, client) => {
    const origin = rig.open('b:1');
    client.close(1000);
    origin.onResponseClose(1000, '');
  },
  'the origin closes first': (rig, client) => {
    rig.open('b:1').onResponseClose(1000, '');
    client.close(1000);
  },
  'the origin refuses': (rig) => {
    const { head, body } = textResponse(403, 'no');
    rig.at('b:1').onResponse(head);
    rig.at('b:1').onResponseData(body, false);
  },
  'the origin detaches': (rig) => rig.open('b:1').onResponseMessage(Buffer.from('c:{"type":"detach"}'), true, false),
};

for (const [title, end] of Object.entries(ends)) {
  test(`with least_connections a WebSocket counts at its target until ${title}`, (t) => {
    const rig = new Rig(t, 'least_connections');
    rig.send();
    const { client, asked } = rig.send();
    assert.equal(asked, 'b:1');
    assert.equal(rig.send().asked, 'a:1');
    // Now `a:1` has two, and `b:1` one.
    end(rig, client);
    assert.deepEqual([rig.send().asked, rig.send().asked], ['b:1', 'b:1']);
  });
}

for (const code of ['HF_ORIGIN_UNREACHABLE', 'HF_ORIGIN_CLOSED'] satisfies ErrorCode[]) {
  test(`an open WebSocket that ends with ${code} says nothing about new connections`, (t) => {
    const rig = new Rig(t, 'failover');
    rig.send();
    rig.open('a:1').onResponseError(new ExchangeError(code));
    assert.equal(rig.send().asked, 'a:1');
    rig.open('a:1');
    const open = rig.at('a:1');
    rig.down.add('a:1');
    assert.equal(rig.send().asked, 'a:1 b:1');
    open.onResponseError(new ExchangeError(code));
    assert.equal(rig.send().asked, 'b:1');
  });
}

for (const [kind, spend] of [
  ['a message', (client: FakeWebSocketRequester) => client.message('m'.repeat(100))],
  ['a ping', (client: FakeWebSocketRequester) => client.ping('p'.repeat(100))],
] as const) {
  test(`an origin that detaches before it has taken ${kind} keeps none of the credit of the client`, (t) => {
    const rig = new Rig(t, 'failover');
    const { client } = rig.send();
    const origin = rig.open('a:1');
    origin.onRequestCredit(1_000);
    spend(client);
    assert.equal(client.requestCredit, 900);
    origin.onResponseMessage(Buffer.from('c:{"type":"detach"}'), true, false);
    assert.equal(client.requestCredit, 1_000);
    origin.onRequestCredit(100);
    assert.equal(client.requestCredit, 1_000);
  });
}
