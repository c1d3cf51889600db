import { z } from 'zod';
import { channelSchema, MAX_CHANNELS } from './channel-schema.ts';
import { connectionDetailsSchema, connectionPageSchema, connectionsQuery } from './connection-schema.ts';

// What nodes of a cluster ask each other on behalf of callers. A query with a key that is not known here is not understood; what is new in an answer is left out.

const whole = z.number().int().nonnegative();

/** A question about the clients of a node. */
export const clientQuestionSchema = z.discriminatedUnion('about', [
  z.object({ about: z.literal('list'), query: connectionsQuery }),
  z.object({ about: z.literal('details'), id: z.string() }),
  z.object({ about: z.literal('close'), id: z.string() }),
  z.object({ about: z.literal('disconnect'), user: z.string() }),
]);

/** The answers, by what they are about. */
export const clientAnswerSchemas = {
  list: connectionPageSchema,
  details: z.object({ connection: connectionDetailsSchema.nullable() }),
  close: z.boolean(),
  disconnect: whole,
};

/** A question about the channels of a node: a page of them, or some of them by their keys. */
export const channelQuestionSchema = z.union([
  z.strictObject({
    prefix: z.string(),
    after: z.string(),
    limit: z.number().int().min(1).max(MAX_CHANNELS),
  }),
  z.strictObject({ keys: z.array(z.string()).max(MAX_CHANNELS) }),
]);

/** The channels of a node that were asked for. */
export const nodeChannelsSchema = z.object({
  channels: z.array(channelSchema.omit({ history: true })),
  total: whole,
  next: z.string().nullable(),
});

/** The channels of items, and which formats they have: how many clients of the node would get each of them? */
export const receiversQuestionSchema = z.array(
  z.object({ channel: z.string(), response: z.boolean(), stream: z.boolean(), webSocket: z.boolean() }),
);

/** As many numbers as items. */
export const countsSchema = z.array(whole);

/** Ids of clients. */
export const idsSchema = z.array(z.string());
