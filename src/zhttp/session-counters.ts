/**
 * What the bridge counts. Plain numbers, written in place. The peers are the handlers of an edge, or those who ask for a fetch.
 */
export class BridgeCounters {
  /** Sessions with peers that were begun: HTTP requests and WebSockets. */
  sessions = 0;
  sessionsOpen = 0;
  /** Sessions that ended with an error, whoever caused it, but for clients and askers that left. */
  sessionsFailed = 0;
  /** Sessions whose peer was silent for too long. They have failed as well. */
  sessionsExpired = 0;
  /** Requests that were offered to a handler again, because the beginning of its response was missed. */
  sessionsRepeated = 0;
  /** Sessions that were ended by who had asked for them. */
  sessionsCancelled = 0;
  /** First packets of askers that are no request that can be made, or that have the id of another one, or came too late. */
  requestsRefused = 0;
  /** Requests that no handler took in time. */
  requestsUntaken = 0;
  /** Exceptions that ended one session, and that are defects of ours: the log has the stack of each. */
  faults = 0;
  packetsReceived = 0;
  packetsSent = 0;
  /** Packets of peers that cannot be understood. */
  packetsMalformed = 0;
  /** Packets of peers for sessions that do not exist, or no longer. */
  packetsUnclaimed = 0;
  /** Packets for peers that were not there, or did not take them. */
  packetsUndelivered = 0;
}
