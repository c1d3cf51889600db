import { DEFAULT_WEBSOCKET_CLIENT_LIMITS, type HttpClientLimits, type WebSocketClientLimits } from '../client/index.ts';
import type { Guard } from '../net/index.ts';
import type { FetchRules, ZhttpServerOptions } from '../zhttp-server/index.ts';
import type { FetchPlan } from './fetch-plan.ts';
import { zhttpAddress } from './zhttp-address.ts';

/** The options of a ZHTTP server that its plan gives. */
type PlannedOptions = Omit<ZhttpServerOptions, 'target' | 'wheel' | 'log' | 'counters' | 'zmqCounters'>;

/** What a plan says of requesters. */
export function serverLimits(plan: FetchPlan): PlannedOptions {
  const { stream, req, connect, ipcFileMode, inHwm, outHwm, bufferSize, maxBodyBytes } = plan;
  return {
    ...{ stream, req, connect, ipcFileMode, inHwm, outHwm, bufferSize, maxBodyBytes },
    // Packets have bytes, one in each character.
    address: zhttpAddress(plan.id),
    maxOpenRequests: anyUnlessPositive(plan.maxOpenRequests),
    sessionTimeout: plan.sessionTimeout * 1000,
    activityTimeout: anyUnlessPositive(plan.timeout) * 1000,
    ...(plan.timeoutCondition !== undefined && { timeoutCondition: plan.timeoutCondition }),
    ...(plan.quietWebSockets !== undefined && { quietWebSockets: plan.quietWebSockets }),
    ...(plan.namesText !== undefined && { namesText: plan.namesText }),
    limits: { maxPacketBytes: plan.maxPacketBytes, maxHeaders: plan.maxHeaders },
  };
}

/** What a plan says of how requests are made. */
export function fetchRules(plan: FetchPlan, guard: Guard): FetchRules {
  return {
    guard,
    obeyIgnorePolicies: plan.allowIgnorePolicies,
    decompress: plan.decompress,
    ...(plan.requestTimeout > 0 && { requestTimeout: plan.requestTimeout * 1000 }),
  };
}

/** What a plan says of origins. A body that does not move is bounded by the ZHTTP server. */
export function clientLimits(plan: FetchPlan): HttpClientLimits {
  const { poolIdleTimeout, poolMaxIdle, poolMaxTotal, connectionMaxTime } = plan;
  return { ...originLimits(plan), bodyTimeout: 0, poolIdleTimeout, poolMaxIdle, poolMaxTotal, connectionMaxTime };
}

/** The same for WebSockets. Their messages are passed on in pieces, so endless ones cost no memory. */
export function webSocketLimits(plan: FetchPlan): WebSocketClientLimits {
  return {
    ...DEFAULT_WEBSOCKET_CLIENT_LIMITS,
    ...originLimits(plan),
    maxFrameBytes: plan.anyFrameSize === true ? Number.POSITIVE_INFINITY : plan.bufferSize,
    maxMessageBytes: Number.POSITIVE_INFINITY,
    maxFragments: Number.POSITIVE_INFINITY,
    closeTimeout: plan.closeTimeout,
    writeTimeout: plan.timeout,
    window: plan.bufferSize,
    queuedMessages: plan.messagesMax,
  };
}

function originLimits({
  connectTimeout,
  responseTimeout,
  maxResponseHeaderBytes,
  maxHeaders: maxResponseHeaders,
  lenientLineEnds,
}: FetchPlan) {
  return { connectTimeout, responseTimeout, maxResponseHeaderBytes, maxResponseHeaders, lenientLineEnds };
}

function anyUnlessPositive(value: number): number {
  return value > 0 ? value : Number.POSITIVE_INFINITY;
}
