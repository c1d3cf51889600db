import type { ExchangeError } from '../exchange/index.ts';

/** The messages of one upload to its handler, and what becomes of its connection. */
export interface UploadMessages {
  /**
   * Sends the request with further headers. The first call takes the connection: from then on the handler responds.
   * @param extra pairs made by `pair`, one after the other
   * @param last whether the upload is complete with it: `onDelivered` follows when a handler has it
   * @returns false if the client has left, or no handler takes it: the connection ends then
   */
  sendRequest(extra: string, body: Buffer, last: boolean): boolean;
  /** Sends a further part, which has only the headers of `extra`. Otherwise as `sendRequest`. */
  sendPart(extra: string, body: Buffer, last: boolean): boolean;
  /** Responds with an error in place of the handler, which gets the notice that the client is gone, and ends the connection. */
  fail(error: ExchangeError): void;
  /** A call for the upload has thrown: ends the connection. */
  fault(thrown: unknown): void;
  /** A header as the handler wants it. */
  pair(name: UploadHeader, value: string): string;
}

/** Names of headers that tell of uploads. */
export type UploadHeader =
  | 'UPLOAD_STREAM'
  | 'UPLOAD_STREAM_DONE'
  | 'x-mongrel2-upload-start'
  | 'x-mongrel2-upload-done';
