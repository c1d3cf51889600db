import type { Guarded } from '../clock/index.ts';
import type { Peer } from '../exchange/index.ts';
import type { SocketHandle } from '../net/index.ts';
import type { SuspendedConnection } from './suspended-connection.ts';

/** What can be told of a connection. */
export interface ConnectionFacts {
  /** Whether it has become a WebSocket. */
  readonly isWebSocket: boolean;
  readonly peer: Peer;
  readonly encrypted: boolean;
  /** Bytes of all protocols but TLS and what is below, since this process has it. */
  readonly received: number;
  readonly sent: number;
}

/** A client's connection as the server sees it, whatever is spoken on it. */
export interface Connection extends Guarded {
  /** Its id in logs: `CONNECTION-NUMBER`, as that of its last exchange. */
  readonly id: string;
  readonly facts: ConnectionFacts;
  /** Whether all is said, and the client is waited for to close its side. */
  readonly isOver: boolean;
  /** Where the server keeps it; only the server writes it. */
  place: number;
  /** Bytes of the client. */
  onInput(chunk: Buffer): void;
  /** The client sends no more (FIN). */
  onInputEnd(): void;
  /** The socket has taken all that was written. */
  onDrain(): void;
  /** The socket is closed, for whatever reason. */
  onClosed(): void;
  /** No further exchange on this connection; those that run come to their end. */
  drain(): void;
  /** Ends it in order if it is between two requests, to make room for others. Returns whether it does. */
  leaveIfIdle(): boolean;
  /**
   * Since when, in milliseconds by the wheel's clock, it has had its turn and has not sent the head of a request. Null while there is one, and for
   * connections that have other ends.
   */
  readonly unheardSince: number | null;
  /** Since when a request has been arriving whose head is here, and whose body the client owes; null without one. */
  readonly arrivingSince: number | null;
  /** Ends it, although a request of it may be on its way, to make room for others. */
  makeWay(): void;
  /** Closes it at once. */
  cut(): void;
  /** The handle of its socket; null once it is closed. */
  readonly handle: SocketHandle | null;
  /** Whether it may move to another process, as far as can be told without beginning to. */
  readonly mayMove: boolean;
  /** Begins to move to another process. Null where it cannot, or not at present. */
  suspend(): SuspendedConnection | null;
}
