import { Http1Error } from '../codec/http1/index.ts';
import { type ErrorCode, ExchangeError, internalError } from '../exchange/index.ts';

const HTTP1_CODES = {
  malformed: 'HF_BAD_REQUEST',
  'target-too-long': 'HF_URI_TOO_LONG',
  'head-too-large': 'HF_HEADERS_TOO_LARGE',
  version: 'HF_HTTP_VERSION',
  method: 'HF_METHOD',
  'transfer-coding': 'HF_TRANSFER_CODING',
  truncated: 'HF_BAD_REQUEST',
  unwritable: 'HF_RESPONSE_INVALID',
} as const satisfies Record<Http1Error['kind'], ErrorCode>;

/** The catalogue's word for what was thrown. Anything else than the typed errors is a defect of ours: the client gets a 500, the log the stack. */
export function toExchangeError(error: unknown): ExchangeError {
  if (error instanceof Http1Error) return new ExchangeError(HTTP1_CODES[error.kind], error.message);
  return internalError(error);
}
