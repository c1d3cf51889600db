import { z } from 'zod';
import { shownFormat } from './channel-schema.ts';

/** Items of the history that one answer has at most. */
const MAX_ITEMS = 1_000;

export const historyQuery = z.strictObject({
  since: z
    .string()
    .regex(/^[A-Za-z0-9]{1,32}-\d{1,16}$/, 'expected a cursor, as items have it')
    .optional()
    .describe('a cursor: only items after it, or before it with `reverse`'),
  limit: z.coerce.number().int().min(1).max(MAX_ITEMS).default(100).describe('items in the answer'),
  reverse: z.enum(['true', 'false']).default('false').describe('whether the newest items come first'),
});

export const historyPageSchema = z.object({
  recovered: z
    .boolean()
    .describe(
      'false, without items, if some after `since` are not kept any more, or it is not of this history; without `since` there is all that is kept',
    ),
  items: z.array(
    z.object({
      cursor: z.string().describe('a client with it has this item and all before it'),
      time: z.iso.datetime().describe('when it was published, in UTC'),
      channel: z.string(),
      id: z.string().nullable(),
      prevId: z.string().nullable(),
      formats: z.record(z.string(), shownFormat).describe('contents by format'),
      bytes: z.number().int().nonnegative().describe('length of all contents'),
    }),
  ),
  next: z.string().nullable().describe('value of `since` for those that follow; null if none do'),
  end: z.string().describe('cursor of the end of the history: what is published from now on comes after it'),
});

export type HistoryQuery = z.infer<typeof historyQuery>;
export type HistoryPage = z.infer<typeof historyPageSchema>;

/** An item that is kept. */
export type HistoryItem = HistoryPage['items'][number];
