import type { HeaderList, ResponseHead } from '../exchange/index.ts';

/**
 * A head with a status that an origin or a publisher chose. A status that cannot be final becomes 502, as for any response that makes
 * no sense (RFC 9110 §15: 1xx is interim, and there is nothing below).
 */
export function responseHead(status: number, reason: string, headers: HeaderList, bodyLength: number): ResponseHead {
  return status < 200 ? { status: 502, reason: '', headers, bodyLength } : { status, reason, headers, bodyLength };
}
