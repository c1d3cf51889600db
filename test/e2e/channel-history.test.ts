import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/index.ts';
import {
  cursorIn,
  dataOf,
  got,
  startHoldingOrigin,
  startKeeping,
  THREE_ITEMS,
} from '../support/history/kept-channels.ts';
import { eventually } from '../support/running-app.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a client that comes back with its last event id gets what it has missed, and then what comes', async (t) => {
  const rig = await startKeeping(t, THREE_ITEMS);
  const client = await rig.stream('a');
  await rig.publish('a', '1');
  const cursor = cursorIn(await got(client, 'data: 1'));
  client.request.destroy();
  await rig.app.nobodyHeld();
  await rig.publish('a', '2', '3');
  for (const again of [await rig.stream('a', cursor), await rig.stream('a', null, `&last_event_id=${cursor}`)]) {
    await got(again, 'data: 3');
    assert.deepEqual(dataOf(again.text), ['2', '3']);
  }
  const late = await rig.stream('a,b', cursor);
  await rig.publish('b', '4');
  await got(late, 'data: 4');
  assert.deepEqual(dataOf(late.text), ['2', '3', '4']);
  assert.equal(rig.app.counters.historyResumed, 3);
  assert.equal(rig.app.app.counters.history.itemsHeld, 4);
});

test('a client that has missed more than is kept is told so', async (t) => {
  const rig = await startKeeping(t, THREE_ITEMS);
  const cursor = cursorIn(await got(await rig.stream('a'), 'id: '));
  await rig.publish('a', '1', '2', '3', '4');
  const again = await rig.stream('a', cursor);
  await rig.publish('a', '5');
  await got(again, 'data: 5');
  assert.deepEqual(dataOf(again.text), ['{"channels":["a"]}', '5']);
  assert.match(again.text, /^event: gap$/m);
});

test('a restart loses nothing where items are on disk, and is told of where they are in memory', async (t) => {
  const folder = temporaryFolder(t);
  const disk = `[history]\nstore = "disk"\npath = "${folder}/history"\n`;
  for (const [sections, expected] of [
    [disk + THREE_ITEMS, ['2', '3']],
    [THREE_ITEMS, ['{"channels":["a"]}', '3']],
  ] as const) {
    const rig = await startKeeping(t, sections);
    const client = await rig.stream('a');
    await rig.publish('a', '1');
    const cursor = cursorIn(await got(client, 'data: 1'));
    await rig.publish('a', '2');
    await rig.app.app.stop(0);
    const next = await startKeeping(t, sections, rig.target);
    const again = await next.stream('a', cursor);
    await next.publish('a', '3');
    await got(again, 'data: 3');
    assert.deepEqual(dataOf(again.text), expected);
    await next.app.app.stop(0);
  }
});

test('a reload gives channels a memory, and takes it away', async (t) => {
  const rig = await startKeeping(t, '');
  const { app } = rig.app;
  const text = `[server]\nlisten = ["127.0.0.1:0"]\n[[route]]\nhost = "*"\ntargets = ["${rig.target}"]\n`;
  await rig.publish('a', '1');
  await app.reconfigure(loadConfig(text + THREE_ITEMS, 'x.toml'));
  const client = await rig.stream('a');
  const cursor = cursorIn(await got(client, 'id: '));
  await rig.publish('a', '2');
  const again = await rig.stream('a', cursor);
  await got(again, 'data: 2');
  assert.deepEqual(dataOf(again.text), ['2']);
  await app.reconfigure(loadConfig(text, 'x.toml'));
  await eventually(() => app.counters.history.itemsHeld === 0);
  const plain = await rig.stream('a', cursor);
  await rig.publish('a', '3');
  await got(plain, 'data: 3');
  assert.equal(plain.text, 'data: 3\n\n');
});

test('no item between two polls is lost: clients poll as fast as they can while items come', async (t) => {
  const rules = '[[channel]]\nmatch = ">"\nhistory_items = 1000\n';
  const origin = await startHoldingOrigin(t);
  const rig = await startKeeping(t, rules, origin, 'join = "lines"');
  const [epoch] = cursorIn(await got(await rig.stream('a'), 'id: ')).split('-');
  const [clients, items] = [20, 300];
  const polling = Array.from({ length: clients }, async () => {
    const bodies: string[] = [];
    let id = `${epoch}-0`;
    while (bodies.length < items) {
      const response = await rig.app.send({ path: '/?c=a&h=response', headers: { 'Last-Event-ID': id } });
      bodies.push(...response.text.trimEnd().split('\n'));
      id = String(response.header('last-event-id'));
    }
    return bodies;
  });
  const expected: string[] = [];
  for (let i = 0; i < items; i++) {
    expected.push(`item ${i}`);
    await rig.app.publish({ channel: 'a', formats: { 'http-response': { body: `item ${i}\n` } } });
  }
  for (const bodies of await Promise.all(polling)) assert.deepEqual(bodies, expected);
});
