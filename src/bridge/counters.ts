/** What the bridge counts. Plain numbers, written in place. */
export class BridgeCounters {
  /** Sessions with handlers that were begun: HTTP requests and WebSockets. */
  sessions = 0;
  sessionsOpen = 0;
  /** Sessions that ended with an error, whoever caused it, but for clients that left. */
  sessionsFailed = 0;
  /** Sessions whose handler was silent for too long. */
  sessionsExpired = 0;
  /** Requests that no handler took in time. */
  requestsUntaken = 0;
  packetsReceived = 0;
  packetsSent = 0;
  /** Packets of handlers that cannot be understood. */
  packetsMalformed = 0;
  /** Packets of handlers for sessions that do not exist, or no longer. */
  packetsUnclaimed = 0;
  /** Packets for handlers that were not there, or did not take them. */
  packetsUndelivered = 0;
}
