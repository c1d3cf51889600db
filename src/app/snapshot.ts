import {
  DEFAULT_CLIENT_LIMITS,
  DEFAULT_WEBSOCKET_CLIENT_LIMITS,
  type HttpClientLimits,
  type WebSocketClientLimits,
} from '../client/index.ts';
import { DEFAULT_LIMITS } from '../codec/websocket/index.ts';
import type { Config } from '../config/index.ts';
import type { AccessRules } from '../control/index.ts';
import type { HubLimits, PresenceLimits } from '../hub/index.ts';
import type { ProxySettings } from '../proxy/index.ts';
import type { ServerLimits } from '../server/index.ts';
import { accessRules } from './prepare-routing.ts';

/**
 * What the proxy and the publish endpoint do as the configuration says, ready to use. It is never changed: another configuration is
 * another snapshot, which takes the place of this one as a whole. Rooms see the parts of the one in force through a `Current`.
 */
export interface Snapshot {
  readonly config: Config;
  readonly proxy: ProxySettings;
  /** Ids of the routes that have one. */
  readonly routeIds: ReadonlySet<string>;
  /** Who may use the control port. */
  readonly access: AccessRules;
  /** Bounds for clients. */
  readonly server: ServerLimits;
  /** Bounds for publishers. */
  readonly controlServer: ServerLimits;
}

/** Seconds for the head of a request to the control port, at most: its few places are not for those who take longer. */
const CONTROL_HEADER_TIMEOUT = 5;

/**
 * Makes the snapshot of a configuration with what was prepared of its routes. Key files of the control port are read now.
 * @throws Error when a key cannot be read or used
 */
export function newSnapshot(config: Config, proxy: ProxySettings): Snapshot {
  const { server, control } = config;
  return {
    config,
    proxy,
    routeIds: new Set(config.routes.map(({ id }) => id).filter((id) => id !== '')),
    access: accessRules(config),
    server: serverLimits(server),
    controlServer: serverLimits({
      ...server,
      maxHeaderBytes: control.maxHeaderBytes,
      maxTargetBytes: control.maxHeaderBytes,
      maxConnections: control.maxConnections,
      headerTimeout: Math.min(server.headerTimeout, CONTROL_HEADER_TIMEOUT),
      requestTimeout: control.requestTimeout,
    }),
  };
}

/** What bounds the requests to origins, and held clients. It is part of each configuration, as a snapshot is, but needs no keys. */
export interface Bounds {
  readonly client: HttpClientLimits;
  readonly webSocketClient: WebSocketClientLimits;
  readonly hub: HubLimits & PresenceLimits;
  /** Bytes of all streams that can be resumed. */
  readonly streamBytes: number;
}

export function boundsOf({ proxy, hub }: Config): Bounds {
  const client = { ...DEFAULT_CLIENT_LIMITS, ...proxy };
  return { client, webSocketClient: webSocketLimits(client), hub, streamBytes: proxy.resumeMaxBytes };
}

/**
 * Bounds for WebSockets. Messages are passed on in pieces, so their length needs none. More of them may wait than the hub has on their way
 * to one client.
 */
const WEBSOCKET_LIMITS = {
  maxFrameBytes: Number.MAX_SAFE_INTEGER,
  maxMessageBytes: Number.POSITIVE_INFINITY,
  maxFragments: DEFAULT_LIMITS.maxFragments,
  queuedMessages: 1_024,
  closeTimeout: 10,
};

/** Limits of the WebSockets to origins. */
function webSocketLimits({ connectTimeout, maxResponseHeaderBytes }: HttpClientLimits): WebSocketClientLimits {
  return { ...DEFAULT_WEBSOCKET_CLIENT_LIMITS, ...WEBSOCKET_LIMITS, connectTimeout, maxResponseHeaderBytes };
}

function serverLimits(section: Config['server']): ServerLimits {
  return { ...section, ...WEBSOCKET_LIMITS, maxHeadBytes: section.maxHeaderBytes, abortOnHalfClose: false };
}
