import type { ErrorCode, ExchangeError } from './errors.ts';
import type { Requester, ResponseHead } from './exchange.ts';

/** What a client needs in place of its token (RFC 6750 §3). */
const CHALLENGES: { readonly [Code in ErrorCode]?: string } = {
  HF_TOKEN_MISSING: 'Bearer',
  HF_TOKEN_INVALID: 'Bearer error="invalid_token"',
  HF_TOKEN_EXPIRED: 'Bearer error="invalid_token", error_description="The token has expired"',
  HF_CHANNEL_FORBIDDEN: 'Bearer error="insufficient_scope"',
};

/** A whole response to a request that failed. */
export interface ErrorResponse {
  readonly head: ResponseHead;
  readonly body: Buffer;
  /** Whether the connection ends after it, even if nothing else is against going on. Default: false. */
  readonly close?: boolean;
}

/** The HTTP response that reports `error` to a client; with `debug` it includes the detail. */
export function errorResponse(error: ExchangeError, debug: boolean): ErrorResponse {
  const text = debug && error.detail !== '' ? `${error.text}\n${error.detail}` : error.text;
  const challenge = CHALLENGES[error.code];
  const headers = ['Content-Type', 'text/plain'];
  if (challenge !== undefined) headers.push('WWW-Authenticate', challenge);
  return textResponse(error.face.status, text, headers, error.code);
}

/** A small plain-text response. A final newline is added to `text`. @param error that it reports, if any */
export function textResponse(
  status: number,
  text: string,
  headers: readonly string[] = ['Content-Type', 'text/plain'],
  error?: ErrorCode,
): { head: ResponseHead; body: Buffer } {
  const body = Buffer.from(`${text}\n`);
  const head = { status, reason: '', headers: [...headers], bodyLength: body.length };
  return { head: error === undefined ? head : { ...head, error }, body };
}

/** Sends a whole response at once. It is small, so it needs no credits. */
export function respond(requester: Requester, response: { head: ResponseHead; body: Buffer }): void {
  requester.onResponse(response.head);
  requester.onResponseData(response.body, false);
}
