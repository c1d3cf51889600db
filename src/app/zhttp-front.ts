import { DEFAULT_ZHTTP_LIMITS } from '../codec/zhttp/index.ts';
import type { Config } from '../config/index.ts';
import type { Service, WebSocketService } from '../exchange/index.ts';
import type { RequestIds } from '../server/index.ts';
import { ServiceTarget, ZhttpServer, type ZhttpServerOptions } from '../zhttp-server/index.ts';
import { newIdPrefix } from './edge-role.ts';

/** Bytes that an edge may send of a request body, or on a WebSocket, before they are taken: as many as Pushpin grants. */
const BUFFER_SIZE = 200_000;

/** Bytes of a response that was asked for in one packet. Edges in stream mode do not ask for that. */
const MAX_BODY_BYTES = 1_000_000;

/** Messages that wait from one edge, or for one. */
const HWM = 10_000;

/** Milliseconds of silence after which an edge counts as gone: what Condure, Pushpin and our own edge have. */
const SESSION_TIMEOUT = 60_000;

/** Milliseconds that requests wait for the subscription of their edge, which may come a little later than they do. */
const SUBSCRIPTION_PATIENCE = 2_000;

/** What a front is made of. */
export interface ZhttpFrontOptions
  extends Pick<ZhttpServerOptions, 'wheel' | 'counters' | 'zmqCounters' | 'log' | 'observer' | 'tracing'> {
  readonly server: Config['server'];
  readonly service: Service;
  readonly webSocketService: WebSocketService;
  readonly requestIds: RequestIds;
}

/** Takes the requests of edges that are other programs, and serves them like those of our own listeners. */
export function zhttpFront({
  server,
  service,
  webSocketService,
  requestIds,
  ...shared
}: ZhttpFrontOptions): ZhttpServer {
  return new ZhttpServer({
    ...shared,
    // Edges find their way back by it, so no two programs behind an edge may have the same one, nor one after a restart.
    address: `holdfast-${newIdPrefix()}`,
    stream: server.zhttp.map(({ out, outStream, in: into }) => ({ in: out, inStream: outStream, out: into })),
    req: [],
    connect: !server.zhttpBind,
    ipcFileMode: server.zhttpIpcFileMode,
    inHwm: HWM,
    outHwm: HWM,
    maxOpenRequests: server.maxConnections,
    bufferSize: BUFFER_SIZE,
    maxBodyBytes: MAX_BODY_BYTES,
    sessionTimeout: SESSION_TIMEOUT,
    subscriptionPatience: SUBSCRIPTION_PATIENCE,
    // A client may be held for as long as it likes.
    activityTimeout: Number.POSITIVE_INFINITY,
    namesText: true,
    quiet: true,
    limits: { maxPacketBytes: DEFAULT_ZHTTP_LIMITS.maxPacketBytes, maxHeaders: server.maxHeaders },
    target: new ServiceTarget({ service, webSocketService, requestIds }),
  });
}
