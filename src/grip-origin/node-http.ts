import type { IncomingMessage, ServerResponse } from 'node:http';
import { collectBody } from './collect-body.ts';
import { GripMiddleware, PROXY_REQUIRED } from './grip-middleware.ts';
import { type GripOptions, MAX_BODY_BYTES } from './grip-options.ts';
import type { EventsResponse } from './websocket-context.ts';
import { readEvents, TOO_LONG, type WebSocketHandler } from './websocket-handler.ts';

/** A handler of node:http. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A request of Express is one of node:http that a parser may have read. */
type ParsedRequest = IncomingMessage & { readonly body?: unknown };

/** The middleware for Express, and for what takes middleware of this kind. Use it before parsers of bodies. */
export function expressGrip(options: GripOptions = {}) {
  const middleware = new GripMiddleware(options);
  return (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void => {
    const host = {
      field: (name: string) => fieldOf(request, name),
      setField: (name: string, value: string) => void response.setHeader(name, value),
    };
    middleware.begin(request, host).then(
      (passed) => {
        if (passed) next();
        else refuse(response);
      },
      (error: unknown) => next(error),
    );
  };
}

/** A listener for `createServer` of node:http that gives each request its context. What `listener` throws becomes a 500. */
export function gripListener(listener: Listener, options: GripOptions = {}) {
  const middleware = expressGrip(options);
  return (request: IncomingMessage, response: ServerResponse): void => {
    const fail = (error: unknown): void => {
      console.error(error);
      if (response.headersSent) response.destroy();
      else
        end(response, {
          status: 500,
          headers: { 'Content-Type': 'text/plain' },
          body: Buffer.from('Internal error.\n'),
        });
    };
    middleware(request, response, (error) => {
      if (error !== undefined) return fail(error);
      new Promise((resolve) => resolve(listener(request, response))).catch(fail);
    });
  };
}

/** A handler of node:http and Express for the requests of WebSocket-over-HTTP. Express gives it what `handler` throws. */
export function webSocketRoute(handler: WebSocketHandler, { maxBodyBytes = MAX_BODY_BYTES }: GripOptions = {}) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request, maxBodyBytes);
    end(response, body === null ? TOO_LONG : await readEvents(fieldsOf(request), body, handler, request));
  };
}

function fieldOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function* fieldsOf({ rawHeaders }: IncomingMessage): Iterable<[string, string]> {
  for (let i = 0; i < rawHeaders.length; i += 2)
    yield [(rawHeaders[i] as string).toLowerCase(), rawHeaders[i + 1] as string];
}

/** The body; null when it is too long. */
async function bodyOf(request: ParsedRequest, maxBytes: number): Promise<Buffer | null> {
  if (request.body instanceof Uint8Array) return Buffer.from(request.body);
  if (request.readableEnded)
    throw new Error(
      'the body of the request has been read already: have the parser of bodies leave out application/websocket-events, or give bytes',
    );
  return collectBody(request, maxBytes);
}

function refuse(response: ServerResponse): void {
  end(response, { status: 501, headers: { 'Content-Type': 'text/plain' }, body: Buffer.from(PROXY_REQUIRED) });
}

function end(response: ServerResponse, { status, headers, body }: EventsResponse): void {
  response.writeHead(status, { ...headers, 'Content-Length': body.length }).end(body);
}
