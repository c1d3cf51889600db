import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { fieldValue, fieldValues } from '../../src/codec/fields/index.ts';

/** A request as it reached an origin. */
export class OriginRequest {
  readonly method: string;
  readonly target: string;
  /** Flat `[name, value, …]` list, as sent. */
  readonly headers: string[];
  readonly body: Buffer;

  constructor(message: IncomingMessage, body: Buffer) {
    this.method = message.method ?? '';
    this.target = message.url ?? '';
    this.headers = message.rawHeaders;
    this.body = body;
  }

  /** The first value of a field; `name` in lower case. */
  header(name: string): string | undefined {
    return fieldValue(this.headers, name);
  }

  /** All values of a field; `name` in lower case. */
  all(name: string): string[] {
    return fieldValues(this.headers, name);
  }
}

/** What an origin answers with. */
export interface OriginResponse {
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: readonly (readonly [string, string])[] | Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** An ordinary HTTP origin that reads each request to its end and answers as it is told. */
export class Origin {
  readonly port: number;
  /** Oldest first. */
  readonly requests: OriginRequest[] = [];
  /** Connections so far. */
  connections = 0;
  #waiters: (() => void)[] = [];

  constructor(port: number) {
    this.port = port;
  }

  /** `host:port`, as a target of a route. */
  get target(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The `count`th request, once it is here. */
  async request(count = 1): Promise<OriginRequest> {
    while (this.requests.length < count) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.requests[count - 1] as OriginRequest;
  }

  /** Notes a request. */
  add(request: OriginRequest): void {
    this.requests.push(request);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** Answers a request; `earlier` is how many came before it. */
export type OriginHandler = (request: OriginRequest, earlier: number) => OriginResponse;

/** Starts an HTTP origin on a free port; it ends with the test. */
export async function httpOrigin(t: TestContext, handler: OriginHandler): Promise<Origin> {
  const server = createServer({ keepAliveTimeout: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = new Origin((server.address() as AddressInfo).port);
  server.on('connection', () => {
    origin.connections++;
  });
  server.on('request', async (message: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const request = new OriginRequest(message, Buffer.concat(chunks));
    const answer = handler(request, origin.requests.length);
    origin.add(request);
    sendResponse(response, answer);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return origin;
}

function sendResponse(response: ServerResponse, answer: OriginResponse): void {
  const { status = 200, reason, headers = {}, body = '' } = answer;
  const fields = Array.isArray(headers) ? headers.flat() : Object.entries(headers).flat();
  if (reason === undefined) response.writeHead(status, fields as string[]);
  else response.writeHead(status, reason, fields as string[]);
  response.end(body);
}
