import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { UnreadBudget } from '../../../src/server/unread-budget.ts';
import { nextRead } from '../../support/next-read.ts';
import { startServer } from '../../support/running-server.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('at the bound for all clients, one that sends too early is not read until later', async (t) => {
  const running = await startServer(t, { maxUnreadBytes: 1_000 });
  const clients = [await running.connect(), await running.connect()] as const;
  const exchanges = [];
  for (const [index, client] of clients.entries()) {
    const socket = await running.serverEnd(client);
    client.write(GET);
    exchanges.push(await running.next());
    const held = index === 0 ? nextRead(socket) : once(socket, 'pause');
    client.write(GET.repeat(25));
    await held;
  }
  assert.equal((await running.serverEnd(clients[0])).isPaused(), false);
  assert.ok(running.server.unread.used >= 1_000);
  for (const exchange of exchanges) exchange.respond('one');
  for (let left = 50; left > 0; left--) (await running.next()).respond('more');
  for (const client of clients) {
    for (let left = 26; left > 0; left--) await client.takeResponse();
  }
  assert.equal(running.server.unread.used, 0);
});

test('bytes of a client that has left no longer count', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET + GET);
  const exchange = await running.next();
  assert.equal(running.server.unread.used, 256);
  client.reset();
  await exchange.failed();
  assert.equal(running.server.unread.used, 0);
});

test('a client with few bytes counts as a minimum', () => {
  const budget = new UnreadBudget(300);
  budget.change(null, Buffer.from('x'));
  assert.deepEqual([budget.used, budget.full], [256, false]);
  budget.change(Buffer.from('x'), Buffer.alloc(300));
  assert.deepEqual([budget.used, budget.full], [300, true]);
  budget.change(Buffer.alloc(300), Buffer.alloc(0));
  assert.equal(budget.used, 0);
});
