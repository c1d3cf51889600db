import { collectBody } from './collect-body.ts';
import { GripMiddleware, PROXY_REQUIRED } from './grip-middleware.ts';
import { type GripOptions, MAX_BODY_BYTES } from './grip-options.ts';
import { readEvents, TOO_LONG, type WebSocketHandler } from './websocket-handler.ts';

/** What is used of the context of Hono. */
export interface HonoContextLike {
  readonly req: { readonly raw: Request };
  header(name: string, value: string): void;
}

/** The middleware for Hono. */
export function honoGrip(options: GripOptions = {}) {
  const middleware = new GripMiddleware(options);
  return async (c: HonoContextLike, next: () => Promise<void>): Promise<Response | undefined> => {
    const fields = new Map<string, string>();
    const { headers } = c.req.raw;
    const host = {
      field: (name: string) => headers.get(name) ?? undefined,
      setField: (name: string, value: string) => void fields.set(name, value),
    };
    if (!(await middleware.begin(c, host)))
      return new Response(PROXY_REQUIRED, { status: 501, headers: { 'Content-Type': 'text/plain' } });
    await next();
    // A handler may have made its response without the context, which takes the fields only now.
    for (const [name, value] of fields) c.header(name, value);
    return undefined;
  };
}

/** A handler of Hono for the requests of WebSocket-over-HTTP. */
export function honoWebSocket(handler: WebSocketHandler, { maxBodyBytes = MAX_BODY_BYTES }: GripOptions = {}) {
  return async (c: HonoContextLike): Promise<Response> => {
    const { headers, body } = c.req.raw;
    const bytes =
      body === null ? Buffer.alloc(0) : await collectBody(body as unknown as AsyncIterable<Uint8Array>, maxBodyBytes);
    const response = bytes === null ? TOO_LONG : await readEvents([...headers], bytes, handler, c);
    return new Response(new Uint8Array(response.body), { status: response.status, headers: { ...response.headers } });
  };
}
