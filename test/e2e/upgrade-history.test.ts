import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Client, type StreamedResponse } from '../support/client.ts';
import { cursorIn, dataOf, got, startHoldingOrigin } from '../support/history/kept-channels.ts';
import { runServer } from '../support/holdfast.ts';
import { portOf } from '../support/port-of.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'descriptors can be passed on Linux only';

/** A server that keeps 100 items of each channel. */
async function started(t: TestContext, history: string, workers: number) {
  const origin = await startHoldingOrigin(t);
  const toml = `${history}
[server]
upgrade_timeout = 2
workers = ${workers}
[[channel]]
match = ">"
history_items = 100
`;
  const { program, clients, controlUrl } = await runServer(t, ['--route', `* ${origin}`], toml);
  const server = new Upgraded(t, program);
  const client = new Client(t, portOf(clients[0] ?? ''));
  let count = 0;
  return {
    program,
    server,
    stream: (id: string | null = null): Promise<StreamedResponse> => {
      const headers: Record<string, string> = id === null ? {} : { 'Last-Event-ID': id };
      return client.stream({ path: '/?c=a', headers });
    },
    publish: async (): Promise<string> => {
      const text = `item ${++count}`;
      const items = [{ channel: 'a', formats: { 'http-stream': { content: `data: ${text}\n\n` } } }];
      const response = await fetch(`${controlUrl}/publish`, {
        method: 'POST',
        body: JSON.stringify({ items }),
      });
      assert.equal(response.status, 200);
      return text;
    },
  };
}

for (const store of ['memory', 'disk'] as const) {
  for (const workers of [1, 2]) {
    const title = `clients and cursors go over to the new process (${store}, ${workers} ${workers === 1 ? 'process' : 'workers'})`;
    test(title, { skip: SKIP }, async (t) => {
      const path = temporaryFolder(t);
      const history = store === 'disk' ? `[history]\nstore = "disk"\npath = "${path}/history"\n` : '';
      const rig = await started(t, history, workers);
      const streams = [await rig.stream(), await rig.stream(), await rig.stream()];
      const gone = await rig.stream();
      const cursor = cursorIn(await got(gone, 'id: '));
      gone.request.destroy();
      const expected: string[] = [];
      for (let i = 0; i < 3; i++) {
        const old = rig.server.pid;
        expected.push(await rig.publish());
        const upgraded = rig.server.upgrade();
        // Meanwhile items come.
        for (let j = 0; j < 20; j++) expected.push(await rig.publish());
        await upgraded;
        expected.push(await rig.publish());
        await rig.server.gone(old);
        expected.push(await rig.publish());
        const last = expected.at(-1) ?? '';
        for (const stream of streams) {
          await got(stream, `data: ${last}\n`);
          assert.deepEqual(dataOf(stream.text), expected);
        }
        const again = await rig.stream(cursor);
        await got(again, `data: ${last}\n`);
        assert.deepEqual(dataOf(again.text), expected);
        // Cursors go up, and are of one epoch.
        const [stream] = streams as [StreamedResponse];
        const ids = [...stream.text.matchAll(/^id: (\w+)-(\d+)$/gm)];
        assert.equal(new Set(ids.map((id) => id[1])).size, 1);
        assert.ok(ids.every((id, at) => at === 0 || Number(id[2]) > Number(ids[at - 1]?.[2])));
      }
      await rig.server.stop();
      assert.deepEqual(rig.program.errors(), []);
    });
  }
}
