/** What the process counts: what came, what went out, and all that was refused or dropped. Plain numbers, written in place. */
export class Counters {
  connectionsAccepted = 0;
  connectionsOpen = 0;
  /** Connections that could not be accepted, for want of file descriptors most likely. */
  connectionsLost = 0;
  /** Connections answered 503 or cut because they got no turn in time. */
  connectionsRefused = 0;
  /** TLS connections that ended before their handshake did. */
  handshakesFailed = 0;
  requests = 0;
  /** Requests refused by the server itself (malformed, over a limit, too slow). */
  requestsRefused = 0;
  /** Answers that could not be sent as the answering side gave them: malformed, or because of a defect. */
  answersInvalid = 0;
  /** Exceptions that ended one exchange or connection, and that are defects of ours: the log has the stack of each. */
  faults = 0;
  webSocketsAccepted = 0;
  webSocketsOpen = 0;
  /** WebSockets ended because the client broke the protocol, or went over a limit of it. */
  webSocketsFailed = 0;
  /** Connections cut because the client took nothing of its answer for too long. */
  clientsStalled = 0;
  /** Exchanges that the client left before their end. */
  requestsAborted = 0;
  /** Requests that the proxy could not get an answer for. */
  requestsFailed = 0;
  originRequests = 0;
  originErrors = 0;
  /** Requests sent again because a pooled connection to the origin had gone stale. */
  originRetries = 0;
  holdsOpen = 0;
  holdsStarted = 0;
  holdsTimedOut = 0;
  /** Replays of held requests that failed: the requests stayed held. */
  replaysFailed = 0;
  /** Channels beyond the limit that a hold asked for in vain. */
  subscriptionsDropped = 0;
  itemsPublished = 0;
  /** Publish requests refused whole. */
  publishesRefused = 0;
  itemsDelivered = 0;
  /** Items that a slow client's full queue could not take. */
  itemsDropped = 0;
}
