import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { FakeLog } from '../support/fake-log.ts';
import { freePorts } from '../support/free-ports.ts';
import { got, startKeeping } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';
import { startPresenceOrigin } from '../support/presence/presence-origin.ts';
import { dataIn, eventsIn, StreamingOrigin, startResumable } from '../support/resumable.ts';
import { eventually } from '../support/running-app.ts';

const GUIDE = readFileSync(new URL('../../docs/how-to/cluster.md', import.meta.url), 'utf8');

/** A broker that allows what the guide says, and the section of its nodes. */
async function restricted(t: TestContext): Promise<string | null> {
  const config = /```text\n(authorization \{\n.*?\n\}\n)```/s.exec(GUIDE)?.[1] ?? assert.fail('no permissions');
  const nats = await startNats(t, { config });
  return nats && `[cluster]\nnats = ["${nats.url}"]\nuser = "node"\npassword = "secret"\n`;
}

function nothingRefused(...logs: readonly FakeLog[]): void {
  for (const log of logs) {
    assert.deepEqual(log.with('broker reports an error'), []);
    assert.deepEqual(log.at('error'), []);
  }
}

test('nodes share items, histories, keys, users and answers with the rights of the guide', async (t) => {
  const cluster = await restricted(t);
  if (cluster === null) return;
  const sections = `${cluster}[[channel]]\nmatch = "kept"\nhistory_items = 10\npresence = true\n`;
  const origin = await startPresenceOrigin(t);
  const [a, b] = [await startKeeping(t, sections, origin), await startKeeping(t, sections, origin)];
  for (const { app } of [a, b]) await app.log.until('node has joined the cluster');
  const client = await b.stream('kept,other', null, '&u=ann');
  await got(client, 'id: ');
  for (let i = 0; i < 2; i++) {
    const formats = { 'http-stream': { content: 'data: once\n\n' } };
    await a.app.publish({ channel: 'kept', 'idempotency-key': 'k', formats });
  }
  await got(client, 'data: once');
  while (!client.text.includes('data: other')) await a.publish('other', 'other');
  assert.equal(client.text.split('data: once').length, 2);
  for (;;) {
    const { json } = await a.control.send('GET', '/channels/kept/presence');
    if (json.users?.length === 1) break;
    await setTimeout(10);
  }
  assert.equal((await a.control.send('GET', '/channels/kept')).json.subscribers, 1);
  assert.equal((await b.control.send('GET', '/channels/kept/history')).json.items.length, 1);
  nothingRefused(a.app.log, b.app.log);
});

test('nodes share streams with the rights of the guide', async (t) => {
  const cluster = await restricted(t);
  if (cluster === null) return;
  const origin = await StreamingOrigin.start(t);
  const [one, other] = (await freePorts(2)) as [number, number];
  const a = await startResumable(t, undefined, cluster, { origin, port: one });
  const b = await startResumable(t, undefined, cluster, { origin, port: other });
  const asked = { headers: { Host: 'chat.example', Authorization: 'Bearer mine' }, path: '/chat' };
  const { client, origin: stream } = await a.begin(asked, {});
  stream.send('a', 'b');
  await eventually(() => eventsIn(client.text).length === 2);
  await a.leave(client);
  const again = await b.back(eventsIn(client.text)[0]?.id ?? '', asked);
  stream.end();
  assert.equal(await again.ended(), true);
  assert.deepEqual(dataIn(again.text), ['b']);
  nothingRefused(a.app.log, b.app.log);
});
