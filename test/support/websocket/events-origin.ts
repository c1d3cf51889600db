import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** One request with events, which the test responds to. */
export class EventsRequest {
  readonly request: IncomingMessage;
  readonly body: string;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, body: string, response: ServerResponse) {
    this.request = request;
    this.body = body;
    this.#response = response;
  }

  /** The value of a field of the request. */
  field(name: string): string | undefined {
    const value = this.request.headers[name];
    return value === undefined ? undefined : String(value);
  }

  /** Responds with events. */
  events(body: string | Buffer = '', headers: Record<string, string> = {}): void {
    this.respond(200, body, { 'Content-Type': 'application/websocket-events', ...headers });
  }

  respond(status: number, body: string | Buffer = '', headers: Record<string, string> = {}): void {
    const bytes = Buffer.from(body as string);
    this.#response.writeHead(status, { ...headers, 'Content-Length': bytes.length });
    this.#response.end(bytes);
  }

  /** Breaks the connection. */
  destroy(): void {
    this.request.socket.destroy();
  }
}

/** An origin of WebSocket-over-HTTP that the test plays. */
export class EventsOrigin {
  readonly #requests: EventsRequest[] = [];
  #wake: () => void = () => {};
  address = '';
  /** Stops it at once. */
  stop: () => void = () => {};

  add(request: EventsRequest): void {
    this.#requests.push(request);
    this.#wake();
  }

  /** Requests that have come and have not been taken. */
  get waiting(): number {
    return this.#requests.length;
  }

  /** The next request. */
  async next(): Promise<EventsRequest> {
    while (this.#requests.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#requests.shift() as EventsRequest;
  }
}

/** Starts it on a loopback port, a free one by default; it ends with the test. */
export async function startEventsOrigin(t: TestContext, port = 0): Promise<EventsOrigin> {
  const origin = new EventsOrigin();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    origin.add(new EventsRequest(request, Buffer.concat(chunks).toString('latin1'), response));
  });
  origin.stop = () => {
    server.close();
    server.closeAllConnections();
  };
  t.after(origin.stop);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  origin.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return origin;
}
