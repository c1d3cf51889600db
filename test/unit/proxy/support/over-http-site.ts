import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import {
  Counters,
  type HeldTotal,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
} from '../../../../src/exchange/index.ts';
import { overHttpHeld, webSocketOverHttp } from '../../../../src/proxy/over-http/websocket-over-http.ts';
import type { TargetWebSocketResponder } from '../../../../src/proxy/proxy-target.ts';
import { FakeWebSocketRequester } from '../../../support/exchange/fake-websocket-requester.ts';
import { requestHead } from '../../../support/exchange/request-head.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { stoppedClock } from '../../hub/support.ts';

/** Responds to a request with events. */
export function respond(post: Requester | undefined, body: string, ...headers: string[]): void {
  post?.onResponse({
    status: 200,
    reason: '',
    headers: ['Content-Type', 'application/websocket-events', ...headers],
    bodyLength: body.length,
  });
  post?.onResponseData(Buffer.from(body), false);
}

export interface Opened {
  readonly webSocket: TargetWebSocketResponder;
  readonly client: FakeWebSocketRequester & { signature: () => string | undefined };
}

/** A target over HTTP whose origin responds when the test does. */
export class Site {
  readonly counters = new Counters();
  readonly posts: Requester[] = [];
  /** Their heads, and what has come of their bodies. */
  readonly heads: RequestHead[] = [];
  readonly bodies: string[] = [];
  /** Requests that were given up. */
  cancelled = 0;
  readonly held: HeldTotal;
  readonly advance: (ms: number) => void;
  readonly log = new FakeLog();
  readonly #service;

  constructor(t: TestContext, max?: number) {
    this.advance = stoppedClock(t);
    const { counters, log } = this;
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    this.held = overHttpHeld({ counters, log }, max);
    this.#service = webSocketOverHttp({
      service: (request, requester) => {
        const at = this.posts.push(requester) - 1;
        this.heads.push(request);
        this.bodies.push('');
        return {
          ...NO_RESPONDER,
          onRequestData: (chunk) => {
            this.bodies[at] += chunk.toString('latin1');
          },
          onRequestError: () => this.cancelled++,
        };
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
  open(...headers: string[]): Opened {
    const opened = this.ask();
    respond(this.posts.at(-1), 'OPEN\r\n', ...headers);
    return opened;
  }

  /** A WebSocket that the origin is asked for. Its requests are signed with 1, 2, 3 and so on. */
  ask(): Opened {
    let signatures = 0;
    const client = Object.assign(new FakeWebSocketRequester(65_536), {
      signature: (): string | undefined => String(++signatures),
    });
    const webSocket = this.#service(requestHead({ scheme: 'ws', headers: ['Host', 'a', 'Grip-Sig', '0'] }), client);
    return { webSocket, client };
  }

  /** The origin takes the body of the last request. @param bytes how much of it; by default all */
  take(bytes = 1_000_000): void {
    this.posts.at(-1)?.onRequestCredit(bytes);
  }
}
