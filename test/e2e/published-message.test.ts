import assert from 'node:assert/strict';
import { test } from 'node:test';
import { got, startKeeping, THREE_ITEMS } from '../support/history/kept-channels.ts';

test('one message reaches streams as an event with a cursor, and held requests as a response', async (t) => {
  const rig = await startKeeping(t, THREE_ITEMS);
  const stream = await rig.stream('a');
  const waiting = rig.app.send({ path: '/?h=response&c=a' });
  while ((await rig.control.send('GET', '/channels/a')).json.subscribers < 2);
  const body = '{"n":1}';
  const url = `http://${rig.app.app.addresses.control[0]}/channels/a/message?event=order&id=7`;
  const published = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  assert.equal(published.status, 200);
  assert.match(await got(stream, 'data: {"n":1}'), /^event: order\ndata: \{"n":1\}\nid: \w+-1\n\n/m);
  const response = await waiting;
  assert.deepEqual([response.text, response.headers.includes('application/json')], [body, true]);
  assert.equal((await rig.control.send('GET', '/channels/a')).json.lastId, '7');
});
