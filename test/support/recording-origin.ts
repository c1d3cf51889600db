import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A request as node:http understood it. */
export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  /** Flat `[name, value, …]` list, as on the wire. */
  readonly headers: readonly string[];
  readonly body: string;
}

/**
 * An origin on node:http, so that what a request is is judged by a reader that has nothing in common with the code under test. It keeps
 * every byte and every request.
 */
export class RecordingOrigin {
  readonly requests: RecordedRequest[] = [];
  /** All bytes that arrived, a text of latin1 for each connection. */
  readonly raw: string[] = [];
  /** Bytes that node:http did not take for a request. */
  readonly errors: NodeJS.ErrnoException[] = [];
  /** Called when the head of a request is there, which may answer it before its body. */
  onHead: (response: ServerResponse, request: IncomingMessage) => void = () => {};
  /** Answers complete requests; by default with the request's own method, target and body. */
  respond: (response: ServerResponse, request: RecordedRequest) => void = (response, { method, url, body }) => {
    response.end(`${method} ${url} ${body}`);
  };
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => this.#record(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#take(request, response));
    server.on('clientError', (error, socket) => {
      this.errors.push(error);
      socket.destroy();
    });
  }

  /** A route line that leads here. */
  get route(): string {
    return `* 127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #record(socket: Socket): void {
    const index = this.raw.push('') - 1;
    socket.on('data', (chunk) => {
      this.raw[index] += chunk.toString('latin1');
    });
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.onHead(response, request);
    let body = '';
    request.setEncoding('latin1');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { method = '', url = '', rawHeaders } = request;
      const recorded = { method, url, headers: rawHeaders, body };
      this.requests.push(recorded);
      if (!response.writableEnded) this.respond(response, recorded);
    });
  }
}

/** Starts an origin on a free port; it ends with the test. */
export async function startRecordingOrigin(t: TestContext): Promise<RecordingOrigin> {
  // The proxy adds fields of its own to the largest request that it takes.
  const server = createServer({ maxHeaderSize: 32_768 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return new RecordingOrigin(server);
}
