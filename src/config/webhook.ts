import { z } from 'zod';
import { isHttpUrl } from './is-http-url.ts';
import { PATTERN_FORMS, patternSchema } from './pattern-schema.ts';
import { type CamelKeys, camelKeys, complaint, fieldDocs, seconds } from './section-fields.ts';

const URL_FORMS = 'an http or https URL';
const SECRET_FORMS = '"whsec_" and 24 to 64 bytes in base64';
const EVENT_FORMS = 'a list of "join", "leave", "occupied" and "vacated"';

const SECRET = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;

/** The keys of a `[[webhook]]`. */
export const webhookShape = {
  url: z
    .string({ error: complaint(URL_FORMS) })
    .refine((value) => value !== '' && isHttpUrl(value), { error: complaint(URL_FORMS) })
    .register(fieldDocs, {
      doc: 'URL that gets the events by POST. Redirects are not followed. It may lead to a private address: whoever writes the configuration decides that.',
      expected: URL_FORMS,
      secret: 'in-url',
    }),
  secret: z
    .string({ error: () => `expected ${SECRET_FORMS}` })
    .refine(isWebhookSecret, { error: () => `expected ${SECRET_FORMS}` })
    .register(fieldDocs, {
      doc: 'Secret that signs the requests as Standard Webhooks say. `echo "whsec_$(openssl rand -base64 32)"` makes one.',
      expected: SECRET_FORMS,
      secret: true,
    }),
  events: z
    .array(z.enum(['join', 'leave', 'occupied', 'vacated'], { error: complaint(EVENT_FORMS) }), {
      error: complaint(EVENT_FORMS),
    })
    .min(1, { error: () => `expected ${EVENT_FORMS}, got none` })
    .default(['join', 'leave', 'occupied', 'vacated'])
    .register(fieldDocs, {
      doc: 'Events that are sent: a user comes to a channel with `presence`, or leaves it; a channel gets its first client, or has lost the last one.',
      expected: EVENT_FORMS,
    }),
  match: patternSchema().default('>').register(fieldDocs, {
    doc: 'Names of the channels, as `match` of a `[[channel]]`. Nothing is told of presence channels.',
    expected: PATTERN_FORMS,
  }),
  retry_time: seconds({
    default: 86_400,
    from: 10,
    to: 604_800,
    doc: 'Time for which an event is sent again and again while the URL does not take it. Then it is dropped, counted and logged.',
  }),
};

/** A `[[webhook]]` in the code. */
export type WebhookTable = CamelKeys<z.output<z.ZodObject<typeof webhookShape>>>;

const webhookSchema = camelKeys(z.strictObject(webhookShape, { error: complaint('a table') }));

/**
 * Webhooks of one server.
 * @bound webhooks
 */
const MAX_WEBHOOKS = 16;

/** All `[[webhook]]` in TOML. */
export const webhooksSchema = z
  .array(webhookSchema, { error: complaint('tables, each under [[webhook]]') })
  .max(MAX_WEBHOOKS, { error: () => `expected at most ${MAX_WEBHOOKS} webhooks` })
  .superRefine((list, context) => {
    for (const [index, { url, match }] of list.entries()) {
      if (list.findIndex((other) => other.url === url && other.match === match) < index)
        context.addIssue({
          code: 'custom',
          path: [index, 'url'],
          message: 'another webhook has the same url and match',
        });
    }
  })
  .default([]);

/** Whether a text is a secret as Standard Webhooks have them. */
function isWebhookSecret(text: string): boolean {
  const bytes = Buffer.from(SECRET.exec(text)?.[1] ?? '', 'base64').length;
  return bytes >= 24 && bytes <= 64;
}
