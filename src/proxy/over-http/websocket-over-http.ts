import { TurnQueue } from '../../clock/index.ts';
import { type FaultReport, HeldTotal } from '../../exchange/index.ts';
import type { TargetWebSocketService } from '../proxy-target.ts';
import type { OverHttpRoom } from './over-http-room.ts';
import type { OverHttpState } from './over-http-state.ts';
import { OverHttpWebSocket } from './over-http-websocket.ts';

/**
 * Bytes of clients' messages, and of requests with them, that wait for origins that speak WebSocket-over-HTTP.
 * @bound websocket-events-total
 */
const MAX_EVENTS_TOTAL = 134_217_728;

/** Counts what waits for the origins of all `webSocketOverHttp` services of a process. */
export function overHttpHeld(report: FaultReport, max = MAX_EVENTS_TOTAL): HeldTotal {
  const host = { ...report, turn: new TurnQueue() };
  return new HeldTotal(max, host, 'too much waits for origins over HTTP, WebSockets ended');
}

/**
 * Opens WebSockets at an origin that speaks WebSocket-over-HTTP: what the client sends goes to it as events in requests, and the events of
 * its responses go to the client.
 */
export function webSocketOverHttp(options: Omit<OverHttpRoom, 'parting'>): TargetWebSocketService {
  const room: OverHttpRoom = { ...options, parting: new Set() };
  const open: TargetWebSocketService = (request, requester) => {
    const webSocket = new OverHttpWebSocket(room, request, requester);
    webSocket.start();
    return webSocket;
  };
  open.moved = (state, requester) => OverHttpWebSocket.moved(room, state as OverHttpState, requester);
  return open;
}
