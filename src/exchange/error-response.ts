import type { ExchangeError } from './errors.ts';
import type { Requester, ResponseHead } from './exchange.ts';

/** The HTTP response that reports `error` to a client; with `debug` it includes the detail. */
export function errorResponse(error: ExchangeError, debug: boolean): { head: ResponseHead; body: Buffer } {
  const text = debug && error.detail !== '' ? `${error.text}\n${error.detail}` : error.text;
  return textResponse(error.face.status, text);
}

/** A small plain-text response. A final newline is added to `text`. */
export function textResponse(
  status: number,
  text: string,
  headers: readonly string[] = ['Content-Type', 'text/plain'],
): { head: ResponseHead; body: Buffer } {
  const body = Buffer.from(`${text}\n`);
  return { head: { status, reason: '', headers: [...headers], bodyLength: body.length }, body };
}

/** Sends a whole response at once. It is small, so it needs no credits. */
export function respond(requester: Requester, response: { head: ResponseHead; body: Buffer }): void {
  requester.onResponse(response.head);
  requester.onResponseData(response.body, false);
}
