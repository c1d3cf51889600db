import type { FetchPlan } from '../app/index.ts';
import type { Config } from '../config/index.ts';
import { WINDOW } from '../exchange/index.ts';

/**
 * What `holdfast condure --sizes` prints: the bytes that may wait on connections in each mode, by the options that bound them, and the same
 * for outbound requests.
 */
export function condureSizes(edge: Config['edge'], plans: readonly FetchPlan[]): string {
  const lines = edge.listen.length > 0 ? edgeLines(edge) : [];
  for (const plan of plans) lines.push(...planLines(plan));
  lines.push('Buffers grow as needed. An idle connection has no buffers, only its socket and some state.');
  // zlib's windows and tables: 256 KB to compress at the default memory level, and some 40 KB to expand.
  if (edge.compression) lines.push('A WebSocket that uses compression takes about 300000 bytes more.');
  return `${lines.join('\n')}\n`;
}

function edgeLines({ bufferSize, bodyBufferSize, streamMaxconn, reqMaxconn }: Config['edge']): string[] {
  const stream = 2 * bufferSize;
  const req = 2 * bufferSize + 2 * bodyBufferSize;
  return [
    'Maximum bytes that wait on a connection:',
    `stream: ${stream} bytes (2 x --buffer-size), ${stream * streamMaxconn} for --stream-maxconn ${streamMaxconn}`,
    `req: ${req} bytes (2 x --buffer-size + 2 x --body-buffer-size), ${req * reqMaxconn} for --req-maxconn ${reqMaxconn}`,
  ];
}

function planLines({ stream, bufferSize, maxBodyBytes, maxOpenRequests }: FetchPlan): string[] {
  if (stream.length > 0) {
    const bytes = bufferSize + 2 * WINDOW;
    return [
      'Maximum bytes that wait for an outbound request with a streamed response:',
      `stream: ${bytes} bytes (--buffer-size + ${2 * WINDOW}), ${bytes * maxOpenRequests} for --stream-maxconn ${maxOpenRequests}`,
    ];
  }
  return [
    'Maximum bytes that wait for an outbound request with its response in one message, without the request itself:',
    `req: ${maxBodyBytes} bytes (--body-buffer-size), ${maxBodyBytes * maxOpenRequests} for --req-maxconn ${maxOpenRequests}`,
  ];
}
