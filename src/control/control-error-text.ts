import type { ExchangeError } from '../exchange/index.ts';

/**
 * What the control listener responds to a request that the server refuses by itself: the texts that publishers of GRIP know, and
 * the text of the error where there is none.
 * @returns the status and the text, without its line end; status 0 if the publisher has left
 */
export function controlErrorText(error: ExchangeError): { status: number; text: string } {
  switch (error.code) {
    case 'HF_BAD_REQUEST':
      return { status: 400, text: badRequestText(error.detail) };
    case 'HF_HEADERS_TOO_LARGE':
    case 'HF_URI_TOO_LONG':
      return { status: 400, text: 'Request header too large.' };
    default:
      return { status: error.face.status, text: error.text };
  }
}

function badRequestText(detail: string): string {
  return detail.includes('Content-Length') ? 'Bad Content-Length.' : 'Failed to parse request header.';
}
