import type { GripContext } from './grip-context.ts';

/** The context of each request, by the object that its framework passes to handlers. */
const contexts = new WeakMap<object, GripContext>();

/** Remembers the context of a request. */
export function setGrip(request: object, context: GripContext): void {
  contexts.set(request, context);
}

/**
 * The context of a request: of `request` in node:http, Express and Fastify, of the context `c` in Hono.
 * @throws Error when the middleware has not seen the request
 */
export function gripOf(request: object): GripContext {
  const context = contexts.get(request);
  if (context === undefined)
    throw new Error('the request has no GRIP context: use the middleware of holdfast/grip before the handler');
  return context;
}
