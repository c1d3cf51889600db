import type { IncomingMessage } from 'node:http';

/**
 * The beginning of the body of a response, once it is here.
 * @param kept bytes that are wanted
 * @param most bytes that are read, so that the connection can be used again. When more come it is closed. Default: those that are wanted
 * @throws Error when the response breaks off
 */
export async function beginningOf(response: IncomingMessage, kept: number, most = kept): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (size < kept) chunks.push(chunk);
    size += chunk.length;
    if (size > most) break;
  }
  return Buffer.concat(chunks).subarray(0, kept);
}
