import type { AcmeCounters } from '../../acme/index.ts';
import {
  type ClusterCounters,
  type ControlCounters,
  type Counters,
  isLevel,
  type OriginCounters,
  type ServerCounters,
} from '../../exchange/index.ts';
import type { FilesCounters } from '../../files/index.ts';
import type { HistoryCounters } from '../../history/index.ts';
import type { Mongrel2Counters } from '../../mongrel2/index.ts';
import type { TraceCounters } from '../../trace/index.ts';
import type { WebhookCounters } from '../../webhooks/index.ts';
import type { SessionCounters } from '../../zhttp/index.ts';
import type { ZmqCounters } from '../../zmq/index.ts';
import type { AccessLogTotals } from '../access-logs.ts';
import type { LogCounters } from '../bounded-output.ts';
import type { PoolCounters } from '../worker-pool.ts';

/** Describes each counter of a class. */
type Docs<Class> = Readonly<Record<keyof Class & string, string>>;

const FAULTS =
  'Exceptions that ended one exchange, connection or session. They are defects of ours; the log has the stack of each.';

const SERVER: Docs<ServerCounters> = {
  connectionsAccepted: 'Connections that got their turn.',
  connectionsOpen: 'Connections that are open now.',
  connectionsMovedIn: 'Connections that an upgrade has brought from another process.',
  connectionsMovedOut: 'Connections that an upgrade has taken to another process.',
  connectionsLost: 'Connections that could not be accepted, most likely because file descriptors ran out.',
  connectionsRefused: 'Connections that waited too long and got a 503 or were cut.',
  connectionsDisplaced: 'Connections without a request that were closed to make room for others.',
  handshakesFailed: 'TLS connections that ended before their handshake did.',
  proxyHeadersFailed: 'Connections closed because no valid PROXY header came from a trusted proxy.',
  requests: 'Requests of clients.',
  requestsRefused: 'Requests refused by the server itself (malformed, over a limit, too slow).',
  responsesInvalid: 'Responses that could not be sent as their responder gave them: malformed, or because of a defect.',
  faults: FAULTS,
  webSocketsAccepted: 'WebSockets that were accepted.',
  webSocketsOpen: 'WebSockets that are open now.',
  webSocketsFailed: 'WebSockets ended because the client broke the protocol or exceeded one of its limits.',
  clientsStalled: 'Connections cut because the client read nothing of its response for too long.',
  requestsAborted: 'Exchanges that the client left early.',
};

const CONTROL: Docs<ControlCounters> = {
  ...SERVER,
  publishesRefused: 'Publish requests refused as a whole.',
  eventsDropped: 'Events that slow readers of the control API did not get.',
};

const ORIGINS: Docs<OriginCounters> = {
  originRequests: 'Requests to origins.',
  originErrors: 'Requests to origins that failed.',
  originRetries: 'Requests sent again because a pooled connection had gone stale.',
  faults: FAULTS,
};

const PROXY: Docs<Counters> = {
  ...SERVER,
  ...ORIGINS,
  requestsFailed: 'Requests that the proxy got no response for.',
  tokensRefused: 'Requests without a token that their route accepts.',
  tokensExpired: 'Held clients and WebSockets whose token expired.',
  compressionsSkipped: 'Responses that were not compressed, because too many others were.',
  keySetsFailed: 'Key sets that could not be fetched.',
  requestsLimited: 'Requests above the limit of their route for one client.',
  rateLimitsForgotten: 'Clients whose requests are counted from the start again, because there were too many others.',
  holdsOpen: 'Clients that are held now.',
  holdsStarted: 'Clients that came to be held.',
  holdsTimedOut: 'Held requests that got their timeout response.',
  replaysFailed: 'Replays of held requests that failed: the requests stayed held.',
  replaysAborted: 'Replays that were aborted because an item or the timeout was the response before they had one.',
  requestBodiesLost:
    'Bodies of requests that found no room to be kept: if their clients come to be held, the requests cannot be sent again.',
  holdsRefused: 'Held requests that got their response at once, because too much was held already.',
  subscriptionsDropped: 'Channels beyond the limit that a hold asked for and did not get.',
  requestsShared: 'Requests of clients that shared the response of an equal one.',
  streamsStarted: 'Event streams that began and that clients can resume.',
  streamsOpen: 'Streams that can be resumed now.',
  streamsResumed: 'Requests that got the rest of a stream, or heard of its end.',
  resumesUnknown:
    'Requests with the event id of a stream that is gone or that they may not read: they went to the origin.',
  resumesForbidden:
    'Those of `holdfast_proxy_resumes_unknown_total` whose credentials were not those of the first request.',
  streamsAbandoned: 'Streams whose request to the origin was cancelled, because no client came back in time.',
  streamsEvicted: 'Streams that were discarded early, because all together exceeded `resume_max_bytes`.',
  streamsUnlogged: 'Event streams that cannot be resumed, because there was no room for another one.',
  linksShared: 'Next links of clients that the request of another client served too.',
  sessionRequestsFailed:
    'Requests to the session state service without a proper reply, and last ids that could not be sent to it.',
  goneLinksDropped: 'Gone links that were not followed, because too many were under way.',
  partingsDropped: 'Clients of origins over HTTP whose end their origin was not told, because too many left.',
  itemsPublished: 'Items that were accepted.',
  itemsDelivered: 'Deliveries to clients.',
  itemsRepeated: 'Items that were published before with the same id or idempotency key.',
  itemsOutdated: 'Items that were not newer than the last `version` of their channel.',
  itemsExpired: 'Items whose `ttl` had ended: once for each client that did not get the item, or once if nobody did.',
  itemsOutOfOrder: 'Items that waited for one before them and were dropped.',
  filterErrors: 'Items and initial bodies that a filter could not be applied to.',
  deliveriesDropped:
    'Items that a client did not get, because more than `message_hwm` waited for the rate of its route.',
  itemsDropped: "Items that a slow client's full queue had no room for.",
  slowClientsClosed:
    "Streams and WebSockets closed because their client's queue was full, on routes with `slow` = `close`.",
  historyResumed: 'Clients that came back with a cursor and got everything that they had missed.',
  historyGaps: 'Times that a client could not get everything that it had missed of channels with a history.',
  historyReplays:
    'Requests that were sent to their origin again because their client could not get everything that it had missed, as `on_gap` = `replay` says.',
  usersOpen:
    'Users who are on channels with `presence` now: one on two channels counts twice. In a cluster, those of all nodes.',
  presenceDropped: 'Users and channels that the presence table had no room for.',
  usersRefused: 'Names of users that were too long or not UTF-8: their clients have no user.',
  sockJsSessionsOpen: 'SockJS sessions of clients without a WebSocket.',
  sockJsSessionsRefused: 'SockJS sessions that were not opened, because too many were open.',
  sockJsSessionsFailed:
    'SockJS sessions that ended because too much waited for the client, or a message was too large.',
  itemsUndelivered:
    'Items that a worker process, or the other process of an upgrade, did not get, because too much waited for it.',
};

const SESSIONS: Docs<SessionCounters> = {
  sessions: 'Sessions that were begun: HTTP requests and WebSockets.',
  sessionsOpen: 'Sessions that are open now.',
  sessionsFailed: 'Sessions that ended with an error, except those whose client or requester left.',
  sessionsExpired: 'Sessions whose peer was silent for too long. At the edge they are among the failed ones too.',
  sessionsRepeated: 'Requests that were offered to a handler again, because the beginning of its response was missed.',
  sessionsForgotten:
    'Sessions that clients left before their handlers were known, and that were forgotten because there were too many of them.',
  sessionsCancelled: 'Sessions that their requesters cancelled.',
  requestsRefused: 'First packets that were refused: not a valid request, an id that is in use, or too late.',
  requestsUntaken: 'Requests that no handler took in time.',
  faults: FAULTS,
  packetsReceived: 'Packets that came from peers.',
  packetsSent: 'Packets that were sent to peers.',
  packetsMalformed: 'Packets of peers that are malformed.',
  packetsUnclaimed: 'Packets of peers for sessions that do not exist, or have ended.',
  packetsUndelivered: 'Packets that were dropped because their peer was not connected, or did not take them.',
};

const ZMQ: Docs<ZmqCounters> = {
  messagesSent: 'Messages that were sent, once for each receiving peer.',
  messagesReceived: 'Messages that came.',
  messagesDropped:
    'Messages for a peer that was at its high-water mark, was not connected, or left before they were sent; items beyond what is held back for clients that move.',
  messagesUnexpected: "Messages from a peer that mean nothing to the socket's type.",
  commandsUnexpected: "Commands from a peer that are unknown or mean nothing to the socket's type.",
  peersConnected: 'Peers that completed their handshake.',
  peersOpen: 'Peers that are connected now.',
  bytesHeld: 'Bytes held for peers now: what waits to be sent or received, incomplete messages, topics.',
  peersPaused: 'Times that a peer was not read any more, because what had come of it waited to be taken.',
  totalReached: 'Times that a peer was at its bound only because of what others held.',
  peersRefused:
    'Connections cut because the peer broke ZMTP or a limit, has the wrong socket type, or exceeded the number of peers.',
  peersSilent: 'Connections cut because the peer was silent for too long, in the handshake too.',
  dials: 'Attempts to connect, including retries.',
  faults: FAULTS,
};

const MONGREL2: Docs<Mongrel2Counters> = {
  clientsOpen: 'Connections that handlers have been given.',
  messagesSent: 'Messages about clients that handlers have taken, notices included.',
  requestsUntaken: 'Requests that no handler took in time, or that found no room to wait.',
  noticesDropped: 'Notices that were dropped, because no handler took them.',
  answersReceived: 'Answers of handlers, whatever came of them.',
  answersRefused: 'Answers that are malformed, name too many connections, or ask for what is not there.',
  answersUnclaimed: 'Connections named in answers that are not there, or not any more.',
  clientsOverrun: 'Clients that were cut off because too much waited for them.',
  clientsKilled: 'Clients that the limits of `min_ping`, `min_read_rate` and `min_write_rate` ended.',
  clientsBroken:
    'WebSockets, and clients of JSON and XML sockets, that were closed because they did not keep to their protocol or to a bound.',
  accessLinesLost: 'Lines of access logs that could not be written.',
  uploads: 'Bodies that were written to files.',
  uploadsOpen: 'Files that are being written.',
  uploadsFailed: 'Bodies that could not be written, or were given up because too many were.',
  faults: FAULTS,
};

const FILES: Docs<FilesCounters> = {
  filesOpen: 'Descriptors of files that are being sent.',
  filesRefused: 'Requests refused because too many files were open.',
  filesFailed: 'Files that could not be read, or were cut off while they were sent.',
  faults: FAULTS,
};

const LOG: Docs<LogCounters> = {
  linesDropped: 'Lines of the log that were dropped because the output was not read, or could not be written.',
};

const ACME: Docs<AcmeCounters> = {
  certificatesIssued: 'Certificates that were ordered and issued.',
  certificatesFailed: 'Orders that failed. Each is tried again.',
  namesFailing: 'Names whose last order failed.',
  faults: 'Exceptions that put an order off. They are defects of ours; the log has the stack of each.',
};

const ACCESS: Docs<AccessLogTotals> = {
  lines: 'Lines of the access log that were written, or are about to be.',
  linesLost: 'Lines of the access log that could not be written.',
};

const TRACE: Docs<TraceCounters> = {
  spansExported: 'Spans that the collector has taken.',
  spansDropped: 'Spans that were dropped: too many waited, or the collector did not take them.',
  spanBytesHeld: 'Bytes of spans that wait for the collector.',
  exportsFailed: 'Requests to the collector that failed, tries that were repeated included.',
  faults: FAULTS,
};

const WEBHOOKS: Docs<WebhookCounters> = {
  eventsHeld: 'Events that wait until receivers take them.',
  eventsDelivered: 'Events that receivers have taken.',
  eventsDropped: 'Events that were dropped: not taken in time, too many, or the receiver wants none any more.',
  requestsFailed: 'Requests that receivers did not take, tries that were repeated included.',
  faults: FAULTS,
};

const HISTORY: Docs<HistoryCounters> = {
  itemsHeld: 'Items that are kept now.',
  channelsHeld: 'Channels that are known now, with items or without.',
  bytesHeld:
    'Bytes of memory: segments, whether their items are still kept or not, and what channels and items cost besides.',
  itemsAppended: 'Items of channels with a history.',
  itemsBeyondNumber: 'Items that were discarded because their channel had `history_items` newer ones.',
  itemsBeyondAge: 'Items that were discarded at `history_age`.',
  itemsBeyondBytes: 'Items that were discarded because their channel had more than `history_bytes`.',
  itemsBeyondTotal: 'Items that were discarded because all channels together had more than `max_bytes`.',
  itemsTooLarge: 'Items that were not kept, because they are larger than `history_bytes` or an eighth of `max_bytes`.',
  channelsEvicted:
    'Channels without items that were forgotten because all channels together had more than `max_bytes`.',
  faults: FAULTS,
};

const CLUSTER: Docs<ClusterCounters> = {
  itemsSent: 'Items that were sent to other nodes.',
  itemsReceived: 'Items that have come from the broker, those of this node that are kept included.',
  itemsUnsent: 'Items that other nodes did not get: the broker was away, or they cannot be sent.',
  itemsRefused: 'Items that were refused: their channels have names that cannot be subjects.',
  itemsTooLarge: 'Items that were refused: they are larger than the broker takes (`max_payload`).',
  messagesInvalid: 'Messages on the subjects of the cluster that no node of this version has sent.',
  channelsRefused: 'Channels whose names cannot be subjects, so that clients get only what is published at their node.',
  partitions: 'Times that the broker was away.',
  channelsLost:
    'Times that items of a channel with a history got lost on their way here. Clients read them, or are told of a gap.',
  readsRefused: 'Clients that were told of a gap because too many were waiting for the broker.',
  questions: 'Questions to other nodes, of the control API and of publishers.',
  keysUnknown:
    'Idempotency keys of which the broker did not say what other nodes know, or that it did not remember: a repeat at another node may be published.',
  presenceUnwritten: 'Times that the broker did not take who is on a channel of this node. It is tried again.',
  presenceDropped: 'Users on channels of the cluster that this node had no room for.',
  answersMissing: 'Answers of other nodes that did not come in time.',
  streamsShared: 'Event streams that began here, and that clients can resume at other nodes too.',
  streamsUnshared:
    'Those of `streamsShared` that other nodes cannot continue: the broker was too slow or away for too long, or the node has stopped.',
  streamsViewed: 'Clients that got the rest of a stream of another node.',
  streamViewersRefused:
    'Clients that did not, because too many were reading such streams. Their requests went to the origin.',
  faults: FAULTS,
};

const POOL: Docs<PoolCounters> = {
  workersOpen: 'Worker processes that serve now.',
  workersStarted: 'Worker processes that began to serve.',
  workersDied: 'Worker processes that died while they served. Their connections were lost.',
};

/** Counters that several parts have, or one. */
export interface CounterGroup {
  /** What the parts do: the heading of the reference. */
  readonly title: string;
  /** What each part counts, by its name in the `CounterRegistry`. */
  readonly parts: Readonly<Record<string, string>>;
  /** What each counter counts. */
  readonly docs: Readonly<Record<string, string>>;
}

/** The counters of all parts. */
export const COUNTER_GROUPS: readonly CounterGroup[] = [
  { title: 'Counters of the proxy', parts: { proxy: 'the proxy and its hub' }, docs: PROXY },
  { title: 'Counters of the control port', parts: { control: 'the control port' }, docs: CONTROL },
  {
    title: 'Counters of other servers',
    parts: { 'edge.server': 'clients of the edge', 'mongrel2.server': 'clients of Mongrel2 servers' },
    docs: SERVER,
  },
  {
    title: 'Counters of requests to origins',
    parts: {
      'fetch.client': 'requests of the fetch role',
      'mongrel2.client': 'requests to the `Proxy` targets of Mongrel2 sites',
      'trace.client': 'requests to the collector of spans',
      'webhooks.client': 'requests to the receivers of webhooks',
    },
    docs: ORIGINS,
  },
  {
    title: 'Counters of ZHTTP sessions',
    parts: {
      'edge.zhttp': 'the edge towards its handlers',
      'fetch.zhttp': 'the fetch role towards its requesters',
      'proxy.zhttp': 'the proxy towards a separate edge',
      'origins.zhttp': 'the proxy towards targets over ZHTTP and a separate fetch role',
    },
    docs: SESSIONS,
  },
  {
    title: 'Counters of ZeroMQ sockets',
    parts: {
      'edge.zmq': 'sockets of the edge',
      'fetch.zmq': 'sockets of the fetch role',
      'mongrel2.zmq': 'sockets of Mongrel2 servers',
      'origins.zmq': 'sockets towards targets over ZHTTP and a separate fetch role',
      'proxy.relay': 'items between the main process and workers',
      'proxy.zmq': 'sockets towards a separate edge',
      'publish.zmq': 'sockets of publishers',
      'sessions.zmq': 'sockets of the session state service',
      'stats.zmq': 'the socket of stats packets',
    },
    docs: ZMQ,
  },
  { title: 'Counters of Mongrel2 servers', parts: { 'mongrel2.handlers': 'clients and handlers' }, docs: MONGREL2 },
  {
    title: 'Counters of static files',
    parts: { 'control.pages': 'the files of the dashboard', 'mongrel2.folders': 'folders of Mongrel2 sites' },
    docs: FILES,
  },
  { title: 'Counters of ordered certificates', parts: { acme: 'the main process' }, docs: ACME },
  { title: 'Counters of the access log', parts: { access: 'the access log of all processes' }, docs: ACCESS },
  { title: 'Counters of the history of channels', parts: { history: 'the main process' }, docs: HISTORY },
  { title: 'Counters of a node of a cluster', parts: { cluster: 'the main process' }, docs: CLUSTER },
  { title: 'Counters of traces', parts: { trace: 'spans for the collector' }, docs: TRACE },
  { title: 'Counters of webhooks', parts: { webhooks: 'the main process' }, docs: WEBHOOKS },
  { title: 'Counters of worker processes', parts: { pool: 'the main process' }, docs: POOL },
  { title: 'Counters of the log', parts: { log: 'the log of all processes' }, docs: LOG },
];

/** What a counter of a part counts; undefined for one that the table lacks. */
export function counterDoc(part: string, counter: string): string | undefined {
  return COUNTER_GROUPS.find(({ parts }) => part in parts)?.docs[counter];
}

/** The name of a counter as a metric: `edge.zmq` and `peersOpen` give `holdfast_edge_zmq_peers_open`, and totals end in `_total`. */
export function counterMetric(
  part: string,
  counter: string,
): { readonly name: string; readonly type: 'counter' | 'gauge' } {
  const type = isLevel(counter) ? 'gauge' : 'counter';
  return { name: `holdfast_${snakeCase(part)}_${snakeCase(counter)}${type === 'counter' ? '_total' : ''}`, type };
}

function snakeCase(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9]/g, '_').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
