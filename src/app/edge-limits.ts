import { DEFAULT_LIMITS } from '../codec/websocket/index.ts';
import type { Config } from '../config/index.ts';
import type { ServerLimits } from '../server/index.ts';

type EdgeSection = Config['edge'];

/** Seconds for the client's half of a WebSocket's closing handshake. */
const CLOSE_TIMEOUT = 10;

/** @param share of the connections that this process may have: one over the number of processes */
export function streamLimits(edge: EdgeSection, share: number): ServerLimits {
  const { sessionTimeout, streamTimeout } = edge;
  return {
    ...commonLimits(edge),
    maxConnections: Math.ceil(edge.streamMaxconn * share),
    headerTimeout: sessionTimeout,
    idleTimeout: sessionTimeout,
    bodyTimeout: streamTimeout,
    writeTimeout: streamTimeout,
    requestTimeout: 0,
  };
}

/** The same for connections of req mode, where one time holds for each step. */
export function reqLimits(edge: EdgeSection, share: number): ServerLimits {
  const { reqTimeout } = edge;
  return {
    ...commonLimits(edge),
    maxConnections: Math.ceil(edge.reqMaxconn * share),
    headerTimeout: reqTimeout,
    idleTimeout: reqTimeout,
    bodyTimeout: reqTimeout,
    writeTimeout: reqTimeout,
    requestTimeout: reqTimeout,
  };
}

function commonLimits(edge: EdgeSection) {
  return {
    maxHeadBytes: edge.bufferSize,
    maxTargetBytes: edge.bufferSize,
    maxHeaders: edge.maxHeaders,
    lenientLineEnds: false,
    pipelineBytes: edge.bufferSize,
    abortOnHalfClose: true,
    queuedMessages: edge.messagesMax,
    maxMessageBytes: anyUnlessPositive(edge.maxMessageBytes),
    maxFrameBytes: anyUnlessPositive(edge.maxMessageBytes),
    // Messages are passed on in pieces, so one that goes on for ever costs no memory either.
    maxFragments: edge.maxMessageBytes === 0 ? Number.MAX_SAFE_INTEGER : DEFAULT_LIMITS.maxFragments,
    closeTimeout: CLOSE_TIMEOUT,
  };
}

function anyUnlessPositive(bytes: number): number {
  return bytes === 0 ? Number.MAX_SAFE_INTEGER : bytes;
}
