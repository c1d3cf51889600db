import type { TestContext } from 'node:test';
import { DEFAULT_CLIENT_LIMITS, HttpClient, type HttpClientLimits, type Origin } from '../../../src/client/index.ts';
import { TimerWheel, WheelTimer } from '../../../src/clock/index.ts';
import { Counters, type RequestHead } from '../../../src/exchange/index.ts';
import { type Dialler, SystemResolver, TcpDialler } from '../../../src/net/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { FakeLog } from '../../support/fake-log.ts';

/** No test waits so long: what is to happen by itself must not happen by a timeout. */
const LIMITS: HttpClientLimits = {
  ...DEFAULT_CLIENT_LIMITS,
  connectTimeout: 600,
  responseTimeout: 600,
  bodyTimeout: 600,
  poolIdleTimeout: 600,
  poolMaxIdle: 8,
  maxResponseHeaderBytes: 16_384,
};

/** A client with what it works with; all of it ends with the test. */
export class Fixture {
  readonly client: HttpClient;
  readonly counters = new Counters();
  readonly wheel: TimerWheel;
  readonly log = new FakeLog();

  /** @param wheel by default one whose clock runs; one that steps rarely lets the test set `wheel.now` itself */
  constructor(
    t: TestContext,
    limits: Partial<HttpClientLimits> = {},
    wheel = new TimerWheel(5),
    dialler: Dialler = new TcpDialler({ resolver: new SystemResolver() }),
  ) {
    this.wheel = wheel;
    this.client = new HttpClient({
      dialler,
      wheel,
      counters: this.counters,
      log: this.log,
      limits: { current: { ...LIMITS, ...limits } },
    });
    t.after(() => {
      this.client.close();
      wheel.stop();
    });
  }

  /** Messages that were logged at debug level. */
  get debugged(): string[] {
    return this.log.at('debug').map(({ message }) => message);
  }

  /** Sends a request, a GET without a body unless `fields` says otherwise. */
  send(origin: Origin, fields: Partial<RequestHead> = {}): FakeRequester {
    const request = requestHead(fields);
    const requester = new FakeRequester(request.credits);
    requester.responder = this.client.send(origin, request, requester);
    return requester;
  }

  /** Resolves when the wheel's clock has gone on by `ms`. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.wheel.schedule(new Alarm(resolve), ms));
  }
}

/** A wheel whose clock stands still until the test sets `now`. */
export function stoppedWheel(): TimerWheel {
  return new TimerWheel(2 ** 30);
}

class Alarm extends WheelTimer {
  readonly #ring: () => void;

  constructor(ring: () => void) {
    super();
    this.#ring = ring;
  }

  override onTimer(): void {
    this.#ring();
  }

  override onFault(thrown: unknown): void {
    throw thrown;
  }
}
