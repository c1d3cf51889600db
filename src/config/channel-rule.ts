import { z } from 'zod';
import { subjectOfPresence } from '../codec/grip/index.ts';
import { PATTERN_FORMS, patternSchema } from './pattern-schema.ts';
import {
  bytes,
  type CamelKeys,
  camelKeys,
  choice,
  complaint,
  count,
  fieldDocs,
  flag,
  seconds,
} from './section-fields.ts';

const onGap = choice(['event', 'replay', 'none']);

/** The keys of a `[[channel]]`. */
export const channelShape = {
  match: patternSchema((match) => subjectOfPresence(match) ?? match).register(fieldDocs, {
    doc: 'Names of the channels, with the prefixes of routes. A name has tokens with a `.` between them: `*` stands for one token, and `>` at the end for one or more; `>` alone is every channel. Neither stands for a part of a token. Names with an empty token, and those that begin with `$`, match nothing, except that `$presence.` and a pattern is for the presence channels of the channels that the pattern matches.',
    expected: PATTERN_FORMS,
  }),
  history_items: count({
    default: 0,
    from: 1,
    to: 1_000_000,
    zero: 'to keep none',
    doc: 'Number of the last items of each of these channels that are kept for clients that come back.',
  }),
  history_age: seconds({
    default: 0,
    from: 1,
    to: 31_536_000,
    zero: 'for no bound',
    doc: 'Maximum time for which an item is kept.',
  }),
  history_bytes: bytes({
    default: 0,
    from: 1_024,
    to: 1_099_511_627_776,
    zero: 'for no bound',
    doc: 'Maximum number of bytes that are kept of each of these channels. An item costs 36 bytes and the name of its channel besides its own. The oldest go first.',
  }),
  retain: flag({
    doc: 'Send the last item of the channel at once to a new subscriber, and to one that could not get what it has missed.',
  }),
  presence: flag({
    doc: 'Keep a table of the users of each of these channels, and publish `join` and `leave` on `$presence.` and the name of the channel.',
  }),
  on_gap: onGap.schema.default('event').register(fieldDocs, {
    doc: 'What a client gets that comes back and cannot get everything that it has missed: an event `gap` with the names of the channels, or a new response of the origin, which is asked again with `Event-Gap` and without the cursor, or no notice. WebSockets are told with "replay" as with "event".',
    expected: onGap.expected,
  }),
};

/** A `[[channel]]` in the code. */
export type ChannelTable = CamelKeys<z.output<z.ZodObject<typeof channelShape>>>;

/** A `[[channel]]` in TOML. */
export const channelSchema = camelKeys(
  z.strictObject(channelShape, { error: complaint('a table') }).superRefine((rule, context) => {
    if (rule.presence && subjectOfPresence(rule.match) !== null)
      context.addIssue({ code: 'custom', path: ['presence'], message: 'has no effect on presence channels' });
    if (rule.history_items > 0) return;
    for (const key of ['history_age', 'history_bytes', 'retain', 'on_gap'] as const) {
      if (rule[key] !== 0 && rule[key] !== false && rule[key] !== 'event') {
        context.addIssue({ code: 'custom', path: [key], message: 'has no effect without history_items' });
      }
    }
  }),
);
