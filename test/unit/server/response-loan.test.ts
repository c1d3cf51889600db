import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../../support/manual-clock.ts';
import { startServer, startUnixServer } from '../../support/running-server.ts';
import type { ScriptedExchange } from '../../support/scripted-service.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function lend(exchange: ScriptedExchange, chunk: Buffer, more: boolean): boolean | undefined {
  exchange.credits -= chunk.length;
  return exchange.requester.onResponseLoan?.(chunk, more);
}

test('bytes that the kernel has taken may be used again', async (t) => {
  const server = await startServer(t);
  const client = await server.connect();
  client.write(GET);
  const exchange = await server.next();
  exchange.head({ bodyLength: 3_000_000 });
  let buffer = Buffer.alloc(60_000);
  let reused = 0;
  const expected: Buffer[] = [];
  for (let i = 0; i < 50; i++) {
    await exchange.until(() => exchange.credits >= buffer.length);
    buffer.fill(i);
    expected.push(Buffer.from(buffer));
    if (lend(exchange, buffer, i < 49)) reused++;
    else buffer = Buffer.alloc(60_000);
  }
  assert.ok(reused > 0);
  const { body } = await client.takeResponse();
  assert.equal(Buffer.compare(Buffer.from(body, 'latin1'), Buffer.concat(expected)), 0);
});

test('bytes that wait for a client that does not read belong to the server', async (t) => {
  const server = await startUnixServer(t);
  const client = await server.connect();
  client.socket.pause();
  client.write(GET);
  const exchange = await server.next();
  exchange.head({ bodyLength: 100_000_000 });
  const kept: Buffer[] = [];
  while (kept.length === 0) {
    await exchange.until(() => exchange.credits > 0);
    const chunk = Buffer.alloc(exchange.credits);
    if (lend(exchange, chunk, true) !== true) kept.push(chunk);
  }
  await turn();
  assert.equal(exchange.credits, 0);
});

test('a small piece is copied, and the last one ends the response', async (t) => {
  const server = await startServer(t);
  const client = await server.connect();
  client.write(GET);
  const exchange = await server.next();
  exchange.head({ bodyLength: 6 });
  const buffer = Buffer.from('abc');
  assert.equal(lend(exchange, buffer, true), true);
  buffer.write('def');
  assert.equal(lend(exchange, buffer, false), true);
  buffer.fill('x');
  assert.equal((await client.takeResponse()).body, 'abcdef');
});
