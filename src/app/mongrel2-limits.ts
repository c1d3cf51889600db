import { DEFAULT_CLIENT_LIMITS, type HttpClientLimits } from '../client/index.ts';
import { DEFAULT_LIMITS as WEBSOCKET_LIMITS } from '../codec/websocket/index.ts';
import type { Mongrel2Settings } from '../config/index.ts';
import type { ServerLimits } from '../server/index.ts';
import { openFileLimit } from './open-files.ts';

/** Connections of one Mongrel2 server, unless the limit of open files is lower: so many descriptors has Mongrel2 at most. */
const MAX_CONNECTIONS = 65_536;

/** Seconds that stand for no timeout. */
const NEVER = 31_536_000;

/** Silence of a client in a body, and of one that takes nothing, in seconds. Mongrel2 leaves both to the settings of its killer. */
const STALL_TIMEOUT = 60;

/** The tests of the killer. With a limit of so many none can end a connection. */
const KILLER_TESTS = 3;

/** Seconds that an origin has for its response. */
const RESPONSE_TIMEOUT = 60;

/** What the settings of a site say of its clients. */
export function mongrel2Limits(settings: Mongrel2Settings): ServerLimits {
  const { headBytes, headerCount, minPing, killLimit } = settings;
  return {
    // WebSockets are no matter of the server here.
    ...WEBSOCKET_LIMITS,
    queuedMessages: 100,
    closeTimeout: 10,
    maxHeadBytes: headBytes,
    maxTargetBytes: headBytes,
    maxHeaders: headerCount,
    lenientLineEnds: true,
    maxConnections: Math.min(MAX_CONNECTIONS, openFileLimit() ?? MAX_CONNECTIONS),
    acceptTimeout: 10,
    headerTimeout: 30,
    // A connection without a handler has sent nothing since its last response: it fails all tests once it is idle for long enough.
    idleTimeout: minPing === 0 || killLimit >= KILLER_TESTS ? NEVER : minPing,
    bodyTimeout: STALL_TIMEOUT,
    writeTimeout: STALL_TIMEOUT,
    requestTimeout: 0,
    pipelineBytes: 65_536,
    abortOnHalfClose: false,
  };
}

/** Limits of exchanges with the origins of a site. */
export const MONGREL2_CLIENT_LIMITS: HttpClientLimits = {
  ...DEFAULT_CLIENT_LIMITS,
  responseTimeout: RESPONSE_TIMEOUT,
  bodyTimeout: STALL_TIMEOUT,
};
