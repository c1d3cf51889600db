/** What both halves of ZHTTP count. The peers are the handlers of the client half, or the requesters of the server half. */
export class SessionCounters {
  /** Sessions with peers that were begun: HTTP requests and WebSockets. */
  sessions = 0;
  sessionsOpen = 0;
  /** Sessions that ended with an error, except those whose client or requester left. */
  sessionsFailed = 0;
  /** Sessions whose peer was silent for too long. The client half counts them in `sessionsFailed` too. */
  sessionsExpired = 0;
  /** Requests that were offered to a handler again, because the beginning of its response was missed. */
  sessionsRepeated = 0;
  /** Sessions that clients left before their handlers were known, and that were forgotten because there were too many of them. */
  sessionsForgotten = 0;
  /** Sessions that their requesters cancelled. */
  sessionsCancelled = 0;
  /** First packets that were refused: not a valid request, an id that is in use, or too late. */
  requestsRefused = 0;
  /** Requests that no handler took in time. */
  requestsUntaken = 0;
  /** Exceptions that ended one session. They are defects of Holdfast, and the log has the stack of each. */
  faults = 0;
  packetsReceived = 0;
  packetsSent = 0;
  /** Packets of peers that are malformed. */
  packetsMalformed = 0;
  /** Packets of peers for sessions that do not exist, or have ended. */
  packetsUnclaimed = 0;
  /** Packets that were dropped because their peer was not connected, or did not take them. */
  packetsUndelivered = 0;
}
