import { DEFAULT_LIMITS } from '../codec/websocket/index.ts';
import { DEFAULT_ZHTTP_LIMITS } from '../codec/zhttp/index.ts';
import type { Config } from '../config/index.ts';
import type { ServerLimits } from '../server/index.ts';

type EdgeSection = Config['edge'];

/** Bytes of a packet beside its body. */
const MAX_FIELDS_BYTES = 1_048_576;

/** Bytes that a packet of a handler may have, the largest body included. */
export function maxPacketBytes(edge: EdgeSection): number {
  const largestBody = Math.max(edge.bodyBufferSize, edge.bufferSize);
  return Math.max(DEFAULT_ZHTTP_LIMITS.maxPacketBytes, largestBody + MAX_FIELDS_BYTES);
}

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

/** The same for connections of req mode, where one timeout holds for each step. */
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
    maxMessageBytes: anyUnlessZero(edge.maxMessageBytes),
    maxFrameBytes: anyUnlessZero(edge.maxMessageBytes),
    // Messages are passed on in pieces, so an endless one takes no memory.
    maxFragments: edge.maxMessageBytes === 0 ? Number.MAX_SAFE_INTEGER : DEFAULT_LIMITS.maxFragments,
    closeTimeout: edge.closeTimeout,
    acceptTimeout: edge.acceptTimeout,
  };
}

/** The bound of a frame's length has to be an exact integer, so it cannot be infinite. */
function anyUnlessZero(bytes: number): number {
  return bytes === 0 ? Number.MAX_SAFE_INTEGER : bytes;
}
