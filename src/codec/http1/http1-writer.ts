import { type FieldList, ListTexts, nameIs } from '../fields/index.ts';
import { isFieldText, isTargetText, isToken } from './chars.ts';
import { Http1Error } from './http1-error.ts';

/** A part of a body of up to this many bytes is joined with the text around it: one write costs less than several buffers. */
export const SMALL_BODY = 4_096;

/** The end of a chunked body without trailers (RFC 9112 §7.1). */
export const LAST_CHUNK = '0\r\n\r\n';

/** The lines of repeated lists, without those that frame the body. */
const FIELD_LINES = new ListTexts((headers) => fieldLines(headers, false));

/**
 * The status line and field lines of a response, without the empty line. Fields that frame the body or belong to the connection
 * (Content-Length, Transfer-Encoding, Connection, Keep-Alive) are left out: the caller appends its own, and then a CRLF.
 * @param keepContentLength for a response that has no body by definition (HEAD, 304; RFC 9110 §8.6)
 * @returns latin1 text
 * @throws Http1Error `unwritable` for control characters other than the tab (so for CR, LF and NUL) or characters over U+00FF in
 *   reason or values, for an invalid name, and for an invalid status
 */
export function responseHeadText(
  status: number,
  reason: string,
  headers: FieldList,
  keepContentLength = false,
): string {
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw new Http1Error('unwritable', `invalid status ${status}`);
  }
  checkText(reason, 'reason');
  const lines = keepContentLength ? fieldLines(headers, true) : FIELD_LINES.of(headers);
  return `HTTP/1.1 ${status} ${reason}\r\n${lines}`;
}

/**
 * The request line and field lines of a request, without the empty line, without the same fields.
 * @returns latin1 text
 * @throws Http1Error `unwritable`
 */
export function requestHeadText(method: string, target: string, headers: FieldList): string {
  if (!isToken(method)) throw new Http1Error('unwritable', 'invalid method');
  if (!isTargetText(target)) throw new Http1Error('unwritable', 'invalid request target');
  return `${method} ${target} HTTP/1.1\r\n${FIELD_LINES.of(headers)}`;
}

/**
 * The lines of fields that no other list repeats, without those that frame a body.
 * @returns latin1 text
 * @throws Http1Error `unwritable`
 */
export function fieldText(headers: FieldList): string {
  return fieldLines(headers, false);
}

/** The header of a chunk with `length` bytes; data and a CRLF follow. */
export function chunkHeader(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** `data` as one whole chunk. It must not be empty: an empty chunk would end the body. */
export function encodeChunk(data: Buffer): Buffer {
  const header = chunkHeader(data.length);
  const chunk = Buffer.allocUnsafe(header.length + data.length + 2);
  chunk.write(header, 0, 'latin1');
  data.copy(chunk, header.length);
  chunk.write('\r\n', header.length + data.length, 'latin1');
  return chunk;
}

function fieldLines(headers: FieldList, keepContentLength: boolean): string {
  let text = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (isFraming(name) && !(keepContentLength && name.length === 14)) continue;
    if (!isToken(name)) throw new Http1Error('unwritable', 'invalid header name');
    checkText(value, 'header value');
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** Whether the writer decides this field; the length rules out most names at once. */
function isFraming(name: string): boolean {
  switch (name.length) {
    case 10:
      return nameIs(name, 'connection') || nameIs(name, 'keep-alive');
    case 14:
      return nameIs(name, 'content-length');
    case 17:
      return nameIs(name, 'transfer-encoding');
    default:
      return false;
  }
}

/** A line end never gets into a head, whatever its source: this prevents response splitting (RFC 9110 §5.5). */
function checkText(text: string, what: string): void {
  if (!isFieldText(text)) {
    throw new Http1Error('unwritable', `control character or character above U+00FF in a ${what}`);
  }
}
