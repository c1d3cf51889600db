import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { item, startWorkers } from '../support/proxy-workers.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'processes cannot be listed here';

test('an item reaches the streams and held requests of all workers, once each and in order', {
  skip: SKIP,
}, async (t) => {
  const rig = await startWorkers(t, 3);
  const streams = await rig.spread('c=a', 3);
  const polls = await rig.spread('c=a&h=response', 3);
  const response = await rig.publish([item('a', 'first')], { Prefer: 'return=representation' });
  const receivers = streams.length + polls.length;
  assert.deepEqual(response, { message: 'Published', items: [{ channel: 'a', receivers }] });
  for (const { client } of polls) assert.equal((await client.takeResponse()).body.toString(), 'first');
  const contents = Array.from({ length: 1_000 }, (_, i) => `item ${i}`);
  for (let i = 0; i < contents.length; i += 100) {
    await rig.publish(contents.slice(i, i + 100).map((content) => item('a', content)));
  }
  const expected = ['first', ...contents].map((content) => `${content}\n`).join('');
  for (const { client } of streams) assert.equal(chunksOf(await client.take('item 999\n\r\n')), expected);
  const { code } = await rig.server.program.stop();
  assert.equal(code, 0);
});

/** The content of the chunks of a response. */
function chunksOf(text: string): string {
  return text.replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').replace(/\r\n$/, '');
}
