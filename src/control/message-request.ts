import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { fieldValue } from '../codec/fields/index.ts';
import { MAX_TTL, PublishError } from '../codec/grip/index.ts';
import type { HeaderList } from '../exchange/index.ts';
import { validQuery } from './valid-input.ts';

export const messageQuery = z.strictObject({
  id: z.string().optional().describe('id of the item'),
  'prev-id': z.string().optional().describe('id of the item before it, after which it is delivered'),
  version: z.coerce.number().int().min(0).optional().describe('dropped unless higher than the last one of the channel'),
  ttl: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_TTL)
    .optional()
    .describe('seconds after which the item is no longer sent to clients that have not got it'),
  retain: z.enum(['true', 'false']).default('true').describe('whether a channel with a history keeps the item'),
  event: z
    .string()
    .regex(/^[^\r\n\0]{1,256}$/, 'expected 1 to 256 characters in one line')
    .optional()
    .describe('type of the event that streams get, as `addEventListener` knows it'),
  stream: z
    .enum(['event', 'raw'])
    .default('event')
    .describe('whether streams get the body as an event of EventSource, or as it is'),
});

/** A message for a channel, before its body is here. */
export interface MessageRequest {
  readonly channel: string;
  readonly query: z.infer<typeof messageQuery>;
  /** Value of Content-Type; null for text: without one, and for what curl says of everything that it sends with -d. */
  readonly type: string | null;
}

const PATH = /^\/channels\/([^/]+)\/message$/;

/** Media types of text: what browsers show as text. */
const TEXT = /^(?:text\/[^;]*|application\/(?:[^;]+\+)?(?:json|xml))\s*(?:;|$)/i;

const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** The channel of a path `/channels/NAME/message`; null for other paths. */
export function channelOfMessage(path: string): string | null {
  // Most requests are for /publish.
  if (!path.startsWith('/channels/')) return null;
  const [, name] = PATH.exec(path) ?? [];
  if (name === undefined) return null;
  try {
    return decodeURIComponent(name);
  } catch {
    return null;
  }
}

/**
 * Reads the head of a request for `/channels/NAME/message`.
 * @throws OperationError for a query that is not valid
 */
export function messageRequest(channel: string, target: string, headers: HeaderList): MessageRequest {
  const query = validQuery(messageQuery, target) as MessageRequest['query'];
  const type = fieldValue(headers, 'content-type') ?? null;
  return { channel, query, type: type === null || FORM.test(type) ? null : type };
}

/**
 * What the publish endpoint takes for the message: clients get the body in whatever way they are held.
 * @param key idempotency key; null for none
 * @throws PublishError for a text that is not UTF-8
 */
export function messageItems({ channel, query, type }: MessageRequest, body: Buffer, key: string | null): object {
  const { event, stream, retain, ...extras } = query;
  const isText = type === null || TEXT.test(type);
  if (isText && !isUtf8(body))
    throw new PublishError(
      'The body is not UTF-8. Give binary content a Content-Type such as application/octet-stream.',
    );
  const headers = { 'Content-Type': type ?? 'text/plain; charset=utf-8' };
  const content = stream === 'raw' ? body : isText ? eventOf(body.toString(), event) : null;
  const formats = {
    'http-response': { headers, body },
    // An event has text only.
    ...(content !== null && { 'http-stream': { content } }),
    'ws-message': { type: isText ? 'text' : 'binary', content: body },
  };
  return {
    items: [
      {
        channel,
        ...extras,
        ...(retain === 'false' && { retain: false }),
        ...(key !== null && { 'idempotency-key': key }),
        formats,
      },
    ],
  };
}

/** The event whose data is this text (WHATWG HTML §9.2.5). */
function eventOf(text: string, event: string | undefined): Buffer {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return Buffer.from(`${name}data: ${text.replace(/\r\n|\r|\n/g, '\ndata: ')}\n\n`);
}
