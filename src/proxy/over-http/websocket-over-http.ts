import type { TargetWebSocketService } from '../proxy-target.ts';
import { type OverHttpRoom, OverHttpWebSocket } from './over-http-websocket.ts';

/**
 * Opens WebSockets at an origin that speaks WebSocket-over-HTTP: what the client sends goes to it as events in requests, and the events of
 * its responses go to the client.
 */
export function webSocketOverHttp(room: OverHttpRoom): TargetWebSocketService {
  return (request, requester) => {
    const webSocket = new OverHttpWebSocket(room, request, requester);
    webSocket.start();
    return webSocket;
  };
}
