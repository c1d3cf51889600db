import type { ExchangeError } from './errors.ts';
import type { Requester, ResponseHead } from './exchange.ts';

/** The HTTP answer that tells a client of `error`; with `debug` the detail of this very error is told too. */
export function errorResponse(error: ExchangeError, debug: boolean): { head: ResponseHead; body: Buffer } {
  const text = debug && error.detail !== '' ? `${error.text}\n${error.detail}` : error.text;
  return textResponse(error.face.status, text);
}

/** A small plain-text response. `text` gets its final newline here. */
export function textResponse(
  status: number,
  text: string,
  headers: readonly string[] = ['Content-Type', 'text/plain'],
): { head: ResponseHead; body: Buffer } {
  const body = Buffer.from(`${text}\n`);
  return { head: { status, reason: '', headers: [...headers], bodyLength: body.length }, body };
}

/** Answers with a whole response at once. It is small: no credits are asked for. */
export function answer(requester: Requester, response: { head: ResponseHead; body: Buffer }): void {
  requester.onResponse(response.head);
  requester.onResponseData(response.body, false);
}
