/** What a server counts: what came in, what went out, and what was refused. Plain numbers, written in place, as in all counters. */
export class ServerCounters {
  connectionsAccepted = 0;
  connectionsOpen = 0;
  /** Connections that an upgrade has brought from another process, and that it has taken there. */
  connectionsMovedIn = 0;
  connectionsMovedOut = 0;
  /** Connections that could not be accepted, most likely because file descriptors ran out. */
  connectionsLost = 0;
  /** Connections that waited too long and got a 503 or were cut. */
  connectionsRefused = 0;
  /** Connections without a request that were closed to make room for others. */
  connectionsDisplaced = 0;
  /** TLS connections that ended before their handshake did. */
  handshakesFailed = 0;
  /** Connections closed because no valid PROXY header came from a trusted proxy. */
  proxyHeadersFailed = 0;
  requests = 0;
  /** Requests refused by the server itself (malformed, over a limit, too slow). */
  requestsRefused = 0;
  /** Responses that could not be sent as their responder gave them: malformed, or because of a defect. */
  responsesInvalid = 0;
  /** Exceptions that ended one exchange or connection. They are defects of ours; the log has the stack of each. */
  faults = 0;
  webSocketsAccepted = 0;
  webSocketsOpen = 0;
  /** WebSockets ended because the client broke the protocol or exceeded one of its limits. */
  webSocketsFailed = 0;
  /** Connections cut because the client read nothing of its response for too long. */
  clientsStalled = 0;
  /** Exchanges that the client left early. */
  requestsAborted = 0;
}

/** What the control port counts. */
export class ControlCounters extends ServerCounters {
  /** Publish requests refused as a whole. */
  publishesRefused = 0;
  /** Events that slow readers of the control API did not get. */
  eventsDropped = 0;
}

/** What is counted of requests to origins. */
export class OriginCounters {
  originRequests = 0;
  originErrors = 0;
  /** Requests sent again because a pooled connection to the origin had gone stale. */
  originRetries = 0;
  /** As `ServerCounters.faults`. */
  faults = 0;
}

/** What the proxy counts, with its server, its requests to origins, and the hub. */
export class Counters extends ServerCounters implements OriginCounters {
  /** Requests that the proxy got no response for. */
  requestsFailed = 0;
  /** Requests without a token that their route accepts. */
  tokensRefused = 0;
  /** Held clients and WebSockets whose token expired. */
  tokensExpired = 0;
  /** Responses that were not compressed, because too many others were. */
  compressionsSkipped = 0;
  /** Key sets that could not be fetched. */
  keySetsFailed = 0;
  /** Requests above the limit of their route for one client. */
  requestsLimited = 0;
  /** Clients whose requests are counted from the start again, because there were too many others. */
  rateLimitsForgotten = 0;
  originRequests = 0;
  originErrors = 0;
  originRetries = 0;
  holdsOpen = 0;
  holdsStarted = 0;
  holdsTimedOut = 0;
  /** Replays of held requests that failed: the requests stayed held. */
  replaysFailed = 0;
  /** Replays that were aborted because an item or the timeout was the response before they had one. */
  replaysAborted = 0;
  /** Bodies of requests that found no room to be kept: if their clients come to be held, the requests cannot be sent again. */
  requestBodiesLost = 0;
  /** Held requests that got their response at once, because too much was held already. */
  holdsRefused = 0;
  /** Channels beyond the limit that a hold asked for and did not get. */
  subscriptionsDropped = 0;
  /** Requests of clients that shared the response of an equal one. */
  requestsShared = 0;
  /** Event streams that can be resumed: begun, and there now. */
  streamsStarted = 0;
  streamsOpen = 0;
  /** Requests that got the rest of a stream, or heard of its end. */
  streamsResumed = 0;
  /** Requests with an event id of a stream that is not there, or not for them: they went to the origin. */
  resumesUnknown = 0;
  /** Those of them whose credentials were not those of the first request. */
  resumesForbidden = 0;
  /** Streams whose origin was cut, because nobody came back. */
  streamsAbandoned = 0;
  /** Streams dropped before their time, because all together had too much. */
  streamsEvicted = 0;
  /** Event streams that cannot be resumed, because there was no room for another one. */
  streamsUnlogged = 0;
  /** Next links of clients that the request of another client served too. */
  linksShared = 0;
  /** Requests to the session state service without a proper reply, and last ids that could not be sent to it. */
  sessionRequestsFailed = 0;
  /** Gone links that were not followed, because too many were under way. */
  goneLinksDropped = 0;
  /** Clients of origins over HTTP whose end their origin was not told, because too many left. */
  partingsDropped = 0;
  itemsPublished = 0;
  itemsDelivered = 0;
  /** Items that were published before with the same id or idempotency key. */
  itemsRepeated = 0;
  /** Items that were not newer than the last version of their channel. */
  itemsOutdated = 0;
  /** Items whose `ttl` had ended: those that nobody got, and each client that did not get one. */
  itemsExpired = 0;
  /** Items that waited for one before them and were dropped. */
  itemsOutOfOrder = 0;
  /** Items and initial bodies that a filter could not be applied to. */
  filterErrors = 0;
  /** Items that a client did not get, because more than `message_hwm` waited for the rate of its route. */
  deliveriesDropped = 0;
  /** Items that a slow client's full queue had no room for. */
  itemsDropped = 0;
  /** Streams and WebSockets that were closed because their client's queue was full. */
  slowClientsClosed = 0;
  /** Clients that came back, and got all that they had missed. */
  historyResumed = 0;
  /** Times that a client could not get all that it had missed. */
  historyGaps = 0;
  /** Requests that were sent to their origin again, because their client could not get all that it had missed. */
  historyReplays = 0;
  /** Users who are on channels with presence now: one on two channels counts twice. */
  usersOpen = 0;
  /** Users and channels that the presence table had no room for. */
  presenceDropped = 0;
  /** Names of users that are too long or not UTF-8: their clients have no user. */
  usersRefused = 0;
  /** SockJS sessions of clients without a WebSocket. */
  sockJsSessionsOpen = 0;
  /** SockJS sessions that were not opened, because too many were open. */
  sockJsSessionsRefused = 0;
  /** SockJS sessions that ended because too much waited for the client, or a message was too large. */
  sockJsSessionsFailed = 0;
  /** Items that a worker process did not get, because too much waited for it. */
  itemsUndelivered = 0;
}
