import { type BridgeCounters, FetchBridge } from '../bridge/index.ts';
import {
  DEFAULT_WEBSOCKET_CLIENT_LIMITS,
  type Fetcher,
  HttpClient,
  HttpFetcher,
  WebSocketClient,
} from '../client/index.ts';
import type { Counters, Log } from '../exchange/index.ts';
import { type Guard, TcpDialler, type TimerWheel } from '../net/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
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
  readonly #options: FetchRoleOptions;
  readonly #client: HttpClient;
  readonly #bridges: readonly FetchBridge[];

  /** @throws Error that names the key of an expression of the policy that cannot be one */
  constructor(options: FetchRoleOptions) {
    const { plans, wheel, log, clientCounters: counters } = options;
    const plan = plans[0] as FetchPlan;
    const guard = fetchGuard(plan);
    const shared = { dialler: new TcpDialler({ resolver: fetchResolver(plan), log }), wheel, counters, log };
    this.#options = options;
    this.#client = new HttpClient({ ...shared, limits: clientLimits(plan) });
    const fetcher = new HttpFetcher({
      ...shared,
      client: this.#client,
      opener: new WebSocketClient({ ...shared, limits: webSocketLimits(plan), compression: plan.compression }),
      ipv4Only: !plan.allowIpv6,
    });
    this.#bridges = plans.map((each) => this.#bridge(each, fetcher, guard));
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

  #bridge(plan: FetchPlan, fetcher: Fetcher, guard: Guard): FetchBridge {
    const { wheel, log, counters, zmqCounters } = this.#options;
    return new FetchBridge({
      address: plan.id,
      stream: plan.stream,
      req: plan.req,
      connect: plan.connect,
      ipcFileMode: plan.ipcFileMode,
      inHwm: plan.inHwm,
      outHwm: plan.outHwm,
      maxOpenRequests: anyUnlessPositive(plan.maxOpenRequests),
      bufferSize: plan.bufferSize,
      maxBodyBytes: plan.maxBodyBytes,
      sessionTimeout: plan.sessionTimeout * 1000,
      activityTimeout: anyUnlessPositive(plan.timeout) * 1000,
      ...(plan.requestTimeout > 0 && { requestTimeout: plan.requestTimeout * 1000 }),
      ...(plan.timeoutCondition !== undefined && { timeoutCondition: plan.timeoutCondition }),
      guard,
      obeyIgnorePolicies: plan.allowIgnorePolicies,
      decompress: plan.decompress,
      limits: { maxPacketBytes: plan.maxPacketBytes, maxHeaders: plan.maxHeaders },
      fetcher,
      wheel,
      counters,
      zmqCounters,
      log,
    });
  }
}

/** What the bridge bounds by activity needs no bound here. */
function clientLimits(plan: FetchPlan) {
  return { ...commonLimits(plan), bodyTimeout: 0 };
}

function webSocketLimits(plan: FetchPlan) {
  return {
    ...DEFAULT_WEBSOCKET_CLIENT_LIMITS,
    ...commonLimits(plan),
    maxFrameBytes: plan.anyFrameSize === true ? Number.POSITIVE_INFINITY : plan.bufferSize,
    // Messages are passed on in pieces, so one that goes on for ever costs no memory.
    maxMessageBytes: Number.POSITIVE_INFINITY,
    maxFragments: Number.POSITIVE_INFINITY,
    closeTimeout: plan.closeTimeout,
    writeTimeout: plan.timeout,
    window: plan.bufferSize,
    queuedMessages: plan.messagesMax,
  };
}

function commonLimits(plan: FetchPlan) {
  return {
    connectTimeout: plan.connectTimeout,
    responseTimeout: plan.responseTimeout,
    poolIdleTimeout: plan.poolIdleTimeout,
    poolMaxIdle: plan.poolMaxIdle,
    poolMaxTotal: plan.poolMaxTotal,
    connectionMaxTime: plan.connectionMaxTime,
    maxResponseHeaderBytes: plan.maxResponseHeaderBytes,
    maxResponseHeaders: plan.maxHeaders,
    lenientLineEnds: plan.lenientLineEnds,
  };
}

function anyUnlessPositive(value: number): number {
  return value > 0 ? value : Number.POSITIVE_INFINITY;
}
