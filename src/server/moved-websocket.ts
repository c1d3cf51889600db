import type { Socket } from 'node:net';
import { ExchangeRecord, type WebSocketResponder } from '../exchange/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import type { Remake } from './remake.ts';
import type { WebSocketConnectionState } from './suspended-connection.ts';
import { WebSocketConnection } from './websocket-connection.ts';

/** An open WebSocket that another process had, before it goes on. */
export interface MovedWebSocket {
  readonly connection: WebSocketConnection;
  readonly responder: WebSocketResponder;
}

/** Makes an open WebSocket that another process had. @throws what `remake` throws */
export function movedWebSocket(
  socket: Socket,
  server: ConnectionHost,
  state: WebSocketConnectionState,
  remake: Remake,
): MovedWebSocket {
  const { peer, deflate, window, unread, credit } = state;
  const connection = new WebSocketConnection(socket, server, peer, state, deflate, window);
  if (state.record !== null) {
    const { observer, tracing } = server;
    connection.record = ExchangeRecord.moved(state.record, observer, tracing?.observer ?? null);
  }
  connection.onRequestCredit(credit);
  // Without a responder it waits.
  if (unread !== null) connection.onInput(unread);
  const responder = remake(state.responder, connection, connection.record) as WebSocketResponder;
  server.counters.webSocketsOpen++;
  return { connection, responder };
}
