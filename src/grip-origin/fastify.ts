import type { IncomingMessage, ServerResponse } from 'node:http';
import { EVENTS_TYPE } from '../codec/grip/index.ts';
import { GripMiddleware, PROXY_REQUIRED } from './grip-middleware.ts';
import { type GripOptions, MAX_BODY_BYTES } from './grip-options.ts';
import { readEvents, type WebSocketHandler } from './websocket-handler.ts';

/** What is used of a request of Fastify. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

/** What is used of a reply of Fastify. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse;
  header(name: string, value: string): unknown;
  headers(values: Readonly<Record<string, string>>): unknown;
  code(status: number): unknown;
  send(payload: unknown): unknown;
}

/** What is used of Fastify itself. */
export interface FastifyLike<
  Request extends FastifyRequestLike = FastifyRequestLike,
  Reply extends FastifyReplyLike = FastifyReplyLike,
> {
  addHook(name: 'onRequest', hook: (request: Request, reply: Reply) => Promise<unknown>): unknown;
  addContentTypeParser(
    type: string,
    options: { readonly parseAs: 'buffer'; readonly bodyLimit: number },
    parser: (request: Request, body: Buffer, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown;
}

/** The plugin for Fastify. It holds for the whole instance that registers it. */
export function fastifyGrip(options: GripOptions = {}) {
  const middleware = new GripMiddleware(options);
  const plugin = async (fastify: FastifyLike): Promise<void> => {
    fastify.addContentTypeParser(
      EVENTS_TYPE,
      { parseAs: 'buffer', bodyLimit: options.maxBodyBytes ?? MAX_BODY_BYTES },
      (_request, body, done) => done(null, body),
    );
    fastify.addHook('onRequest', async (request, reply) => {
      const passed = await middleware.begin(request, {
        field: (name) => fieldOf(request, name),
        setField: (name, value) => void reply.header(name, value),
      });
      if (passed) return;
      reply.code(501);
      reply.header('Content-Type', 'text/plain');
      reply.send(PROXY_REQUIRED);
      return reply;
    });
  };
  // Fastify gives a plugin an instance of its own, unless this says otherwise.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'holdfast-grip',
  });
}

/** A handler of Fastify for the requests of WebSocket-over-HTTP. */
export function fastifyWebSocket(handler: WebSocketHandler) {
  return async (request: FastifyRequestLike, reply: FastifyReplyLike): Promise<unknown> => {
    const body = request.body instanceof Uint8Array ? Buffer.from(request.body) : Buffer.alloc(0);
    const response = await readEvents(fieldsOf(request), body, handler, request);
    reply.code(response.status);
    reply.headers(response.headers);
    return reply.send(response.body);
  };
}

function fieldOf({ headers }: FastifyRequestLike, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function* fieldsOf({ raw: { rawHeaders } }: FastifyRequestLike): Iterable<[string, string]> {
  for (let i = 0; i < rawHeaders.length; i += 2)
    yield [(rawHeaders[i] as string).toLowerCase(), rawHeaders[i + 1] as string];
}
