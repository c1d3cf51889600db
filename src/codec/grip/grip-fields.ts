import { type FieldList, fieldValue, fieldValues, listMembers } from '../fields/index.ts';
import { decodeCstring } from './cstring.ts';
import { GripError } from './grip-error.ts';
import { type GripLinks, parseGripLinks } from './grip-links.ts';
import { decodeHeaderText } from './header-text.ts';
import { MAX_SECONDS, parseInteger } from './integers.ts';
import { leadingText, listElements, parseParameters, trailingParameters } from './parameters.ts';
import { stringMap } from './string-map.ts';
import type { ChannelRef, KeepAlive } from './types.ts';

/** Filters of one channel of a client. GRIP allows no more. */
export const MAX_FILTERS = 5;

/** Seconds of a keep-alive that does not say. */
export const DEFAULT_KEEP_ALIVE_TIMEOUT = 55;

/** What the Grip-* fields of a response say, before defaults. */
export interface GripFields {
  readonly mode: 'response' | 'stream' | null;
  readonly channels: readonly ChannelRef[];
  /** Seconds; null when not given. */
  readonly timeout: number | null;
  /** As given: the content may be empty, the timeout 0. */
  readonly keepAlive: KeepAlive | null;
  readonly meta: Readonly<Record<string, string>>;
  readonly links: GripLinks;
  readonly status: { readonly code: number; readonly reason: string } | null;
  /** Names in lower case; empty for all. */
  readonly exposed: ReadonlySet<string>;
}

/**
 * Reads the Grip-* fields. Of those that may stand only once the first counts.
 * @throws GripError
 */
export function parseGripFields(headers: FieldList): GripFields {
  return {
    mode: parseMode(fieldValue(headers, 'grip-hold')),
    channels: listElements(fieldValues(headers, 'grip-channel')).map(parseChannel),
    timeout: parseSeconds(fieldValue(headers, 'grip-timeout'), 'Grip-Timeout'),
    keepAlive: parseKeepAlive(fieldValue(headers, 'grip-keep-alive')),
    meta: parseMeta(fieldValues(headers, 'grip-set-meta')),
    links: parseGripLinks(fieldValues(headers, 'grip-link')),
    status: parseStatus(fieldValue(headers, 'grip-status')),
    exposed: new Set(listMembers(fieldValues(headers, 'grip-expose-headers')).map((name) => name.toLowerCase())),
  };
}

function parseMode(value: string | undefined): 'response' | 'stream' | null {
  if (value === undefined) return null;
  if (value !== 'response' && value !== 'stream') throw new GripError("Grip-Hold is neither 'response' nor 'stream'");
  return value;
}

function parseChannel(element: string): ChannelRef {
  const name = decodeHeaderText(leadingText(element));
  if (name === '') throw new GripError('Grip-Channel has an element without a channel name');
  const parameters = parametersOf(element, 'Grip-Channel');
  const prevId = fieldValue(parameters, 'prev-id');
  const filters = fieldValues(parameters, 'filter').map(decodeHeaderText);
  if (filters.length > MAX_FILTERS) {
    throw new GripError(`Grip-Channel has too many filters for channel '${name}', over ${MAX_FILTERS}`);
  }
  const since = fieldValue(parameters, 'since');
  const channel = {
    name,
    prevId: prevId === undefined ? null : decodeHeaderText(prevId),
    filters,
    ...(since !== undefined && { since: decodeHeaderText(since) }),
  };
  const pattern = fieldValue(parameters, 'pattern');
  if (pattern === undefined) return channel;
  if (pattern !== '') throw new GripError(`Grip-Channel has a value for 'pattern' of '${name}', which takes none`);
  if (prevId !== undefined) throw new GripError(`Grip-Channel has a prev-id for the pattern '${name}'`);
  return { ...channel, pattern: true };
}

function parseKeepAlive(value: string | undefined): KeepAlive | null {
  if (value === undefined) return null;
  const text = leadingText(value);
  if (text === '') throw new GripError('Grip-Keep-Alive has no content');
  const parameters = parametersOf(value, 'Grip-Keep-Alive');
  const mode = fieldValue(parameters, 'mode') || 'idle';
  if (mode !== 'idle' && mode !== 'interval') {
    throw new GripError(`Grip-Keep-Alive has the mode '${mode}', not 'idle' or 'interval'`);
  }
  const timeout = parseSeconds(fieldValue(parameters, 'timeout'), 'Grip-Keep-Alive timeout');
  const content = parseContent(text, fieldValue(parameters, 'format') || 'raw');
  return { content, timeout: timeout ?? DEFAULT_KEEP_ALIVE_TIMEOUT, mode };
}

function parseContent(text: string, format: string): Buffer {
  switch (format) {
    case 'raw':
      return Buffer.from(text, 'latin1');
    case 'cstring': {
      const content = decodeCstring(text);
      if (content === null) throw new GripError('Grip-Keep-Alive has an invalid escape in its cstring');
      return content;
    }
    case 'base64':
      return Buffer.from(text, 'base64');
    default:
      throw new GripError(`Grip-Keep-Alive has the format '${format}', not 'raw', 'cstring' or 'base64'`);
  }
}

function parseMeta(values: readonly string[]): Record<string, string> {
  const meta = stringMap();
  for (const element of listElements(values)) {
    // Only the first pair of an element counts.
    const [name = '', value = ''] = parseParameters(element, 0) ?? unclosedQuote('Grip-Set-Meta');
    if (name === '') throw new GripError('Grip-Set-Meta has an element without a name');
    meta[decodeHeaderText(name)] = decodeHeaderText(value);
  }
  return meta;
}

function parseStatus(value: string | undefined): { code: number; reason: string } | null {
  if (value === undefined || value === '') return null;
  const space = value.indexOf(' ');
  const code = parseInteger(space < 0 ? value : value.slice(0, space));
  if (code === null || code < 0 || code > 999) throw new GripError('Grip-Status has no status code of 0 to 999');
  return { code, reason: space < 0 ? '' : value.slice(space + 1) };
}

function parseSeconds(value: string | undefined, name: string): number | null {
  if (value === undefined) return null;
  const seconds = parseInteger(value);
  if (seconds === null) throw new GripError(`${name} is not an integer`);
  if (seconds < 0 || seconds > MAX_SECONDS) throw new GripError(`${name} is not 0 to ${MAX_SECONDS} seconds`);
  return seconds;
}

function parametersOf(element: string, field: string): string[] {
  return trailingParameters(element) ?? unclosedQuote(field);
}

function unclosedQuote(field: string): never {
  throw new GripError(`${field} has a quote that is not closed`);
}
