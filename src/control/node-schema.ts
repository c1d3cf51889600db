import { z } from 'zod';

const whole = z.number().int().nonnegative();
const rate = z.number().nonnegative().nullable();

export const nodeSchema = z.object({
  id: z.string().describe('of this run of the node'),
  name: z.string().describe('two nodes may have the same one'),
  self: z.boolean().describe('whether it is the node that answers'),
  version: z.string(),
  protocol: whole.describe('version of what nodes send each other'),
  state: z
    .enum(['ready', 'draining', 'incompatible'])
    .describe('`incompatible`: its protocol is not understood here, and nothing else is known of it'),
  started: z.iso.datetime().describe('time in UTC'),
  connections: whole.nullable().describe('open connections of clients'),
  channels: whole.nullable().describe('channels and patterns with a subscriber'),
  publishedPerSecond: rate.describe('items that were published at this node; null where it is not known yet'),
  deliveredPerSecond: rate.describe('items that its clients got; null likewise'),
  lastHeard: z
    .number()
    .nonnegative()
    .nullable()
    .describe('seconds since its last heartbeat; null for the node that answers'),
});

export const nodesSchema = z.object({
  nodes: z.array(nodeSchema).describe('in the order of their names'),
  broker: z.boolean().describe('whether the broker is there. If not, the list is as it was when it went away'),
});

export type ClusterNodes = z.infer<typeof nodesSchema>;
export type ShownNode = z.infer<typeof nodeSchema>;
