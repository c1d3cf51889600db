import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { portOf } from '../../support/port-of.ts';
import { RunningServer } from '../../support/running-server.ts';

test('an IPv4 client of a dual-stack listener appears with its IPv4 address', async (t) => {
  const running = new RunningServer(t);
  const { address } = await running.server.listen({ kind: 'tcp', host: '::', port: 0 });
  const socket = connect(portOf(address), '127.0.0.1');
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal((await running.next()).request.peer.address, '127.0.0.1');
});
