import type { FieldList } from '../fields/index.ts';
import { isToken } from './chars.ts';
import { Http1Error } from './errors.ts';

/** The end of a chunked body without trailers (RFC 9112 §7.1). */
export const LAST_CHUNK = '0\r\n\r\n';

/**
 * The status line and field lines of a response, without the empty line: framing and connection fields are appended by whoever
 * knows them, with `fieldLine`, and then a CRLF.
 * @returns latin1 text
 * @throws Http1Error `unwritable` for CR, LF, NUL or characters over U+00FF in reason or values, or an invalid name
 */
export function responseHeadText(status: number, reason: string, headers: FieldList): string {
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw new Http1Error('unwritable', `invalid status ${status}`);
  }
  checkText(reason, 'reason');
  return fieldLines(`HTTP/1.1 ${status} ${reason}\r\n`, headers);
}

/**
 * The request line and field lines of a request, without the empty line.
 * @returns latin1 text
 * @throws Http1Error `unwritable`
 */
export function requestHeadText(method: string, target: string, headers: FieldList): string {
  if (!isToken(method)) throw new Http1Error('unwritable', 'invalid method');
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) throw new Http1Error('unwritable', 'invalid request target');
  }
  return fieldLines(`${method} ${target} HTTP/1.1\r\n`, headers);
}

/** The header of a chunk with `length` bytes; the data and a CRLF follow it. */
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

function fieldLines(start: string, headers: FieldList): string {
  let text = start;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (!isToken(name)) throw new Http1Error('unwritable', 'invalid header name');
    checkText(value, 'header value');
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** Response splitting ends here: no line end gets into a head, whoever supplied it (RFC 9110 §5.5). */
function checkText(text: string, what: string): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x0d || code === 0x0a || code === 0 || code > 0xff) {
      throw new Http1Error('unwritable', `CR, LF, NUL or a character over U+00FF in a ${what}`);
    }
  }
}
