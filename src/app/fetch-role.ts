import { HttpClient, WebSocketClient } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import type { Counters, Log } from '../exchange/index.ts';
import { HttpFetcher } from '../fetch/index.ts';
import { TcpDialler } from '../net/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';
import { ZhttpServer } from '../zhttp-server/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { bridgeLimits, clientLimits, webSocketLimits } from './fetch-limits.ts';
import type { FetchPlan } from './fetch-plan.ts';
import { fetchGuard, fetchResolver } from './fetch-policy.ts';

/** What a fetch role is made of. */
export interface FetchRoleOptions {
  /** One at least. They share what makes the requests, so in all that is about origins the first one counts for all. */
  readonly plans: readonly FetchPlan[];
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** Counts connections and requests to origins. */
  readonly clientCounters: Counters;
  readonly counters: BridgeCounters;
  readonly zmqCounters: ZmqCounters;
}

/** Makes the requests of others: those who ask over ZeroMQ on one side, origins on the other. */
export class FetchRole {
  /** Where those who ask can connect, or where we are connected to. */
  readonly endpoints: string[] = [];
  readonly #client: HttpClient;
  readonly #bridges: readonly ZhttpServer[];

  /** @throws Error that names the key of an expression of the policy that cannot be one */
  constructor(options: FetchRoleOptions) {
    const { plans, wheel, log, clientCounters, counters, zmqCounters } = options;
    const plan = plans[0] as FetchPlan;
    const guard = fetchGuard(plan);
    const dialler = new TcpDialler({ resolver: fetchResolver(plan), log });
    const shared = { dialler, wheel, log, counters: clientCounters };
    this.#client = new HttpClient({ ...shared, limits: clientLimits(plan) });
    const fetcher = new HttpFetcher({
      ...shared,
      client: this.#client,
      opener: new WebSocketClient({ ...shared, limits: webSocketLimits(plan), compression: plan.compression }),
      ipv4Only: !plan.allowIpv6,
    });
    this.#bridges = plans.map(
      (each) => new ZhttpServer({ ...bridgeLimits(each), guard, fetcher, wheel, log, counters, zmqCounters }),
    );
  }

  /**
   * Opens the endpoints.
   * @throws Error when one cannot be used
   */
  async start(): Promise<void> {
    for (const bridge of this.#bridges) this.endpoints.push(...(await bridge.open()));
  }

  /** Takes no more requests, and lets those that run come to their end. */
  drain(): void {
    for (const bridge of this.#bridges) bridge.drain();
  }

  async whenEmpty(): Promise<void> {
    await Promise.all(this.#bridges.map((bridge) => bridge.whenEmpty()));
  }

  /** Ends what still runs, tells those who asked, and closes the endpoints. */
  async stop(): Promise<void> {
    await Promise.all(this.#bridges.map((bridge) => bridge.stop()));
    this.#client.close();
  }
}
