import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FormerHold } from '../../../src/hub/index.ts';
import { KeptItems, MAX_KEPT_BYTES } from '../../../src/hub/kept-items.ts';
import { PublishedResponse } from '../../../src/hub/published-response.ts';
import { type HubRig, replayBy, responseHint, responseInstruct, responseItem, rig, turn } from './support.ts';

/** A response with a body of this size. */
function response(bytes: number): PublishedResponse {
  const { httpResponse } = responseItem('a', 'x'.repeat(bytes));
  assert.ok(httpResponse);
  return new PublishedResponse('a', httpResponse);
}

test('an item that many holds keep counts its bytes once', () => {
  const kept = new KeptItems();
  const item = response(10_000);
  kept.take(item);
  const once = kept.used;
  kept.take(item);
  assert.ok(once > 10_000 && kept.used - once < 100);
  kept.release(item);
  assert.equal(kept.used, once);
  kept.release(item);
  assert.equal(kept.used, 0);
});

test('beyond the bound an item is not kept', () => {
  const kept = new KeptItems();
  const items = Array.from({ length: 100 }, () => response(1_000_000));
  const taken = items.filter((item) => kept.take(item));
  assert.ok(taken.length > 60 && taken.length <= 67);
  assert.ok(kept.used <= MAX_KEPT_BYTES);
  for (const item of taken) kept.release(item);
  assert.equal(kept.used, 0);
});

/** A client of a channel of its own that knows item 1. Returns its replays. */
function heldAt1(made: HubRig, channel: string): FormerHold[] {
  const replays: FormerHold[] = [];
  // Each at a target of its own, so that all replays may be at their origins.
  const replay = replayBy((former) => replays.push(former), `${channel}:80`);
  const { hold, ...rest } = responseInstruct([channel]);
  assert.ok(hold);
  const instruct = { ...rest, hold: { ...hold, channels: [{ name: channel, prevId: '1', filters: [] }] } };
  made.hold(made.client(), instruct, { replay });
  return replays;
}

test('where too much is kept the origin is asked again', async (t) => {
  const made = rig(t);
  const names = Array.from({ length: 70 }, (_, index) => `c${index}`);
  const clients = names.map((name) => heldAt1(made, name));
  await made.publish(...names.map(responseHint));
  for (const name of names) {
    await made.publish({ ...responseItem(name, 'x'.repeat(1_000_000)), id: '9', prevId: '8' });
    await turn();
  }
  assert.deepEqual(
    clients.map(({ length }) => length),
    names.map(() => 1),
  );
  // Each origin responds with a hold that names the item.
  for (const [index, name] of names.entries()) {
    const former = clients[index]?.[0];
    assert.ok(former);
    const { hold, ...rest } = responseInstruct([name]);
    assert.ok(hold);
    const known = { ...rest, hold: { ...hold, channels: [{ name, prevId: '9', filters: [] }] } };
    const again: FormerHold[] = [];
    clients[index] = again;
    made.hold(made.client(), known, { replay: replayBy((next) => again.push(next), `${name}:80`), former });
  }
  await turn();
  // A kept item is the one that the origin names. One that was not kept is asked for.
  const asked = clients.filter(({ length }) => length === 1).length;
  assert.ok(asked > 0 && asked < 10, `${asked} are asked again`);
});
