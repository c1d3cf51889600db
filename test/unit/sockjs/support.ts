import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import {
  Counters,
  type RequestHead,
  type Responder,
  type WebSocketRequester,
  type WebSocketResponder,
  type WebSocketService,
} from '../../../src/exchange/index.ts';
import { SockJsServer } from '../../../src/sockjs/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { FakeLog } from '../../support/fake-log.ts';

/** An origin that the test plays. */
export class Origin implements WebSocketResponder {
  readonly events: string[] = [];
  credits = 0;
  readonly requester: WebSocketRequester;
  readonly request: RequestHead;

  constructor(request: RequestHead, requester: WebSocketRequester) {
    this.request = request;
    this.requester = requester;
  }

  onRequestData(): void {}

  onRequestMessage(chunk: Buffer, _text: boolean, more: boolean): void {
    this.events.push(`${chunk}${more ? '…' : ''}`);
  }

  onRequestPing(): void {}

  onRequestPong(): void {
    this.events.push('pong');
  }

  onRequestClose(code: number): void {
    this.events.push(`close ${code}`);
  }

  onRequestError({ code }: { code: string }): void {
    this.events.push(code);
  }

  onResponseCredit(bytes: number): void {
    this.credits += bytes;
  }
}

/** A client whose request may be handed over, once its body is here. */
class Client extends FakeRequester {
  override handOver(responder: Responder): void {
    this.responder = responder;
  }
}

const PLACE = { name: 'route', prefix: '/s', asPath: '', script: 'x.js', halfClose: false };

/** A server of sessions, whose origins the test plays. */
export class Rig {
  readonly counters = new Counters();
  readonly log = new FakeLog();
  readonly origins: Origin[] = [];
  readonly server: SockJsServer;
  readonly #openOrigin: WebSocketService = (opening, requester) => {
    const origin = new Origin(opening, requester);
    this.origins.push(origin);
    return origin;
  };

  constructor(t: TestContext) {
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    this.server = new SockJsServer({ wheel, counters: this.counters, log: this.log });
  }

  /** Sends a request, with its body. Its client takes `credits` bytes. */
  ask(target: string, body = '', credits = 65_536): FakeRequester {
    const client = new Client(credits);
    const request = requestHead({ method: 'POST', target: `/s${target}`, bodyLength: body.length, credits });
    client.responder = this.server.request(PLACE, request, client, this.#openOrigin);
    if (body !== '') client.responder.onRequestData(Buffer.from(body), false);
    return client;
  }

  /** Opens a session. Returns its origin. */
  open(id: string): Origin {
    const client = this.ask(`/1/${id}/xhr`);
    const origin = this.origins.at(-1) as Origin;
    origin.requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
    assert.deepEqual(client.response, [200, 'o\n']);
    return origin;
  }

  /** Opens a WebSocket that carries frames. */
  openFramed(id: string): { client: FakeWebSocketRequester; origin: Origin } {
    const client = new FakeWebSocketRequester(65_536);
    client.responder = this.server.webSocket(
      PLACE,
      requestHead({ target: `/s/1/${id}/websocket` }),
      client,
      this.#openOrigin,
    );
    const origin = this.origins.at(-1) as Origin;
    origin.requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
    assert.deepEqual(client.events, ['text o']);
    return { client, origin };
  }
}
