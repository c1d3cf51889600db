import { z } from 'zod';
import { missingFields, scopeFields } from './scope-schema.ts';

const whole = z.number().int().nonnegative();

/** Channels that one answer lists at most. */
export const MAX_CHANNELS = 1_000;

/** What is kept of a channel. */
const spanSchema = z.object({
  items: whole,
  bytes: whole.describe('what they count towards `history_bytes`'),
  oldest: z.iso.datetime().nullable().describe('when the oldest of them was published; null without any'),
});

export const channelSchema = z.object({
  name: z.string(),
  pattern: z.boolean().optional().describe('true where the name is a pattern; absent for channels'),
  subscribers: whole.describe('clients that are held on it, on all nodes of a cluster'),
  lastId: z.string().nullable().describe('id of the last item; null if it has none'),
  history: spanSchema
    .optional()
    .describe('what is kept of it; absent where nothing is to be kept, and while the broker of a cluster is away'),
});

/** What is told of one channel. */
export const channelDetailsSchema = channelSchema.extend({
  users: whole.optional().describe('users on it; absent where nobody counts them (`presence` of `[[channel]]`)'),
  history: spanSchema
    .extend({
      first: whole.describe('number of the oldest item; 0 without any'),
      last: whole.describe('number of the newest item; 0 without any'),
      cursor: z.string().describe('the end of the history: what is published from now on comes after it'),
      itemsPerSecond: z
        .number()
        .nonnegative()
        .describe('over the last minute, or since the oldest item if that is younger'),
      retain: z.boolean().describe('whether new subscribers get the last item at once'),
    })
    .optional()
    .describe('what is kept of it; absent where nothing is to be kept, and while the broker of a cluster is away'),
  ...missingFields,
});

export const channelQuery = z.strictObject({
  prefix: z.string().optional().describe('only channels and patterns that begin with it'),
  kept: z
    .enum(['true', 'false'])
    .default('false')
    .describe('whether channels are listed, too, that have a history and no subscribers'),
  after: z.string().optional().describe('the `next` of the answer before this one'),
  limit: z.coerce.number().int().min(1).max(MAX_CHANNELS).default(100).describe('channels in the answer'),
  ...scopeFields,
});

export const patternQuery = z.strictObject({
  pattern: z.enum(['true', 'false']).default('false').describe('whether the name is a pattern'),
});

export const oneChannelQuery = patternQuery.extend(scopeFields);

export const channelPageSchema = z.object({
  channels: z.array(channelSchema),
  total: whole.describe(
    'channels and patterns that could be listed; in a cluster, where not all are in this answer, the sum of those of the nodes and of those that are kept, so that one with subscribers on two nodes counts twice, and so does one that is kept and has subscribers on another node',
  ),
  next: z.string().nullable().describe('value of `after` for those that follow; null if none do'),
  ...missingFields,
});

/** A format of an item. */
export const shownFormat = z.object({
  action: z.string().describe('`send`, `hint`, `close` or `refresh`; for a WebSocket message that is sent its type'),
  text: z.string().optional().describe('content that is UTF-8'),
  base64: z.string().optional().describe('any other content'),
  bytes: whole.describe('length of the whole content'),
});

export const tappedItemSchema = z.object({
  time: z.iso.datetime().describe('when it was accepted, in UTC'),
  channel: z.string(),
  id: z.string().nullable(),
  prevId: z.string().nullable(),
  formats: z
    .record(
      z.string(),
      shownFormat.extend({ cut: z.boolean().describe('whether only the first 4,096 bytes are here') }),
    )
    .describe('contents by format'),
  bytes: whole.describe('length of all contents'),
  receivers: whole.describe('clients that got it: those held on the channel, or on a pattern that matches it'),
});

export type Channel = z.infer<typeof channelSchema>;
export type ChannelDetails = z.infer<typeof channelDetailsSchema>;
export type ChannelQuery = z.infer<typeof channelQuery>;
export type ChannelPage = z.infer<typeof channelPageSchema>;

/** An item as a tap shows it. */
export type TappedItem = z.infer<typeof tappedItemSchema>;
