import { isFieldCode, isTokenCode } from './chars.ts';
import { Http1Error } from './http1-error.ts';
import type { Http1Limits } from './http1-limits.ts';

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const HTAB = 0x09;
const COLON = 0x3a;

/** The field lines of a head, and the fields that decide how to read on. */
export class FieldLines {
  readonly headers: string[] = [];
  /** Null when absent. A second Content-Length line is refused, even with the same value. */
  contentLength: string | null = null;
  /** All values joined by commas; null when absent. */
  transferEncoding: string | null = null;
  /** All values joined by commas; null when absent. */
  connection: string | null = null;
  host: string | null = null;
  /** All values joined by commas; null when absent. */
  expect: string | null = null;
}

/**
 * Where the line that starts at `start` ends, without its line end.
 * @throws Http1Error `malformed` for a bare LF
 */
export function lineEnd(text: string, start: number, limits: Http1Limits): number {
  const lf = text.indexOf('\n', start);
  if (lf > start && text.charCodeAt(lf - 1) === CR) return lf - 1;
  if (lf < 0) throw new Http1Error('malformed', 'empty line instead of a start line');
  if (!limits.lenientLineEnds) throw new Http1Error('malformed', 'line ends in a bare LF');
  return lf;
}

/** Where the line after the one that ends at `end` starts. */
export function nextLine(text: string, end: number): number {
  return text.charCodeAt(end) === LF ? end + 1 : end + 2;
}

/**
 * Parses the field lines (RFC 9112 §5) of `text` from `start`.
 * @throws Http1Error `malformed`, `head-too-large`
 */
export function parseFieldLines(text: string, start: number, limits: Http1Limits): FieldLines {
  const fields = new FieldLines();
  const { headers } = fields;
  const maxLength = limits.maxHeaders * 2;
  let position = start;
  while (position < text.length) {
    const end = lineEnd(text, position, limits);
    if (headers.length >= maxLength)
      throw new Http1Error('head-too-large', `more than ${limits.maxHeaders} header fields`);
    const colon = nameEnd(text, position, end);
    const valueStart = skipSpace(text, colon + 1, end);
    const valueEnd = checkValue(text, valueStart, end);
    const name = text.slice(position, colon);
    const value = text.slice(valueStart, valueEnd);
    headers.push(name, value);
    note(fields, name, value);
    position = nextLine(text, end);
  }
  return fields;
}

/** Where the field name that starts at `start` ends in its colon. */
function nameEnd(text: string, start: number, end: number): number {
  let position = start;
  while (position < end && isTokenCode(text.charCodeAt(position))) position++;
  if (position > start && position < end && text.charCodeAt(position) === COLON) return position;
  const code = position < end ? text.charCodeAt(position) : -1;
  if (code === SP || code === HTAB) {
    // RFC 9112 §5.1: no space before the colon. §5.2: a line that starts with space is an obs-fold.
    throw new Http1Error('malformed', position === start ? 'folded header line' : 'space in or after a header name');
  }
  if (code < 0) throw new Http1Error('malformed', 'header line without a colon');
  if (position === start && code === COLON) throw new Http1Error('malformed', 'header line without a name');
  throw new Http1Error('malformed', 'invalid character in a header name');
}

function skipSpace(text: string, start: number, end: number): number {
  let position = start;
  while (position < end && isSpace(text.charCodeAt(position))) position++;
  return position;
}

/** Checks a value's characters (RFC 9110 §5.5) and returns where it ends without trailing space. */
function checkValue(text: string, start: number, end: number): number {
  let valueEnd = start;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (!isFieldCode(code)) {
      throw new Http1Error(
        'malformed',
        code === CR ? 'bare CR in a header value' : 'control character in a header value',
      );
    }
    if (!isSpace(code)) valueEnd = i + 1;
  }
  return valueEnd;
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB;
}

/** Keeps the fields that framing and connection depend on; the length of the name rules out most fields at once. */
function note(fields: FieldLines, name: string, value: string): void {
  switch (name.length) {
    case 4:
      if (name.toLowerCase() !== 'host') return;
      // RFC 9112 §3.2: more than one Host line is a 400.
      if (fields.host !== null) throw new Http1Error('malformed', 'more than one Host');
      fields.host = value;
      return;
    case 6:
      if (name.toLowerCase() === 'expect') fields.expect = join(fields.expect, value);
      return;
    case 10:
      if (name.toLowerCase() === 'connection') fields.connection = join(fields.connection, value);
      return;
    case 14:
      if (name.toLowerCase() !== 'content-length') return;
      // RFC 9112 §6.3 allows merging equal ones, but a sender that repeats it is not trusted.
      if (fields.contentLength !== null) throw new Http1Error('malformed', 'more than one Content-Length');
      fields.contentLength = value;
      return;
    case 17:
      if (name.toLowerCase() === 'transfer-encoding') fields.transferEncoding = join(fields.transferEncoding, value);
      return;
  }
}

function join(before: string | null, value: string): string {
  return before === null ? value : `${before},${value}`;
}
