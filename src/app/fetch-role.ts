import { HttpClient, WebSocketClient } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import type { Current, ExchangeObserver, Log, OriginCounters } from '../exchange/index.ts';
import { HttpFetcher } from '../fetch/index.ts';
import { Denials, TcpDialler } from '../net/index.ts';
import type { Tracing } from '../server/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import { FetchTarget, ZhttpServer } from '../zhttp-server/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { clientLimits, serverLimits, targetOptions, webSocketLimits } from './fetch-limits.ts';
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

  constructor(options: FetchRoleOptions) {
    const { plans, wheel, log, clientCounters, counters, zmqCounters, observer, tracing } = options;
    const plan = plans[0] as FetchPlan;
    const guard = fetchGuard(plan, this.denials);
    const dialler = new TcpDialler({ resolver: fetchResolver(plan), log });
    const shared = { dialler, wheel, log, counters: clientCounters };
    this.#client = new HttpClient({ ...shared, limits: { current: clientLimits(plan) } });
    const fetcher = new HttpFetcher({
      ...shared,
      client: this.#client,
      opener: new WebSocketClient({
        ...shared,
        limits: { current: webSocketLimits(plan) },
        compression: plan.compression,
      }),
      ipv4Only: !plan.allowIpv6,
    });
    this.#servers = plans.map((each) => {
      const target = new FetchTarget({ ...targetOptions(each), guard, fetcher });
      const told = { observer, ...(tracing !== undefined && { tracing }) };
      return new ZhttpServer({ ...serverLimits(each), target, wheel, log, counters, zmqCounters, ...told });
    });
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
