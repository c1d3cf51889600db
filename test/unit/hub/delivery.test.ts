import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hold, Instruct, PublishItem } from '../../../src/codec/grip/index.ts';
import { SLICE_WORK } from '../../../src/hub/delivery.ts';
import { SWEEP_SLICE } from '../../../src/hub/hold-sweep.ts';
import type { FormerHold, HubStages } from '../../../src/hub/index.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import {
  type HubRig,
  item,
  replayBy,
  responseInstruct,
  responseItem,
  rig,
  streamInstruct,
  streamItem,
  turn,
} from './support.ts';

/** Turns of the event loop until `test` holds. */
async function turnsUntil(test: () => boolean): Promise<number> {
  let turns = 0;
  for (; !test(); turns++) {
    assert.ok(turns < 1_000, 'it happens');
    await turn();
  }
  return turns;
}

function streams(made: HubRig, count: number, channels: string[], credits?: number) {
  made.log.debugEnabled = false;
  return Array.from({ length: count }, () => made.hold(made.client(credits), streamInstruct(channels)));
}

test('a publish that is a lot of work is delivered in slices of bounded work, in order', async (t) => {
  const made = rig(t);
  const clients = streams(made, 10, ['a', 'b']);
  const items = Array.from({ length: 1_000 }, (_, index) => streamItem(index % 2 === 0 ? 'a' : 'b', `${index},`));
  made.hub.publish(items);
  let before = 0;
  await turnsUntil(() => {
    const passed = clients.reduce((sum, { chunks }) => sum + chunks.length, 0);
    assert.ok(passed - before <= SLICE_WORK, `${passed - before} writes in one slice`);
    before = passed;
    return passed === 10_000;
  });
  const expected = items.map((_, index) => `${index},`).join('');
  for (const client of clients) assert.equal(client.body, expected);
});

test('a fan-out to many streams takes several slices and reaches each stream once', async (t) => {
  const made = rig(t);
  const clients = streams(made, SLICE_WORK * 2 + 10, ['a']);
  made.hub.publish([streamItem('a', 'x')]);
  await turn();
  const reached = (): number => clients.filter(({ body }) => body === 'x').length;
  assert.equal(reached(), SLICE_WORK);
  const [first, last, late] = [clients[0], clients.at(-1), made.client()];
  first?.leave();
  last?.leave();
  made.hold(late, streamInstruct(['a']));
  await turn();
  await turn();
  assert.equal(reached(), clients.length - 1);
  assert.equal(late.body, '', 'it came after the beginning of the delivery');
  await made.publish(streamItem('a', 'y'));
  await turn();
  await turn();
  assert.equal(late.body, 'y');
});

test('a published header counts for each client by its fields', async (t) => {
  const made = rig(t);
  const clients = Array.from({ length: 20 }, () => made.hold(made.client(), responseInstruct(['a'])));
  const headers = Array.from({ length: 2_048 }, (_, index) => `X-${index >>> 1}`);
  made.hub.publish([responseItem('a', 'x', { headers })]);
  await turn();
  assert.equal(clients.filter(({ body }) => body === 'x').length, Math.ceil(SLICE_WORK / (1 + 2_048 / 32)));
});

test('large items count for more than small ones', async (t) => {
  const made = rig(t);
  const clients = streams(made, 100, ['a'], 10_000_000);
  made.hub.publish([streamItem('a', 'x'.repeat(900_000))]);
  await turn();
  const reached = clients.filter(({ body }) => body !== '').length;
  assert.ok(reached < 30, `${reached} clients in one slice`);
});

test('publishers wait while too much is undelivered, and go on as it is delivered', async (t) => {
  const made = rig(t);
  const clients = streams(made, 20, ['a'], 100_000_000);
  for (let i = 0; i < 9; i++) made.hub.publish([streamItem('a', 'x'.repeat(1_000_000))]);
  let turns = 0;
  const publication = { bytes: 100, onTurn: () => ++turns > 0, onFault: () => assert.fail('no fault') };
  made.hub.requestTurn(publication);
  assert.equal(turns, 0);
  await turnsUntil(() => turns === 1);
  await turnsUntil(() => clients.every(({ body }) => body.length === 9_000_000));
});

test('a hub that drains ends its holds in slices', async (t) => {
  const made = rig(t);
  const clients = streams(made, SWEEP_SLICE + 100, ['a']);
  made.hub.drain();
  assert.equal(clients.filter(({ complete }) => complete).length, SWEEP_SLICE);
  await turn();
  assert.ok(clients.every(({ complete }) => complete));
  made.assertEmpty();
});

test('a recovery visits the holds in slices, each once, and no hold that comes meanwhile', async (t) => {
  const made = rig(t);
  made.log.debugEnabled = false;
  const replayed = new Map<HeldClient, number>();
  const hold = (client: HeldClient, former: FormerHold | null = null): void => {
    const replay = replayBy((left) => {
      replayed.set(client, (replayed.get(client) ?? 0) + 1);
      hold(client, left);
    }, client.request.id);
    made.hold(client, responseInstruct(['a']), { replay, former });
  };
  const clients = Array.from({ length: SWEEP_SLICE + 100 }, () => made.client());
  for (const client of clients) hold(client);
  made.hub.recover();
  assert.equal(replayed.size, SWEEP_SLICE);
  const [left, late] = [clients.at(-1) as HeldClient, made.client()];
  left.leave();
  hold(late);
  await turn();
  assert.deepEqual([replayed.size, replayed.has(left), replayed.has(late)], [SWEEP_SLICE + 99, false, false]);
  await turn();
  assert.ok([...replayed.values()].every((times) => times === 1));
});

test('recoveries that are asked for during a recovery lead to one more', async (t) => {
  const made = rig(t);
  made.log.debugEnabled = false;
  let replays = 0;
  const count = SWEEP_SLICE + 100;
  for (let i = 0; i < count; i++) {
    const client = made.client();
    const replay = replayBy((former) => {
      replays++;
      former.release();
      former.done();
    }, client.request.id);
    made.hold(client, responseInstruct(['a']), { replay });
  }
  made.hub.recover();
  made.hold(made.client(), responseInstruct(['a']), { replay: replayBy(() => replays++) });
  made.hub.recover();
  made.hub.recover();
  await turn();
  await turn();
  assert.equal(replays, count + 1, 'the second one reached the client that was held before it');
});

test('a hold whose prev-id is not the last id of its channel is replayed at once, and once only', async (t) => {
  const made = rig(t);
  const other = made.hold(made.client(), streamInstruct(['p-a']));
  await made.publish({ ...streamItem('p-a', 'x'), id: '8' });
  let replays = 0;
  const instruct = responseInstruct(['a']);
  const withId = (prevId: string): Instruct => {
    const channels = [{ name: 'a', prevId, filters: [] }];
    return { ...instruct, hold: { ...(instruct.hold as Hold), channels } };
  };
  const options = { channelPrefix: 'p-', replay: replayBy(() => replays++) };
  made.hold(made.client(), withId('8'), options);
  assert.equal(replays, 0);
  made.hold(made.client(), withId('7'), options);
  assert.equal(replays, 1);
  made.hold(made.client(), withId('7'), options);
  assert.equal(replays, 1, 'the last id has been forgotten');
  assert.equal(other.body, 'x');
});

/** Stages that wait until the test lets them go on. */
class HeldStages implements HubStages {
  readonly published: { items: readonly PublishItem[]; proceed: () => void }[] = [];
  readonly joins: { channels: readonly string[]; proceed: () => void }[] = [];
  joinAtOnce = true;

  publish(items: readonly PublishItem[], proceed: () => void): void {
    this.published.push({ items, proceed });
  }

  join(channels: readonly string[], proceed: () => void): void {
    if (this.joinAtOnce) proceed();
    else this.joins.push({ channels, proceed });
  }
}

test('items wait for the stage between accepting and delivering, and keep their order whatever it does', async (t) => {
  const stages = new HeldStages();
  const made = rig(t, { stages });
  const client = made.hold(made.client(), streamInstruct(['a', 'b']));
  await made.publish(streamItem('a', '1'));
  await made.publish(streamItem('b', '2'));
  await made.publish(streamItem('a', '3'));
  assert.equal(client.body, '');
  stages.published[1]?.proceed();
  await turn();
  assert.equal(client.body, '');
  stages.published[0]?.proceed();
  await turn();
  assert.equal(client.body, '12');
  made.hub.drain();
  assert.equal(client.complete, false, 'an accepted item is still to come');
  stages.published[2]?.proceed();
  await turn();
  assert.equal(client.body, '123');
  assert.equal(client.complete, true);
});

test("items that are published while a client joins its channels wait for it, within its queue's bounds", async (t) => {
  const stages = new HeldStages();
  stages.joinAtOnce = false;
  stages.publish = (_items, proceed) => proceed();
  const made = rig(t, { stages, limits: { queueItems: 2 } });
  const stream = made.hold(made.client(), streamInstruct(['a'], { body: 'initial ' }));
  const response = made.hold(made.client(), responseInstruct(['a']));
  assert.deepEqual(stages.joins[0]?.channels, ['a']);
  for (const text of ['1', '2', '3']) {
    await made.publish(item('a', { ...streamFormatOf(text), ...responseFormatOf(text) }));
  }
  assert.equal(stream.body, 'initial ');
  assert.equal(response.head, null);
  assert.equal(made.counters.itemsDropped, 1);
  for (const { proceed } of stages.joins) proceed();
  assert.equal(stream.body, 'initial 12');
  assert.equal(response.body, '1');
  await made.publish(streamItem('a', '4'));
  assert.equal(stream.body, 'initial 124');
});

function streamFormatOf(text: string): Pick<PublishItem, 'httpStream'> {
  return { httpStream: streamItem('a', text).httpStream };
}

function responseFormatOf(text: string): Pick<PublishItem, 'httpResponse'> {
  return { httpResponse: responseItem('a', text).httpResponse };
}
