import { HttpClient, type HttpClientLimits, WebSocketClient, type WebSocketClientLimits } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { type Current, type ExchangeObserver, Holder, type Log, type OriginCounters } from '../exchange/index.ts';
import { HttpFetcher } from '../fetch/index.ts';
import { Denials, TcpDialler } from '../net/index.ts';
import type { Tracing } from '../server/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import { type FetchRules, FetchTarget, ZhttpServer } from '../zhttp-server/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { clientLimits, fetchRules, serverLimits, webSocketLimits } from './fetch-limits.ts';
import type { FetchPlan } from './fetch-plan.ts';
import { fetchGuard, fetchResolver } from './fetch-policy.ts';

/** What a fetch role is made of. */
export interface FetchRoleOptions {
  /** At least one. They share what makes the requests, so what the first one says about origins holds for all. */
  readonly plans: readonly FetchPlan[];
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** Counts connections and requests to origins. */
  readonly clientCounters: OriginCounters;
  readonly counters: SessionCounters;
  readonly zmqCounters: ZmqCounters;
  /** Is told of each request at its end. */
  readonly observer: Current<ExchangeObserver | null>;
  /** How requests take part in traces. Default: the fields of traces pass as any other. */
  readonly tracing?: Current<Tracing | null>;
}

/** Makes requests for others: requesters over ZeroMQ on one side, origins on the other. */
export class FetchRole {
  /** Where requesters can connect, or where this role is connected to. */
  readonly endpoints: string[] = [];
  /** What its policies have denied, and why. */
  readonly denials = new Denials();
  readonly #client: HttpClient;
  readonly #servers: readonly ZhttpServer[];
  readonly #bounds: Holder<FetchBounds>;

  constructor(options: FetchRoleOptions) {
    const { plans, wheel, log, clientCounters, counters, zmqCounters, observer, tracing } = options;
    const plan = plans[0] as FetchPlan;
    const bounds = new Holder(boundsOf(plans, this.denials));
    this.#bounds = bounds;
    const dialler = new TcpDialler({ resolver: fetchResolver(plan), log });
    const shared = { dialler, wheel, log, counters: clientCounters };
    this.#client = new HttpClient({ ...shared, limits: bounds.part(({ client }) => client) });
    const fetcher = new HttpFetcher({
      ...shared,
      client: this.#client,
      opener: new WebSocketClient({
        ...shared,
        limits: bounds.part(({ webSocketClient }) => webSocketClient),
        compression: plan.compression,
      }),
      ipv4Only: !plan.allowIpv6,
    });
    const told = { observer, ...(tracing !== undefined && { tracing }) };
    this.#servers = plans.map((each, index) => {
      const own = (): PlanBounds => bounds.current.plans[index] as PlanBounds;
      const target = new FetchTarget({ fetcher, rules: bounds.part(() => own().rules) });
      return new ZhttpServer({
        ...serverLimits(each),
        target,
        wheel,
        log,
        counters,
        zmqCounters,
        ...told,
        get maxOpenRequests() {
          return own().server.maxOpenRequests;
        },
        get maxBodyBytes() {
          return own().server.maxBodyBytes;
        },
        get activityTimeout() {
          return own().server.activityTimeout;
        },
        get limits() {
          return own().server.limits;
        },
      });
    });
  }

  /** Uses the bounds and policies of other plans, as many as before. Requests that run keep theirs. */
  use(plans: readonly FetchPlan[]): void {
    this.#bounds.current = boundsOf(plans, this.denials);
  }

  /**
   * Opens the endpoints.
   * @throws Error when one cannot be used
   */
  async start(): Promise<void> {
    for (const server of this.#servers) this.endpoints.push(...(await server.open()));
  }

  /** Another process takes the requests: those that run complete. */
  retire(): void {
    this.drain();
  }

  /** Requests end by themselves, or by their timeouts. */
  dismiss(): void {}

  /** Takes no more requests, and lets those that run complete. */
  drain(): void {
    for (const server of this.#servers) server.drain();
  }

  async whenEmpty(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.whenEmpty()));
  }

  /** Ends what still runs, tells the requesters, and closes the endpoints. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    this.#client.close();
  }
}

/** What of a plan can be replaced. */
interface PlanBounds {
  readonly server: ReturnType<typeof serverLimits>;
  readonly rules: FetchRules;
}

/** What of all plans can be replaced. */
interface FetchBounds {
  readonly plans: readonly PlanBounds[];
  readonly client: HttpClientLimits;
  readonly webSocketClient: WebSocketClientLimits;
}

function boundsOf(plans: readonly FetchPlan[], denials: Denials): FetchBounds {
  const plan = plans[0] as FetchPlan;
  const guard = fetchGuard(plan, denials);
  return {
    client: clientLimits(plan),
    webSocketClient: webSocketLimits(plan),
    plans: plans.map((each) => ({ server: serverLimits(each), rules: fetchRules(each, guard) })),
  };
}
