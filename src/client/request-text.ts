import { fieldValue, withoutFields } from '../codec/fields/index.ts';
import { fieldText, requestHeadText } from '../codec/http1/index.ts';
import { type RequestHead, UNKNOWN_LENGTH } from '../exchange/index.ts';

/** Methods that define no meaning for a body (RFC 9110 §9.3). */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * The head of `request` as sent to an origin. Fields are unchanged and in order, except those that belong to one connection: `bodyLength` frames
 * the body, and persistence is the default of HTTP/1.1 (RFC 9112 §9.3), so it needs no Connection field.
 * @returns latin1 text, the empty line included
 * @throws Http1Error `unwritable`
 */
export function requestText(request: RequestHead): string {
  const { method, target, bodyLength, ownFields } = request;
  const own = ownFields === undefined || ownFields.length === 0 ? '' : fieldText(ownFields);
  return `${requestHeadText(method, target, sentFields(request))}${own}${framing(method, bodyLength)}\r\n`;
}

/** The fields to send: the list itself if nothing has to change, as in most requests. */
function sentFields(request: RequestHead): readonly string[] {
  const { headers } = request;
  // Credits ask for the body here, so a 100 is not needed (RFC 9110 §10.1.1).
  const sent =
    fieldValue(headers, 'expect') === undefined ? headers : withoutFields(headers, (name) => name === 'expect');
  // RFC 9112 §3.2: every request has a Host field, empty if the target has no authority; it should come first.
  return fieldValue(headers, 'host') === undefined ? ['Host', request.authority, ...sent] : sent;
}

function framing(method: string, bodyLength: number): string {
  if (bodyLength > 0) return `Content-Length: ${bodyLength}\r\n`;
  if (bodyLength === UNKNOWN_LENGTH) return 'Transfer-Encoding: chunked\r\n';
  // RFC 9110 §8.6: a request says that it has no body if its method defines a meaning for one; an unknown method may.
  return BODILESS.has(method) ? '' : 'Content-Length: 0\r\n';
}
