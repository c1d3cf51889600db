import { z } from 'zod';

const whole = z.number().int().nonnegative();

/** Channels that one answer lists at most. */
export const MAX_CHANNELS = 1_000;

export const channelSchema = z.object({
  name: z.string(),
  pattern: z.boolean().optional().describe('true where the name is a pattern; absent for channels'),
  subscribers: whole.describe('clients that are held on it'),
  lastId: z.string().nullable().describe('id of the last item; null if it has none'),
});

export const channelQuery = z.strictObject({
  prefix: z.string().optional().describe('only channels and patterns that begin with it'),
  after: z.string().optional().describe('the `next` of the answer before this one'),
  limit: z.coerce.number().int().min(1).max(MAX_CHANNELS).default(100).describe('channels in the answer'),
});

export const patternQuery = z.strictObject({
  pattern: z.enum(['true', 'false']).default('false').describe('whether the name is a pattern'),
});

export const channelPageSchema = z.object({
  channels: z.array(channelSchema),
  total: whole.describe('channels and patterns that begin with the prefix'),
  next: z.string().nullable().describe('value of `after` for those that follow; null if none do'),
});

/** A format of an item as a tap shows it. */
const shownFormat = z.object({
  action: z.string().describe('`send`, `hint`, `close` or `refresh`; for a WebSocket message that is sent its type'),
  text: z.string().optional().describe('content that is UTF-8'),
  base64: z.string().optional().describe('any other content'),
  bytes: whole.describe('length of the whole content'),
  cut: z.boolean().describe('whether only the first 4,096 bytes are here'),
});

export const tappedItemSchema = z.object({
  time: z.iso.datetime().describe('when it was accepted, in UTC'),
  channel: z.string(),
  id: z.string().nullable(),
  prevId: z.string().nullable(),
  formats: z.record(z.string(), shownFormat).describe('contents by format'),
  bytes: whole.describe('length of all contents'),
  receivers: whole.describe('clients that got it: those held on the channel, or on a pattern that matches it'),
});

export type Channel = z.infer<typeof channelSchema>;
export type ChannelQuery = z.infer<typeof channelQuery>;
export type ChannelPage = z.infer<typeof channelPageSchema>;

/** An item as a tap shows it. */
export type TappedItem = z.infer<typeof tappedItemSchema>;
