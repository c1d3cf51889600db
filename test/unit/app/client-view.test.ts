import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientView } from '../../../src/app/client-view.ts';
import { connectionsBackend } from '../../../src/app/connections-backend.ts';
import { joinedAnswer } from '../../../src/app/joined-answer.ts';
import { connectionDetailsSchema, connectionPageSchema } from '../../../src/control/connection-schema.ts';
import { type ConnectionPage, OperationError } from '../../../src/control/index.ts';
import type { Subscriber } from '../../../src/hub/index.ts';
import type { HttpServer } from '../../../src/server/index.ts';
import { cursorIn, got, startKeeping, THREE_ITEMS } from '../../support/history/kept-channels.ts';

test('a connection tells where it is in the history, and is of its schema', async (t) => {
  const rig = await startKeeping(t, THREE_ITEMS);
  const client = await rig.stream('a');
  await rig.publish('a', '1');
  const cursor = cursorIn(await got(client, 'data: 1'));
  const page = connectionPageSchema.parse((await rig.control.send('GET', '/connections?channel=a')).json);
  const details = connectionDetailsSchema.parse(
    (await rig.control.send('GET', `/connections/${page.connections[0]?.id}`)).json,
  );
  assert.deepEqual([details.kind, details.cursor, details.channels], ['stream', cursor, ['a']]);
  for (const query of ['limit=0', 'pattern=true'])
    assert.equal((await rig.control.send('GET', `/connections?${query}`)).status, 400, query);
});

test('a held stream and a held request end in order, and are the last on their connections', async (t) => {
  const rig = await startKeeping(t, '');
  for (const [i, mode] of ['stream', 'response'].entries()) {
    const client = await rig.app.connect();
    client.write(`GET /?h=${mode} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await rig.app.held(i + 1);
    const [{ id }] = (await rig.control.send('GET', '/connections')).json.connections;
    assert.equal((await rig.control.send('DELETE', `/connections/${id}`)).status, 204);
    const { status, body } = await client.takeResponse();
    assert.deepEqual([status, body.toString()], [200, mode === 'stream' ? '' : 'nothing new']);
    await client.ended;
    await rig.app.nobodyHeld();
    assert.equal((await rig.control.send('DELETE', `/connections/${id}`)).status, 404);
  }
});

/** Clients of a user, each on a connection of its own, and what becomes of them. */
function userOf(count: number) {
  const clients = new Set<Subscriber>();
  const ended: string[] = [];
  const drained: string[] = [];
  let looks = 0;
  const connections = Array.from({ length: count }, (_, i) => {
    return { id: `${i}-7`, isOver: false, drain: () => drained.push(`${i}`) };
  });
  for (let i = 0; i < count; i++) {
    const disconnect = (): boolean => ended.push(`${i}`) > 0;
    clients.add({ id: `${i}-7`, user: 'ann', format: 'http-stream', disconnect } as unknown as Subscriber);
  }
  const server = {
    get connections() {
      looks++;
      return connections;
    },
    has: () => true,
  } as unknown as HttpServer;
  const view = new ClientView({ clients: () => clients }, [server]);
  return { view, clients, ended, drained, looks: () => looks };
}

test('all connections of a user are found by one look at those of the server', async () => {
  const { view, ended, drained, looks } = userOf(500);
  assert.equal(await view.disconnect('ann'), 500);
  assert.deepEqual([ended.length, drained.length, looks()], [500, 500, 1]);
});

test('a client that leaves while others of its user are ended is left alone, and so is its connection', async () => {
  const { view, clients, ended, drained } = userOf(3);
  const [first, second, third] = [...clients] as [Subscriber, Subscriber, Subscriber];
  const { disconnect } = first;
  Object.assign(first, {
    disconnect: () => {
      clients.delete(second);
      Object.assign(third, { user: 'bob' });
      return disconnect();
    },
  });
  assert.equal(await view.disconnect('ann'), 1);
  assert.deepEqual([ended, drained], [['0'], ['0']]);
});

test('pages of several processes are one, in the order of ids', () => {
  const page = (ids: readonly string[], total: number, next: string | null) =>
    ({ connections: ids.map((id) => ({ id })), total, next }) as unknown as ConnectionPage;
  const joined = (pages: readonly ConnectionPage[], limit: number): ConnectionPage =>
    joinedAnswer({ about: 'list', query: { limit, pattern: 'false', scope: 'node' } }, pages);
  const { connections, total, next } = joined([page(['1.a', '1.c'], 2, null), page(['1.b', '1.d'], 5, '1.d')], 3);
  assert.deepEqual([connections.map(({ id }) => id), total, next], [['1.a', '1.b', '1.c'], 7, '1.c']);
  assert.equal(joined([page(['1.a'], 1, null)], 3).next, null);
  assert.equal(joined([page(['1.a'], 2, '1.a'), page([], 0, null)], 1).next, '1.a');
});

test('while clients move to another process none is closed here', async () => {
  const backend = connectionsBackend({ ask: () => assert.fail('asked') }, () => 'upgrading');
  for (const close of [() => backend.close('1-1', 'node'), () => backend.disconnect('ann', 'node')]) {
    await assert.rejects(close, (error) => error instanceof OperationError && error.code === 'HF_CONTROL_CONFLICT');
  }
});
