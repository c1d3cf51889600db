/** What ZeroMQ sockets count. Plain numbers, written in place; sockets may share one object. */
export class ZmqCounters {
  /** Messages taken by `send`, once for each receiving peer. */
  messagesSent = 0;
  messagesReceived = 0;
  /**
   * Messages for a peer that was at its high-water mark, was not connected, or left before they were sent; items beyond what is held back for clients
   * that move.
   */
  messagesDropped = 0;
  /** Messages from a peer that mean nothing to the socket's type: an unexpected reply, a request without envelope. */
  messagesUnexpected = 0;
  /** Commands from a peer that are unknown or mean nothing to the socket's type. */
  commandsUnexpected = 0;
  /** Peers that completed their handshake. */
  peersConnected = 0;
  peersOpen = 0;
  /** Bytes held for peers now: what waits to be sent or received, incomplete messages, topics. */
  bytesHeld = 0;
  /** Times that a peer was not read any more, because what had come of it waited to be taken. */
  peersPaused = 0;
  /** Times that a peer was at its bound only because of what others held: it was not read any more, or got nothing more. */
  totalReached = 0;
  /** Connections cut because the peer broke ZMTP or a limit, has the wrong socket type, or exceeded the number of peers. */
  peersRefused = 0;
  /** Connections cut because the peer was silent for too long, in the handshake too. */
  peersSilent = 0;
  /** Attempts to connect, including retries. */
  dials = 0;
  /** Exceptions, which are defects of ours. Each ended one message or connection; the log has the stack. */
  faults = 0;
}
