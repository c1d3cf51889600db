import { fieldValue, trimmed } from '../fields/index.ts';
import { GripError } from './grip-error.ts';
import { MAX_SECONDS, parseInteger } from './integers.ts';
import { parseParameters } from './parameters.ts';

/** The request that led to a link has one of these schemes, and `<http:>` is a relative URI for one of them and an error for the other. */
const BASES = ['http://localhost/', 'https://localhost/'];

/** Seconds of a next link that does not say. */
const DEFAULT_TIMEOUT = 120;

/** Where a held client's response continues, and who is told when it ends. */
export interface GripLinks {
  readonly next: {
    /** As given: it may be relative. */
    readonly uri: string;
    /** Seconds after which the link is followed where nothing else leads to it. */
    readonly timeout: number;
  } | null;
  /** As given: it may be relative. */
  readonly gone: string | null;
}

/** The links of a response that has none. */
export const NO_LINKS: GripLinks = Object.freeze({ next: null, gone: null });

/**
 * Reads Grip-Link fields: `<uri>; rel=next; timeout=N` and `<uri>; rel=gone`. Of several links of one kind the last counts. An element
 * without parameters and other relations mean nothing.
 * @throws GripError
 */
export function parseGripLinks(values: readonly string[]): GripLinks {
  if (values.length === 0) return NO_LINKS;
  let { next, gone } = NO_LINKS;
  for (const value of values) {
    for (let start = 0; start < value.length; ) {
      const uriEnd = endOfUri(value, start);
      const end = endOfElement(value, uriEnd);
      const semicolon = value.indexOf(';', uriEnd);
      if (semicolon >= 0 && semicolon < end) {
        const parameters = parseParameters(value.slice(semicolon + 1, end), 0);
        if (parameters === null) throw new GripError('Grip-Link has a quote that is not closed');
        const uri = uriOf(trimmed(value, start, semicolon));
        const timeout = timeoutOf(fieldValue(parameters, 'timeout'));
        const rel = fieldValue(parameters, 'rel');
        if (rel === 'next') next = { uri, timeout };
        else if (rel === 'gone') gone = uri;
      }
      start = end + 1;
    }
  }
  return { next, gone };
}

/** Where a URI in angle brackets ends: it may hold commas and semicolons. */
function endOfUri(value: string, start: number): number {
  let first = start;
  while (value[first] === ' ' || value[first] === '\t') first++;
  return value[first] === '<' ? Math.max(value.indexOf('>', first), first) : start;
}

function endOfElement(value: string, start: number): number {
  let quoted = false;
  for (let i = start; i < value.length; i++) {
    const char = value[i];
    if (char === '"') quoted = !quoted;
    else if (quoted && char === '\\') i++;
    else if (!quoted && char === ',') return i;
  }
  return value.length;
}

function uriOf(text: string): string {
  const uri = text.slice(1, -1);
  if (uri === '' || text[0] !== '<' || text.at(-1) !== '>') throw new GripError('Grip-Link has no URI in <>');
  if (!BASES.every((base) => URL.canParse(uri, base))) throw new GripError('Grip-Link has an invalid URI');
  return uri;
}

function timeoutOf(value: string | undefined): number {
  if (value === undefined) return DEFAULT_TIMEOUT;
  const seconds = parseInteger(value);
  if (seconds === null) throw new GripError('Grip-Link timeout is not an integer');
  if (seconds < 0 || seconds > MAX_SECONDS) throw new GripError(`Grip-Link timeout is not 0 to ${MAX_SECONDS} seconds`);
  return seconds;
}
