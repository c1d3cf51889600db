import { isEventsType } from '../codec/grip/index.ts';
import { gripOf } from './contexts.ts';
import type { GripContext } from './grip-context.ts';
import { type EventsResponse, WebSocketContext } from './websocket-context.ts';

/** Handles one request of a WebSocket. The response leaves when it returns. */
export type WebSocketHandler = (webSocket: WebSocketContext, grip: GripContext) => unknown;

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' };

/** For requests that are too long. */
export const TOO_LONG: EventsResponse = {
  status: 413,
  headers: TEXT,
  body: Buffer.from('The body is too long.\n'),
};

/**
 * Has `handler` handle the events of a request.
 * @param request the object by which the context of the request is known
 */
export async function readEvents(
  headers: Iterable<readonly [string, string]>,
  body: Buffer,
  handler: WebSocketHandler,
  request: object,
): Promise<EventsResponse> {
  const fields = [...headers];
  if (!isEventsType(fields.find(([name]) => name === 'content-type')?.[1]))
    return refusal(415, 'This address is for WebSockets: expected application/websocket-events.\n');
  const grip = gripOf(request);
  let webSocket: WebSocketContext;
  try {
    webSocket = new WebSocketContext(fields, body);
  } catch (error) {
    return refusal(400, `Invalid events: ${(error as Error).message}.\n`);
  }
  await handler(webSocket, grip);
  return webSocket.response();
}

function refusal(status: number, text: string): EventsResponse {
  return { status, headers: TEXT, body: Buffer.from(text) };
}
