import type { RawClient, RawOwner } from '../exchange/index.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Http1Request } from './http1-request.ts';
import type { WebSocketConnection } from './websocket-connection.ts';

/** What a stream needs of the connection that it is on. */
export interface StreamConnection
  extends Pick<
    ClientConnection,
    'blocked' | 'inputEnded' | 'unread' | 'block' | 'watch' | 'consumeUnread' | 'rest' | 'cut' | 'reportFault' | 'tell'
  > {
  readonly encrypted: boolean;
  /** The stream has ended. `bodyRead` tells whether its request was read whole. */
  onStreamEnd(stream: Http1Request, bodyRead: boolean): void;
  /** The stream has failed after its response had begun: the connection has to break off. */
  onStreamBroken(): void;
  /** Ends the work on the connection, because `successor` takes it over. */
  release(successor: WebSocketConnection): ClientConnection;
  /** Writes an interim response. */
  writeInterim(bytes: Buffer): void;
  readonly rawOwner: RawOwner | null;
  /** Lets `owner` write to the connection. Returns what it writes to. */
  giveOutput(owner: RawOwner): RawClient;
}
