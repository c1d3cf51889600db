import type { Peer } from './peer.ts';

/**
 * A client's connection whose responder writes the bytes of responses itself, as handlers of Mongrel2 do. It is the same for all requests on
 * the connection. Requests go on to come as exchanges, each as soon as the one before was read.
 */
export interface RawClient {
  readonly peer: Peer;
  /** Bytes that were written, and the system has not taken. */
  readonly waiting: number;
  /** Whether they are more than a socket's buffer holds: `onDrained` is called when all are taken. */
  readonly blocked: boolean;
  /** Whether a request of the client has another responder, which the end of the connection would cut off. */
  readonly exchanging: boolean;
  /** Bytes read from the client, and bytes that the socket has taken for it. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Whether the connection is encrypted. */
  readonly encrypted: boolean;
  /**
   * Writes `bytes`, which may be shared with other clients. After the end it does nothing. What `waiting` counts is kept as it is given: the
   * caller bounds it while it is `blocked`, and copies bytes that are a small part of a large buffer.
   */
  write(bytes: Buffer): void;
  /** Sends FIN after what was written, and reads no more. */
  end(): void;
  /** Lets the kernel find out when the client's host has gone. */
  keepAlive(): void;
  /** Closes it at once. */
  cut(): void;
  /**
   * From now on all that the client sends goes to `reader`, as it comes: what is spoken is not HTTP any more. Only in the turn in which the client
   * was taken for a request without a body; later calls do nothing.
   */
  takeInput(reader: RawReader): void;
  /** Reads nothing more from the client for now. Only after `takeInput`. */
  pauseInput(paused: boolean): void;
}

/** The responder that writes a `RawClient` itself. */
export interface RawOwner {
  /** The system has taken all that was written, after the client was blocked. */
  onDrained(): void;
  /** The connection is closed, for whatever reason. Nothing comes after it. */
  onClosed(): void;
  /** A call for it threw `thrown`, which is a defect of ours. */
  onFault(thrown: unknown): void;
}

/** Takes what a client sends. */
export interface RawReader {
  /** `chunk` is a view that belongs to the reader from now on. */
  onInput(chunk: Buffer): void;
}

/** Takes connections whose first byte says that they do not speak HTTP. What it returns owns and reads the connection. */
export type RawService = (client: RawClient) => RawOwner & RawReader;
