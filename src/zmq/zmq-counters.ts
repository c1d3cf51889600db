/** What ZeroMQ sockets count. Plain numbers, written in place; any number of sockets may share one. */
export class ZmqCounters {
  /** Messages taken by `send`, once for each peer that they go to. */
  messagesSent = 0;
  messagesReceived = 0;
  /** Messages for a peer that was at its high-water mark, was not connected, or left before they were sent. */
  messagesDropped = 0;
  /** Messages from a peer without a meaning for the type of the socket: a reply nobody waits for, a request without envelope. */
  messagesUnexpected = 0;
  /** Commands from a peer without a meaning, for the type of the socket or at all. */
  commandsUnexpected = 0;
  /** Peers that have completed their handshake. */
  peersConnected = 0;
  peersOpen = 0;
  /** Bytes held for peers now: what waits to be sent or received, incomplete messages, topics. */
  bytesHeld = 0;
  /** Connections cut because the peer broke ZMTP or a limit, has a socket type that does not fit, or is one too many. */
  peersRefused = 0;
  /** Connections cut because nothing was heard for too long, in the handshake too. */
  peersSilent = 0;
  /** Attempts to connect, repetitions included. */
  dials = 0;
  /** Exceptions that are defects of ours. Each ended one message or connection; the log has its stack. */
  faults = 0;
}
