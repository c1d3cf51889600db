import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventHeaders } from '../../../../src/proxy/over-http/event-headers.ts';

test('no field of a client takes the place of one of its WebSocket, in either spelling', () => {
  const own = ['Meta-User', 'Connection-Id', 'Content-Bytes-Replayed', 'Content-Type', 'Content-Length'];
  const fields = [...own, ...own.map((name) => name.replaceAll('-', '_').toLowerCase())].flatMap((name) => [name, '1']);
  const headers = new EventHeaders(['Host', 'a', ...fields, 'X-Meta_User', '2'], 'id').next(undefined, 0);
  const events = 'application/websocket-events';
  const rest = ['Content-Type', events, 'Accept', events, 'Connection-Id', 'id'];
  assert.deepEqual(headers, ['Host', 'a', 'X-Meta_User', '2', ...rest]);
});
