import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condureSizes } from '../../../src/cli/condure-sizes.ts';
import { parseConfig } from '../../../src/config/index.ts';

const small = { buffer_size: 1024, body_buffer_size: 10, stream_maxconn: 3, req_maxconn: 2 };

test('the sizes are those of the buffers, for one connection and for all', () => {
  const lines = condureSizes(parseConfig({ edge: small }).edge).split('\n');
  assert.deepEqual(lines.slice(0, 3), [
    'Bytes that wait on a connection at most:',
    'stream: 2048 bytes (2 x --buffer-size), 6144 for --stream-maxconn 3',
    'req: 2068 bytes (2 x --buffer-size + 2 x --body-buffer-size), 4136 for --req-maxconn 2',
  ]);
});

test('what compression takes is said only where there is compression', () => {
  assert.doesNotMatch(condureSizes(parseConfig({ edge: small }).edge), /compression/);
  const compressing = parseConfig({ edge: { ...small, compression: true } }).edge;
  assert.match(condureSizes(compressing), /\nA WebSocket that uses compression takes about 300000 bytes more\.\n$/);
});
