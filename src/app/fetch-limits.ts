import { DEFAULT_WEBSOCKET_CLIENT_LIMITS, type HttpClientLimits, type WebSocketClientLimits } from '../client/index.ts';
import type { ZhttpServerOptions } from '../zhttp-server/index.ts';
import type { FetchPlan } from './fetch-plan.ts';
import { zhttpAddress } from './zhttp-address.ts';

/** What of a bridge's options is in its plan. */
type PlannedOptions = Omit<ZhttpServerOptions, 'guard' | 'fetcher' | 'wheel' | 'log' | 'counters' | 'zmqCounters'>;

/** What a plan says of those who ask. */
export function bridgeLimits(plan: FetchPlan): PlannedOptions {
  const { stream, req, connect, ipcFileMode, inHwm, outHwm, bufferSize, maxBodyBytes, decompress } = plan;
  return {
    ...{ stream, req, connect, ipcFileMode, inHwm, outHwm, bufferSize, maxBodyBytes, decompress },
    // Packets have bytes, one in each character.
    address: zhttpAddress(plan.id),
    maxOpenRequests: anyUnlessPositive(plan.maxOpenRequests),
    sessionTimeout: plan.sessionTimeout * 1000,
    activityTimeout: anyUnlessPositive(plan.timeout) * 1000,
    ...(plan.requestTimeout > 0 && { requestTimeout: plan.requestTimeout * 1000 }),
    ...(plan.timeoutCondition !== undefined && { timeoutCondition: plan.timeoutCondition }),
    obeyIgnorePolicies: plan.allowIgnorePolicies,
    limits: { maxPacketBytes: plan.maxPacketBytes, maxHeaders: plan.maxHeaders },
  };
}

/** What a plan says of origins. For bodies that do not move the bridge has a bound. */
export function clientLimits(plan: FetchPlan): HttpClientLimits {
  const { poolIdleTimeout, poolMaxIdle, poolMaxTotal, connectionMaxTime } = plan;
  return { ...originLimits(plan), bodyTimeout: 0, poolIdleTimeout, poolMaxIdle, poolMaxTotal, connectionMaxTime };
}

/** The same of WebSockets. Their messages are passed on in pieces, so those that go on for ever cost no memory. */
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
