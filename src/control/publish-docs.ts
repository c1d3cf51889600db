import { z } from 'zod';
import { messageQuery } from './message-request.ts';
import type { Operation } from './operation.ts';
import { recoverQuery } from './scope-schema.ts';

/** What the document tells of an operation that `publishService` does, whose statuses and texts are those that publishers of GRIP know. */
export type Described = Omit<Operation, 'handle'> & {
  /** Media type of its responses. */
  readonly answers?: 'text/plain';
  /** Media types of its body. Default: JSON. */
  readonly takes?: '*/*';
};

const text = z.string();

const content = z.looseObject({
  content: z.string().optional(),
  'content-bin': z.string().optional().describe('base64'),
});

const item = z.looseObject({
  channel: z.string().min(1),
  id: z.string().optional(),
  'idempotency-key': z
    .string()
    .min(1)
    .optional()
    .describe('a repeat within 5 minutes gets the response of the first item, and clients get the item once'),
  version: z.number().int().min(0).optional().describe('dropped unless higher than the last one of the channel'),
  retain: z.boolean().optional().describe('false: a channel with a history does not keep the item'),
  ttl: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('seconds after which the item is no longer sent to clients that have not got it'),
  'prev-id': z.string().optional(),
  meta: z.record(z.string(), z.string()).optional(),
  formats: z
    .looseObject({
      'http-response': z
        .looseObject({
          code: z.number().int().optional(),
          body: z.string().optional(),
          'body-bin': z.string().optional(),
        })
        .optional(),
      'http-stream': content.optional(),
      'ws-message': content.optional(),
    })
    .describe('what clients get, by how they are held'),
});

/** The paths that are not operations of the API: they respond as publishers of GRIP, probes and Prometheus expect. */
export const PUBLISH_DOCS: readonly Described[] = [
  {
    id: 'publish',
    method: 'POST',
    path: '/publish',
    access: 'publish',
    tag: 'publishing',
    summary:
      'Publishes items to channels. `Prefer: return=representation` asks how many clients each item goes to, and for its cursor in the history. With `Idempotency-Key` a repeated request is published once.',
    body: z.looseObject({ items: z.array(item) }),
    responses: {
      200: { doc: 'The items were accepted.', schema: text },
      400: { doc: 'The body is not a list of items. The text says why.', schema: text },
      413: { doc: 'The body is larger than `max_body_bytes`.', schema: text },
      422: { doc: 'An idempotency key was used for other content. The text names the channel.', schema: text },
      429: { doc: 'More requests came than `request_rate` allows.', schema: text },
      503: { doc: 'The server is shutting down, or the broker of the cluster is away.', schema: text },
    },
    answers: 'text/plain',
  },
  {
    id: 'publishMessage',
    method: 'POST',
    path: '/channels/{name}/message',
    access: 'publish',
    tag: 'publishing',
    summary:
      'Publishes the body to one channel: it is the body of the response to held requests, the data of an event of held streams, and a WebSocket message. `Idempotency-Key` and `Prefer` are those of `/publish`.',
    params: { name: 'name of the channel, percent-encoded' },
    query: messageQuery,
    body: text.describe(
      'text in UTF-8, or with a Content-Type of anything else binary, which streams get with `stream=raw` only',
    ),
    takes: '*/*',
    responses: {
      200: { doc: 'The message was accepted.', schema: text },
      400: { doc: 'The query is not valid, or the body is no text. The text says why.', schema: text },
      413: { doc: 'The body is larger than `max_body_bytes`.', schema: text },
      422: { doc: 'The idempotency key was used for other content.', schema: text },
      429: { doc: 'More requests came than `request_rate` allows.', schema: text },
      503: { doc: 'The server is shutting down, or the broker of the cluster is away.', schema: text },
    },
    answers: 'text/plain',
  },
  {
    id: 'recover',
    method: 'POST',
    path: '/recover',
    access: 'publish',
    tag: 'publishing',
    summary: 'Says that items may have been lost: held requests are sent to their origins again.',
    query: recoverQuery,
    responses: {
      200: { doc: 'They will be.', schema: text },
      400: { doc: 'The query is not valid. The text says why.', schema: text },
    },
    answers: 'text/plain',
  },
  {
    id: 'getMetrics',
    method: 'GET',
    path: '/metrics',
    access: 'counters',
    tag: 'status',
    summary: 'The metrics in the text format of Prometheus.',
    responses: { 200: { doc: 'The metrics.', schema: text } },
    answers: 'text/plain',
  },
  {
    id: 'probe',
    method: 'GET',
    path: '/',
    access: 'open',
    tag: 'health',
    summary: 'Responds as the publish endpoint of Pushpin does. Use `/healthz` for new probes.',
    responses: { 200: { doc: 'A text.', schema: text } },
    answers: 'text/plain',
  },
];
