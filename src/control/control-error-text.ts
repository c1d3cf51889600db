import type { ExchangeError } from '../exchange/index.ts';

/**
 * What the control listener answers to a request that the server refuses by itself: the words that publishers of GRIP know, and
 * for what they have no words for the error's own face.
 * @returns the status and the text, without its line end; status 0 if nobody is left to be answered
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
