import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { startNats } from '../support/nats.ts';
import { item, startWorkers } from '../support/proxy-workers.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'processes cannot be listed here';

test('clients of the worker processes of two nodes get what is published at either, once and in order', {
  skip: SKIP,
}, async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const toml = `[cluster]\nnats = ["${nats.url}"]\n[[channel]]\nmatch = "kept.>"\nhistory_items = 500\n`;
  const nodes = [await startWorkers(t, 2, toml), await startWorkers(t, 2, toml)];
  for (const channel of ['kept.a', 'other']) {
    const held = (await Promise.all(nodes.map((node) => node.spread(`c=${channel}`, 2)))).flat();
    for (const [at, node] of nodes.entries()) {
      const contents = Array.from({ length: 200 }, (_, i) => `${channel} ${at} ${i}.`);
      for (let i = 0; i < contents.length; i += 50) {
        await node.publish(contents.slice(i, i + 50).map((content) => item(channel, content)));
      }
      for (const { client } of held) {
        const text = await client.take(`${channel} ${at} 199.\n\r\n`);
        assert.deepEqual(text.match(/[\w.]+ \d \d+\./g), contents);
      }
    }
  }
  const [node] = nodes as [(typeof nodes)[number]];
  const { program } = node.server;
  program.kill('SIGUSR2');
  const { reason } = await program.logged('upgrade refused');
  assert.match(String(reason), /a node of a cluster is not upgraded in place/);
  for (const { server } of nodes) assert.equal((await server.program.stop()).code, 0);
});
