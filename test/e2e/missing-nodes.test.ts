import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { sampleStatus } from '../support/control/sample-status.ts';
import { holdfast } from '../support/holdfast.ts';

const AWAY = 'the broker is away: nothing is kept, and what was missed cannot be read';

const channel = { name: 'room', subscribers: 2, lastId: null };
const missing = ['edge2', 'edge3'];

/** A control port of a node that has lost its broker. */
const ANSWERS: { readonly [path: string]: unknown } = {
  '/status': { ...sampleStatus(), historyDegraded: AWAY },
  '/channels': { channels: [channel], total: 1, next: null, missing },
  '/users/ann/disconnect': { closed: 1, missing },
  '/users/bob/disconnect': { closed: 0, missing },
};

async function start(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(ANSWERS[pathname]));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('commands say which nodes of a cluster have not answered, and that its broker is away', async (t) => {
  const url = await start(t);
  const others = 'these nodes have not answered: edge2, edge3';
  const channels = await holdfast(t, ['channels', '--url', url]);
  assert.match(channels.stdout, /^room /m);
  assert.equal(channels.stderr, `${others}\n`);
  const ann = await holdfast(t, ['kick', 'ann', '--url', url]);
  assert.deepEqual([ann.code, ann.stdout, ann.stderr], [0, 'closed 1 connection\n', `${others}\n`]);
  const bob = await holdfast(t, ['kick', 'bob', '--url', url]);
  assert.equal(bob.code, 1);
  assert.equal(bob.stderr, `error: the user has no connections that are held, but ${others}\n`);
  const status = await holdfast(t, ['status', '--url', url]);
  assert.match(status.stdout, new RegExp(`^history +${AWAY}$`, 'm'));
});
