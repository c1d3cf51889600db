import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEdge } from '../support/edge/edge.ts';
import { Handler } from '../support/edge/handler.ts';
import { connectTo } from '../support/raw-client.ts';

// What differs from Condure on purpose: the rows of docs/explanation/compatibility.md that name this file.

test('after a 502 the connection of the client takes its next request', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
  await (await handler.request()).send({ type: 'error', condition: 'undefined-condition' });
  assert.equal((await client.takeResponse()).status, 502);
  client.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
  await (await handler.request()).respond('here');
  assert.equal((await client.takeResponse()).body, 'here');
  await edge.stop();
});

test('a response without a reason gets the registered one', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await (await handler.request()).respond('', { code: 404, reason: '' });
  const line = 'HTTP/1.1 404 Not Found\r\n';
  assert.equal(await client.takeBytes(line.length), line);
  await edge.stop();
});

test('an HTTP/1.0 client gets the status line of HTTP/1.1', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write('GET / HTTP/1.0\r\n\r\n');
  await (await handler.request()).respond('old');
  const line = 'HTTP/1.1 200 OK\r\n';
  assert.equal(await client.takeBytes(line.length), line);
  await edge.stop();
});
