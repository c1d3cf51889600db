import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { got, startKeeping } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';
import { eventually } from '../support/running-app.ts';

const GUIDE = readFileSync(new URL('../../docs/how-to/cluster.md', import.meta.url), 'utf8');

test('nodes need no more of the broker than the guide allows them', async (t) => {
  const config =
    /```text\n(authorization \{\n.*?\n\}\n)```/s.exec(GUIDE)?.[1] ?? assert.fail('no permissions in the guide');
  const nats = await startNats(t, { config });
  if (nats === null) return;
  const cluster = `[cluster]\nnats = ["${nats.url}"]\nuser = "node"\npassword = "secret"\n`;
  const sections = `${cluster}[[channel]]\nmatch = "kept"\nhistory_items = 10\npresence = true\n`;
  const a = await startKeeping(t, sections);
  const b = await startKeeping(t, sections, a.target);
  await eventually(() => b.app.log.with('node has joined the cluster').length > 0);
  const client = await b.stream('kept,other');
  await got(client, 'id: ');
  const formats = { 'http-stream': { content: 'data: once\n\n' } };
  await a.app.publish({ channel: 'kept', 'idempotency-key': 'k', formats });
  await a.app.publish({ channel: 'kept', 'idempotency-key': 'k', formats });
  await got(client, 'data: once');
  while (!client.text.includes('data: other')) await a.publish('other', 'other');
  assert.equal(client.text.split('data: once').length, 2);
  const { status } = await b.control.send('DELETE', '/channels/kept/history');
  assert.ok(status < 300);
  for (const { app } of [a, b]) {
    assert.deepEqual(app.log.with('broker reports an error'), []);
    assert.deepEqual(app.log.at('error'), []);
  }
});
