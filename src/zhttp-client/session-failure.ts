import { type ErrorCode, ExchangeError } from '../exchange/index.ts';

/**
 * The error of a session.
 * @param origins whether handlers stand for origins: then the codes are those of origins, as from requests that are made here
 * @param condition of the handler's own error; empty without one
 */
export function sessionFailure(origins: boolean, code: ErrorCode, detail: string, condition = ''): ExchangeError {
  if (!origins) return new ExchangeError(code, detail);
  const origin = condition === '' ? originCode(code) : conditionCode(condition);
  // As Pushpin's.
  if (origin === 'HF_LENGTH_REQUIRED') return new ExchangeError(origin, detail, 'Must provide Content-Length header.');
  return new ExchangeError(origin, code === 'HF_BACKEND_ABSENT' ? 'zhttp service for route is unreachable' : detail);
}

function originCode(code: ErrorCode): ErrorCode {
  switch (code) {
    // Nothing has the request, so another target may get it.
    case 'HF_BACKEND_ABSENT':
      return 'HF_ORIGIN_UNREACHABLE';
    case 'HF_BACKEND_TIMEOUT':
    case 'HF_BACKEND_OVERLOADED':
    case 'HF_EXCHANGE_TIMEOUT':
      return 'HF_ORIGIN_TIMEOUT';
    case 'HF_BACKEND_ERROR':
    case 'HF_BACKEND_CANCELLED':
      return 'HF_ORIGIN_CLOSED';
    case 'HF_BACKEND_PROTOCOL':
    case 'HF_BACKEND_OVERRUN':
    case 'HF_RESPONSE_INVALID':
      return 'HF_ORIGIN_PROTOCOL';
    default:
      return code;
  }
}

/** What a condition of Zurl or Condure says of the origin. */
function conditionCode(condition: string): ErrorCode {
  switch (condition) {
    case 'remote-connection-failed':
      return 'HF_ORIGIN_UNREACHABLE';
    case 'connection-timeout':
      return 'HF_ORIGIN_CONNECT_TIMEOUT';
    case 'tls-error':
      return 'HF_ORIGIN_TLS';
    case 'policy-violation':
      return 'HF_POLICY_VIOLATION';
    case 'session-timeout':
      return 'HF_ORIGIN_TIMEOUT';
    case 'max-size-exceeded':
      return 'HF_ORIGIN_BODY_TOO_LARGE';
    case 'frame-too-large':
      return 'HF_ORIGIN_FRAME_TOO_LARGE';
    case 'too-many-redirects':
      return 'HF_TOO_MANY_REDIRECTS';
    case 'length-required':
      return 'HF_LENGTH_REQUIRED';
    default:
      return 'HF_ORIGIN_CLOSED';
  }
}
