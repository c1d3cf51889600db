import type { TestContext } from 'node:test';
import { WebSocketContext } from '../../../src/grip-origin/websocket-context.ts';
import { startOrigin } from '../origin.ts';

/** Starts an origin of WebSocket-over-HTTP that subscribes its clients to the channels `c` of the query, from the cursor `since` on. */
export function startSubscribing(t: TestContext): Promise<string> {
  return startOrigin(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fields = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const);
    const socket = new WebSocketContext(fields, Buffer.concat(chunks));
    const { searchParams } = new URL(request.url ?? '', 'http://x');
    const since = searchParams.get('since');
    if (socket.opening) {
      socket.accept();
      for (const channel of (searchParams.get('c') ?? '').split(','))
        socket.subscribe(channel, [], since === null ? {} : { since });
    }
    for (const message of socket.messages) {
      const { channel, from } = JSON.parse(String(message));
      socket.subscribe(channel, [], { since: from });
      socket.send(`subscribed to ${channel}`);
    }
    const { status, headers, body } = socket.response();
    response.writeHead(status, headers).end(body);
  });
}
