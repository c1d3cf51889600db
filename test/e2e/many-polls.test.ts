import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '../support/client.ts';
import { cursorIn, got, startHoldingOrigin } from '../support/history/kept-channels.ts';
import { PollCrowd } from '../support/history/poll-crowd.ts';
import { runServer } from '../support/holdfast.ts';
import { portOf } from '../support/port-of.ts';

/** Clients that poll, and items. HOLDFAST_POLLS=1000,6000 is half a minute of many. */
const [CLIENTS = 200, ITEMS = 1_000] = (process.env.HOLDFAST_POLLS ?? '').split(',').filter(Boolean).map(Number);

/** Items that are published in a second, and milliseconds between two publish requests. */
const [RATE, INTERVAL] = [200, 20];

for (const workers of [1, 2]) {
  const where = workers === 1 ? 'one process' : `${workers} worker processes`;
  test(`${CLIENTS} clients that poll while ${RATE} items a second come get each item once (${where})`, async (t) => {
    const origin = await startHoldingOrigin(t);
    const toml = `[server]\nworkers = ${workers}\n[[channel]]\nmatch = ">"\nhistory_items = ${ITEMS}
[[route]]\nhost = "*"\ntargets = ["${origin}"]\njoin = "lines"\n`;
    const { program, clients, controlUrl } = await runServer(t, [], toml);
    const publish = async (items: readonly unknown[]): Promise<void> => {
      const response = await fetch(`${controlUrl}/publish`, { method: 'POST', body: JSON.stringify({ items }) });
      assert.equal(response.status, 200);
    };
    const port = portOf(clients[0] ?? '');
    const stream = await new Client(t, port).stream({ path: '/?c=a' });
    const cursor = cursorIn(await got(stream, 'id: '));
    stream.destroy();
    const running = new PollCrowd(port, '/?c=a&h=response').run(CLIENTS, cursor, ITEMS - 1);
    const each = (RATE * INTERVAL) / 1_000;
    const publishing = (async () => {
      for (let next = 0; next < ITEMS; ) {
        const numbers = Array.from({ length: Math.min(each, ITEMS - next) }, () => next++);
        await publish(numbers.map((number) => ({ channel: 'a', formats: { 'http-response': { body: `${number}` } } })));
        await delay(INTERVAL);
      }
    })();
    const [polls] = await Promise.all([running, publishing]);
    t.diagnostic(`${polls} polls`);
    assert.deepEqual(program.errors(), []);
  });
}
