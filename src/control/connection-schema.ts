import { z } from 'zod';
import { missingFields, scopeFields } from './scope-schema.ts';

const whole = z.number().int().nonnegative();

/** Connections that one answer lists at most. */
const MAX_CONNECTIONS = 1_000;

export const connectionSchema = z.object({
  id: z.string().describe('as the log has it'),
  node: z.string().optional().describe('name of the node of the cluster that has it; absent without a cluster'),
  kind: z
    .enum(['stream', 'response', 'websocket', 'other'])
    .describe('a held stream, a held request, a WebSocket, or anything else: idle, or its request is at an origin'),
  held: z.boolean().describe('whether it is held, so that items reach it'),
  peer: z.string().describe('address of the client; empty for a unix socket'),
  encrypted: z.boolean(),
  route: z.string().nullable().describe('`id` of the route; null for none, and where it is not known'),
  user: z.string().nullable(),
  channels: z.array(z.string()),
  patterns: z.array(z.string()),
  since: z.iso.datetime().nullable().describe('when it was held; null if it is not'),
  items: whole.nullable().describe('items that it got; null where neither the access log nor traces count them'),
  cursor: z.string().nullable().describe('where it is in the history of its channels; null without one'),
});

export const connectionDetailsSchema = connectionSchema.extend({
  received: whole
    .nullable()
    .describe('bytes of the client, since this process has the connection; null where another program has it'),
  sent: whole.nullable().describe('the same for bytes to the client'),
});

export const connectionsQuery = z
  .strictObject({
    channel: z.string().optional().describe('only those on this channel, or with this pattern'),
    pattern: z.enum(['true', 'false']).default('false').describe('whether `channel` is a pattern'),
    user: z.string().optional().describe('only those of this user'),
    after: z.string().optional().describe('the `next` of the answer before this one'),
    limit: z.coerce.number().int().min(1).max(MAX_CONNECTIONS).default(100).describe('connections in the answer'),
    ...scopeFields,
  })
  .refine(({ channel, pattern }) => channel !== undefined || pattern === 'false', {
    path: ['pattern'],
    error: 'has no effect without channel',
  });

export const connectionPageSchema = z.object({
  connections: z.array(connectionSchema),
  total: whole.describe('connections that could be listed'),
  next: z.string().nullable().describe('value of `after` for those that follow; null if none do'),
  ...missingFields,
});

export const disconnectedSchema = z.object({
  closed: whole.describe('connections that were closed'),
  ...missingFields,
});

export type Connection = z.infer<typeof connectionSchema>;
export type ConnectionDetails = z.infer<typeof connectionDetailsSchema>;
export type ConnectionsQuery = z.infer<typeof connectionsQuery>;
export type ConnectionPage = z.infer<typeof connectionPageSchema>;
export type Disconnected = z.infer<typeof disconnectedSchema>;
