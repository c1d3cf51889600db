/** What the Mongrel2 servers count, beside their connections and requests. Plain numbers, written in place. */
export class Mongrel2Counters {
  /** Connections that handlers have been given. */
  clientsOpen = 0;
  /** Messages about clients that handlers have taken, notices included. */
  messagesSent = 0;
  /** Requests that no handler took in time, or that found no room to wait. */
  requestsUntaken = 0;
  /** Notices that were dropped, because no handler took them. */
  noticesDropped = 0;
  /** Answers of handlers, whatever came of them. */
  answersReceived = 0;
  /** Answers that are malformed, name too many connections, or ask for what is not there. */
  answersRefused = 0;
  /** Connections named in answers that are not there, or not any more. */
  answersUnclaimed = 0;
  /** Clients that were cut off because too much waited for them. */
  clientsOverrun = 0;
  /** Clients that the limits of `min_ping`, `min_read_rate` and `min_write_rate` ended. */
  clientsKilled = 0;
  /** WebSockets, and clients of JSON and XML sockets, that were closed because they did not keep to their protocol or to a bound. */
  clientsBroken = 0;
  /** Lines of access logs that could not be written. */
  accessLinesLost = 0;
  /** Bodies that were written to files. */
  uploads = 0;
  /** Files that are being written. */
  uploadsOpen = 0;
  /** Bodies that could not be written, or were given up because too many were. */
  uploadsFailed = 0;
  /** Exceptions that ended one connection or command. They are defects of Holdfast, and the log has the stack of each. */
  faults = 0;
}
