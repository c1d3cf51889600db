import { z } from 'zod';

const whole = z.number().int().nonnegative();

/** Users that one answer lists at most. */
const MAX_USERS = 1_000;

export const presenceQuery = z.strictObject({
  after: z.string().optional().describe('the `next` of the answer before this one'),
  limit: z.coerce.number().int().min(1).max(MAX_USERS).default(100).describe('users in the answer'),
});

export const presencePageSchema = z.object({
  users: z.array(
    z.object({
      user: z.string(),
      connections: whole.describe('0 for a user that may be back in a moment'),
      since: z.iso.datetime().describe('when the user came, in UTC'),
    }),
  ),
  total: whole.describe('users of the channel'),
  next: z.string().nullable().describe('value of `after` for those that follow; null if none do'),
});

export type PresenceQuery = z.infer<typeof presenceQuery>;
export type PresencePage = z.infer<typeof presencePageSchema>;
