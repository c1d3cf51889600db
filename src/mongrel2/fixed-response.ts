import { reasonPhrase, responseHeadText } from '../codec/http1/index.ts';
import type { ErrorCode, ErrorResponse, ExchangeError } from '../exchange/index.ts';

/** What Mongrel2 says where the catalogue has another status (reference §5). */
const STATUSES: { readonly [Code in ErrorCode]?: number } = {
  HF_NO_ROUTE: 404,
  HF_URI_TOO_LONG: 400,
  HF_HEADERS_TOO_LARGE: 400,
  HF_METHOD: 400,
  HF_HTTP_VERSION: 400,
  HF_ORIGIN_TIMEOUT: 502,
  HF_ORIGIN_CONNECT_TIMEOUT: 502,
};

/** What the server calls itself in responses of its own. */
const FIELDS = ['Content-Type', 'text/plain', 'Server', 'Holdfast'];

/** The status of the response to a request that failed. */
export function statusOf({ code, face }: ExchangeError): number {
  return STATUSES[code] ?? face.status;
}

/** The response of a Mongrel2 server to a request that failed: the reason phrase as text, and the connection ends. */
export function fixedResponse(error: ExchangeError): ErrorResponse {
  const status = statusOf(error);
  const reason = reasonPhrase(status);
  const body = Buffer.from(reason, 'latin1');
  return { head: { status, reason, headers: FIELDS, bodyLength: body.length }, body, close: true };
}

/** The same as the bytes of a whole response, for clients whose responses handlers write. */
export function fixedAnswer(error: ExchangeError): Buffer {
  const { head, body } = fixedResponse(error);
  const fields = responseHeadText(head.status, head.reason, head.headers);
  return Buffer.from(`${fields}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`, 'latin1');
}
