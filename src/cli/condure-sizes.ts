import type { Config } from '../config/index.ts';

/** What `holdfast condure --sizes` prints: the bytes that may wait on connections in each mode, by the options that bound them. */
export function condureSizes({
  bufferSize,
  bodyBufferSize,
  streamMaxconn,
  reqMaxconn,
  compression,
}: Config['edge']): string {
  const stream = 2 * bufferSize;
  const req = 2 * bufferSize + 2 * bodyBufferSize;
  const lines = [
    'Bytes that wait on a connection at most:',
    `stream: ${stream} bytes (2 x --buffer-size), ${stream * streamMaxconn} for --stream-maxconn ${streamMaxconn}`,
    `req: ${req} bytes (2 x --buffer-size + 2 x --body-buffer-size), ${req * reqMaxconn} for --req-maxconn ${reqMaxconn}`,
    'Buffers grow with what waits: an idle connection has none, only its socket and some state.',
  ];
  // zlib's windows and tables: 256 KB to compress at the default memory level, and some 40 KB to expand.
  if (compression) lines.push('A WebSocket that uses compression takes about 300000 bytes more.');
  return `${lines.join('\n')}\n`;
}
