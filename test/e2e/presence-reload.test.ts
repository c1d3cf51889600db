import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queueOf } from '../../src/app/hook-rules.ts';
import { loadConfig } from '../../src/config/index.ts';
import { startKeeping } from '../support/history/kept-channels.ts';
import { startPresenceOrigin } from '../support/presence/presence-origin.ts';
import { WebhookReceiver } from '../support/presence/webhook-receiver.ts';

test('a reload begins to count and to tell, and ends it', async (t) => {
  const hook = await WebhookReceiver.start(t);
  const target = await startPresenceOrigin(t);
  const rig = await startKeeping(t, '', target);
  const { app } = rig.app;
  const text = `[server]\nlisten = ["127.0.0.1:0"]\n[hub]\npresence_grace = 1\n[[route]]\nhost = "*"\ntargets = ["${target}"]\n`;
  const presence = '[[channel]]\nmatch = "room"\npresence = true\n';
  await rig.app.stream({ path: '/?c=room&u=ann' });
  await app.reconfigure(loadConfig(text + presence + hook.table(), 'x.toml'));
  await hook.got('join room ann');
  await rig.app.stream({ path: '/?c=other&u=bob' });
  await hook.got('occupied other');
  assert.deepEqual(hook.texts, ['occupied room', 'join room ann', 'occupied other']);
  await app.reconfigure(loadConfig(text + presence + hook.table('events = ["join"]'), 'x.toml'));
  await rig.app.stream({ path: '/?c=third,room&u=eve' });
  await hook.got('join room eve');
  assert.ok(!hook.texts.includes('occupied third'));
  await app.reconfigure(loadConfig(text, 'x.toml'));
  await rig.app.stream({ path: '/?c=room&u=late' });
  assert.equal(hook.texts.length, 4);
  assert.equal(hook.invalid, 0);
});

test('what waits for webhooks is neither listed nor read over the control API', async (t) => {
  const hook = await WebhookReceiver.start(t);
  hook.statuses.push(...Array(100).fill(500));
  const sections = `[[channel]]\nmatch = ">"\npresence = true\nhistory_items = 5\n${hook.table()}`;
  const rig = await startKeeping(t, sections, await startPresenceOrigin(t));
  await rig.app.stream({ path: '/?c=room&u=ann' });
  await rig.publish('room', 'x');
  while (hook.ids.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const { json: page } = await rig.control.send('GET', '/channels?kept=true');
  assert.deepEqual(
    page.channels.map(({ name }: { name: string }) => name),
    ['room'],
  );
  const queue = encodeURIComponent(queueOf(hook.url, '>'));
  for (const [path, status] of [
    [`/channels/${queue}`, 404],
    [`/channels/${queue}/history`, 404],
    [`/channels/${queue}.done/history`, 404],
    [`/channels/${queue}/messages`, 400],
  ] as const) {
    assert.equal((await rig.control.send('GET', path)).status, status, path);
  }
});

test('a receiver that fails gets the events again, and the server stays ready', async (t) => {
  const hook = await WebhookReceiver.start(t);
  hook.statuses.push(500, 301);
  const sections = `[[channel]]\nmatch = ">"\npresence = true\n${hook.table('events = ["join"]')}`;
  const rig = await startKeeping(t, sections, await startPresenceOrigin(t));
  await rig.app.stream({ path: '/?c=room&u=ann' });
  await hook.got('join room ann');
  assert.deepEqual(hook.texts, ['join room ann']);
  assert.equal(hook.ids.length, 3);
  assert.equal(new Set(hook.ids).size, 1);
  const { webhooks } = rig.app.app.counters.webhooks;
  assert.equal(webhooks.requestsFailed, 2);
  const ready = await rig.control.open('GET', '/readyz');
  assert.equal(ready.status, 200);
});
