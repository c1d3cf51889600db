import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { dataOf, got, type KeepingRig, startKeeping, THREE_ITEMS } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';

async function twoNodes(t: TestContext) {
  const nats = await startNats(t);
  if (nats === null) return null;
  const sections = `[cluster]\nnats = ["${nats.url}"]\n${THREE_ITEMS}`;
  const a = await startKeeping(t, sections);
  return { nats, sections, a, b: await startKeeping(t, sections, a.target) };
}

/** Publishes an item, and returns the status and what the response says of it. */
async function answer(rig: KeepingRig, text: string, key: string, fields = ''): Promise<string> {
  const item = { channel: 'a', formats: { 'http-stream': { content: `data: ${text}\n\n` } } };
  const body = JSON.stringify({ items: [fields === '' ? { ...item, 'idempotency-key': key } : item] });
  const client = await rig.app.connectControl();
  const head = `Host: localhost\r\nConnection: close\r\nPrefer: return=representation\r\n${fields}`;
  const { status, body: response } = await client.request(
    `POST /publish HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  client.end();
  return `${status} ${response}`;
}

test('a repeat at the other node is answered as the first time and delivered once; other content is refused', async (t) => {
  const rig = await twoNodes(t);
  if (rig === null) return;
  const { a, b } = rig;
  const client = await b.stream('a');
  await got(client, 'id: ');
  for (const fields of ['', 'Idempotency-Key: "whole"\r\n']) {
    const first = await answer(a, 'one', 'k', fields);
    assert.match(first, /^200 .*"cursor":"[^"]+"/);
    assert.equal(await answer(b, 'one', 'k', fields), first);
    assert.match(await answer(b, 'two', 'k', fields), /^422 /);
  }
  await b.publish('a', 'end');
  await got(client, 'data: end');
  assert.deepEqual(dataOf(client.text), ['one', 'one', 'end']);
});

test('of the same request to both nodes at the same moment one is published', async (t) => {
  const rig = await twoNodes(t);
  if (rig === null) return;
  const { a, b } = rig;
  const client = await a.stream('a');
  await got(client, 'id: ');
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  for (const key of keys) {
    const [first, ...others] = await Promise.all([a, b, a, b].map((node) => answer(node, key, key)));
    for (const other of others) assert.match(other, /^200 /);
    assert.match(String(first), /^200 /);
  }
  await a.publish('a', 'end');
  await got(client, 'data: end');
  assert.deepEqual(dataOf(client.text), [...keys, 'end']);
});

test('a broker that was restarted knows the keys', async (t) => {
  const rig = await twoNodes(t);
  if (rig === null) return;
  const { nats, a, b } = rig;
  const first = await answer(a, 'one', 'k');
  assert.match(first, /^200 /);
  assert.equal(await answer(b, 'one', 'k'), first);
  await nats.kill();
  while (!(await answer(b, 'x', 'other')).startsWith('503')) await setTimeout(10);
  await nats.start();
  const c = await startKeeping(t, rig.sections, a.target);
  assert.equal(await answer(c, 'one', 'k'), first);
});
