import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveCalls } from '../support/calls.ts';

/**
 * An origin that speaks GRIP. A GET of /stream is held as a stream. A WebSocket over HTTP is accepted: at /echo its messages come back, at any
 * other path it subscribes. The channel is `bench`, or what `?channel=` says. A stream with `?client=N&patterns=P` has P patterns instead, which
 * match `client.N.K.` and one more token, K being 0 to P - 1. Any other GET gets a small body.
 */
export interface GripOrigin {
  /** Listens on a free port of the loopback address, which it returns. The argument is the small body. */
  listen(body: string): Promise<number>;
}

const EVENTS = 'application/websocket-events';
const CRLF = '\r\n';

let smallBody = '';

serveCalls<GripOrigin>({
  async listen(body) {
    smallBody = body;
    const server = createServer(respond);
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
    return (server.address() as AddressInfo).port;
  },
});

function respond(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin');
  const channel = searchParams.get('channel') ?? 'bench';
  if (request.headers['content-type'] === EVENTS) {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => respondToEvents(Buffer.concat(chunks), pathname === '/echo', channel, response));
  } else if (pathname === '/stream') {
    const patterns = Number(searchParams.get('patterns') ?? 0);
    const client = searchParams.get('client');
    const list = Array.from({ length: patterns }, (_, i) => `client.${client}.${i}.*; pattern`).join(', ');
    const hold = { 'Grip-Hold': 'stream', 'Grip-Channel': patterns > 0 ? list : channel };
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Length': 0, ...hold });
    response.end();
  } else {
    response.writeHead(200, { 'Content-Length': smallBody.length });
    response.end(smallBody);
  }
}

/** Accepts, and sends messages back: the events of a request are the events of its response, but for the extension and the subscription. */
function respondToEvents(events: Buffer, echoes: boolean, channel: string, response: ServerResponse): void {
  const opens = events.toString('latin1', 0, 6) === `OPEN${CRLF}`;
  const headers: Record<string, string> = { 'Content-Type': EVENTS };
  let body = echoes ? events : Buffer.alloc(0);
  if (opens && !echoes) {
    headers['Sec-WebSocket-Extensions'] = 'grip; message-prefix=""';
    const control = `c:${JSON.stringify({ type: 'subscribe', channel })}`;
    body = Buffer.from(`OPEN${CRLF}TEXT ${control.length.toString(16)}${CRLF}${control}${CRLF}`);
  }
  response.writeHead(200, { ...headers, 'Content-Length': body.length });
  response.end(body);
}
