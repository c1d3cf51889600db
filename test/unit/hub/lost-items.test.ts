import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePublishItem } from '../../../src/codec/grip/index.ts';
import type { SharedItem, SharedStore } from '../../../src/history/index.ts';
import { ChannelRules, type OtherNodes } from '../../../src/hub/index.ts';
import { EVENTS, event, keeping, rule, shown } from './history-rig.ts';
import { rig, streamInstruct } from './support.ts';

/** A store whose broker keeps nothing while it is full. */
class FullStore {
  readonly kept: string[] = [];
  readonly epoch = 'e';
  readonly waiting = 0;
  isFull = true;

  /** For those who want a whole one. */
  get asStore(): SharedStore {
    return this as unknown as SharedStore;
  }

  setRules(): void {}

  append(items: readonly SharedItem[], stored: (numbers: readonly number[]) => void): void {
    if (!this.isFull) this.kept.push(...items.map(({ channel, id }) => `${channel} ${id}`));
    const numbers = items.map((_, index) => (this.isFull ? 0 : this.kept.length - items.length + index + 1));
    setImmediate(() => stored(numbers));
  }
}

const NOBODY: OtherNodes = { reach: 'all', refusal: () => null, send: () => {}, pending: 0 };

test('the publisher of an item that is not kept is told, and it is no repeat when it comes again', async (t) => {
  const made = rig(t);
  const store = new FullStore();
  const { hub } = made;
  hub.history.rules = new ChannelRules([rule('c')]);
  hub.history.shareWith(NOBODY, store.asStore);
  const formats = { 'http-stream': { content: 'x' } };
  const publish = async (more: object): Promise<boolean> => {
    await made.publish(parsePublishItem({ channel: 'c', formats, ...more }));
    return new Promise((resolve) => hub.ordered(resolve));
  };
  const items = [{ id: '1' }, { id: '2', 'idempotency-key': 'k' }];
  for (const item of items) assert.equal(await publish(item), false);
  assert.equal(hub.keys.known('k'), null);
  store.isFull = false;
  for (const item of [...items, ...items]) assert.equal(await publish(item), true);
  assert.deepEqual(store.kept, ['c 1', 'c 2']);
});

test('a client that is beyond what got lost is told of the gap, also while it reads from the log', async (t) => {
  const { hub, store } = keeping(t, [rule('a'), rule('b')], { limits: { queueItems: 1 } });
  const client = hub.client(60);
  hub.hold(client, streamInstruct(['a', 'b'], EVENTS));
  // It falls behind with the second item, and the third waits in the log.
  for (let number = 1; number <= 4; number++) await hub.publish(event('b', `${number}`));
  hub.hub.lost('a', 0);
  client.grant(1_000);
  const data = [...shown(store, client).matchAll(/^data: (.*)$/gm)].map(([, text]) => text);
  assert.deepEqual(data, ['1', '2', '{"channels":["a"]}', '3', '4']);
});
