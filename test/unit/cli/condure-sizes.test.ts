import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condureConfig } from '../../../src/cli/condure-config.ts';
import { condureSizes } from '../../../src/cli/condure-sizes.ts';

const small = { bufferSize: 1024, bodyBufferSize: 10, streamMaxconn: 3, reqMaxconn: 2 };

function sizes(settings: Record<string, unknown>): string {
  const { config, fetchPlans } = condureConfig({ ...small, ...settings });
  return condureSizes(config.edge, fetchPlans);
}

test('the sizes are those of the buffers, for one connection and for all', () => {
  const lines = sizes({}).split('\n');
  assert.deepEqual(lines.slice(0, 3), [
    'Maximum bytes that wait on a connection:',
    'stream: 2048 bytes (2 x --buffer-size), 6144 for --stream-maxconn 3',
    'req: 2068 bytes (2 x --buffer-size + 2 x --body-buffer-size), 4136 for --req-maxconn 2',
  ]);
});

test('the size of compression is shown only with --compression', () => {
  assert.doesNotMatch(sizes({}), /compression/);
  assert.match(sizes({ compression: true }), /\nA WebSocket that uses compression takes about 300000 bytes more\.\n$/);
});

test('outbound requests have their own lines, and the only ones without clients', () => {
  assert.deepEqual(
    sizes({ zserverStream: ['ipc://s'], zserverReq: ['ipc://r'] })
      .split('\n')
      .slice(0, 4),
    [
      'Maximum bytes that wait for an outbound request with a streamed response:',
      'stream: 132096 bytes (--buffer-size + 131072), 396288 for --stream-maxconn 3',
      'Maximum bytes that wait for an outbound request with its response in one message, without the request itself:',
      'req: 10 bytes (--body-buffer-size), 20 for --req-maxconn 2',
    ],
  );
  assert.match(sizes({ zserverReq: ['ipc://r'], listen: ['80'] }), /^Maximum bytes that wait on a connection:\n/);
});
