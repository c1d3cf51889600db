import type { ControlBackend } from './control-backend.ts';
import type { EventStream } from './event-stream.ts';
import { type Operation, operation } from './operation.ts';
import { StatusFeed } from './status-feed.ts';
import { healthSchema, type Life, statusSchema } from './status-schema.ts';

const REASONS: { readonly [State in Life]?: string } = {
  starting: 'the server is starting',
  draining: 'the server is shutting down',
};

/** Whether the server lives, is ready, and what it does. */
export function statusOperations(backend: ControlBackend): readonly Operation[] {
  const feed = new StatusFeed(() => JSON.stringify(backend.status()));
  return [
    operation({
      id: 'getHealth',
      method: 'GET',
      path: '/healthz',
      access: 'open',
      tag: 'health',
      summary: 'Tells that the process responds.',
      responses: { 200: { doc: 'It does.', schema: healthSchema } },
      handle: () => ({ status: 200, json: { status: 'ok' } }),
    }),
    operation({
      id: 'getReadiness',
      method: 'GET',
      path: '/readyz',
      access: 'open',
      tag: 'health',
      summary: 'Tells whether clients should be sent here.',
      responses: {
        200: { doc: 'They should.', schema: healthSchema },
        503: { doc: 'The server is starting or shutting down.', schema: healthSchema },
      },
      handle: () => {
        const life = backend.life();
        const reason = REASONS[life];
        if (reason !== undefined) return { status: 503, json: { status: life, reason } };
        // It serves all the same.
        const degraded = backend.degraded?.() ?? null;
        return { status: 200, json: degraded === null ? { status: 'ready' } : { status: 'ready', degraded } };
      },
    }),
    operation({
      id: 'getStatus',
      method: 'GET',
      path: '/status',
      access: 'read',
      tag: 'status',
      summary: 'Tells what the server is, what it does, and how much of it.',
      responses: { 200: { doc: 'The status.', schema: statusSchema } },
      handle: () => ({ status: 200, json: backend.status() }),
    }),
    operation({
      id: 'getEvents',
      method: 'GET',
      path: '/events',
      access: 'read',
      tag: 'status',
      summary: 'Tells the status every second, as events `status`.',
      responses: { 200: { doc: 'The events.', schema: statusSchema, events: true } },
      handle: () => ({ open: (stream: EventStream) => feed.open(stream) }),
    }),
  ];
}
