import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeItem, parsePublishItem } from '../../../src/codec/grip/index.ts';
import type { SharedItem, SharedStore } from '../../../src/history/index.ts';
import { ChannelRules, type OtherNodes } from '../../../src/hub/index.ts';
import { MAX_UNDELIVERED } from '../../../src/hub/intake.ts';
import { turn } from '../../support/manual-clock.ts';
import { come, EVENTS, event, keeping, rule, shown } from './history-rig.ts';
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

test('an item with an idempotency key that is published again at another node is the same one for the store', async (t) => {
  const stores: FullStore[] = [];
  const publish = async (more: object): Promise<void> => {
    const made = rig(t);
    const store = new FullStore();
    store.isFull = false;
    stores.push(store);
    made.hub.history.rules = new ChannelRules([rule('c')]);
    made.hub.history.shareWith(NOBODY, store.asStore);
    await made.publish(parsePublishItem({ channel: 'c', formats: { 'http-stream': { content: 'x' } }, ...more }));
  };
  // Its own id is by what the others know it, too.
  for (const key of ['k', 'k', 'other']) await publish({ 'idempotency-key': key });
  await publish({ 'idempotency-key': 'k', id: 'i' });
  await publish({ 'idempotency-key': 'k', 'no-seq': true });
  await publish({});
  const [first, again, other, withId, unordered, without] = stores.map(({ kept }) => kept.join());
  assert.match(String(first), /^c \0key .* 1 ck$/);
  assert.equal(again, first);
  assert.notEqual(other, first);
  assert.equal(withId, 'c i');
  assert.match(String(unordered), /^c \0key /);
  assert.equal(without, 'c null');
});

test('what reaches this node alone waits for nothing that the broker has not kept, and its publisher is told', async (t) => {
  const { hub } = rig(t);
  // It answers nothing any more.
  const store = { epoch: 'e', waiting: 0, setRules: () => {}, append: () => {} };
  const others: { -readonly [Key in keyof OtherNodes]: OtherNodes[Key] } = { ...NOBODY };
  hub.history.rules = new ChannelRules([rule('c')]);
  hub.history.shareWith(others, store as unknown as SharedStore);
  const told: boolean[] = [];
  const publish = (): void => {
    const onTurn = (): boolean => {
      hub.publish([parsePublishItem({ channel: 'c', formats: { 'http-stream': { content: 'x' } } })]);
      hub.ordered((known) => told.push(known));
      return true;
    };
    hub.requestTurn({ bytes: 1, onTurn, onFault: assert.fail });
  };
  publish();
  store.waiting = MAX_UNDELIVERED;
  publish();
  assert.deepEqual([told, hub.queues.publishers], [[], 1]);
  others.reach = 'node';
  hub.fromNodes.onAway();
  assert.deepEqual([told, hub.queues.publishers], [[false, true], 0]);
});

test('publishers that wait for the broker have their turn when it has stored, though nobody here gets what it has', async (t) => {
  const { hub } = rig(t);
  const stored: ((numbers: readonly number[]) => void)[] = [];
  const append = (_: unknown, done: (numbers: readonly number[]) => void): void => void stored.push(done);
  const store = { epoch: 'e', waiting: 0, setRules: () => {}, append };
  hub.history.rules = new ChannelRules([rule('c')]);
  hub.history.shareWith(NOBODY, store as unknown as SharedStore);
  hub.publish([parsePublishItem({ channel: 'c', formats: { 'http-stream': { content: 'x' } } })]);
  store.waiting = MAX_UNDELIVERED;
  let turns = 0;
  const onTurn = (): boolean => ++turns > 0;
  hub.requestTurn({ bytes: 1, onTurn, onFault: assert.fail });
  await turn();
  assert.deepEqual([stored.length, turns], [1, 0]);
  store.waiting = 0;
  stored[0]?.([1]);
  assert.equal(turns, 1);
});

test('nobody is told that an item is published when it was taken while the broker was away', async (t) => {
  const made = rig(t);
  const { hub } = made;
  const store = new FullStore();
  store.isFull = false;
  hub.history.rules = new ChannelRules([rule('c')]);
  hub.history.shareWith({ ...NOBODY, reach: 'none' }, store.asStore);
  for (const channel of ['c', 'not kept']) {
    hub.publish([parsePublishItem({ channel, formats: { 'http-stream': { content: 'x' } } })]);
    assert.equal(await new Promise((resolve) => hub.ordered(resolve)), false);
  }
});

test('while nothing may be published, publishers that can be refused are told, and others wait', async (t) => {
  const { hub } = rig(t);
  const store = { epoch: 'e', waiting: MAX_UNDELIVERED, setRules: () => {}, append: () => {} };
  const others: { -readonly [Key in keyof OtherNodes]: OtherNodes[Key] } = { ...NOBODY };
  hub.history.shareWith(others, store as unknown as SharedStore);
  const seen: string[] = [];
  const request = (name: string, givesUp: boolean): void => {
    const onTurn = (): boolean => seen.push(`${name} has its turn`) > 0;
    const onAway = (): boolean => {
      seen.push(`${name} is told`);
      return givesUp;
    };
    hub.requestTurn({ bytes: 1, onTurn, onAway, onFault: assert.fail });
  };
  request('a', true);
  request('b', false);
  assert.deepEqual(seen, []);
  others.reach = 'none';
  hub.fromNodes.onAway();
  request('c', true);
  assert.deepEqual(seen.splice(0), ['a is told', 'b is told', 'c is told']);
  // Nothing but these bytes waits.
  assert.deepEqual([hub.queues.publishers, hub.queues.undelivered], [1, MAX_UNDELIVERED]);
  others.reach = 'all';
  store.waiting = 0;
  hub.fromNodes.pump();
  assert.deepEqual([seen, hub.queues.publishers], [['b has its turn'], 0]);
});

test('a client that is beyond what got lost is told of the gap, also while it reads from the log', async (t) => {
  const { hub, store } = keeping(t, [rule('a'), rule('b')], { limits: { queueItems: 1 } });
  const client = hub.client(60);
  hub.hold(client, streamInstruct(['a', 'b'], EVENTS));
  // It falls behind with the second item, and the third waits in the log.
  for (let number = 1; number <= 4; number++) await hub.publish(event('b', `${number}`));
  hub.hub.lost('a', 0);
  client.grant(1_000);
  assert.deepEqual(dataOf(shown(store, client)), ['1', '2', '{"channels":["a"]}', '3', '4']);
});

test('of what got lost a client is told what is behind it, and gets the rest', async (t) => {
  const { hub, store } = keeping(t, [rule('a'), rule('b')]);
  const client = come(hub, ['a', 'b']);
  await hub.publish(event('b', '1'));
  const limits = { items: 10, age: Infinity, bytes: Infinity };
  store.append([{ channel: 'a', bytes: encodeItem(event('a', 'lost')), keep: limits }], () => {});
  hub.hub.lost('a', 0);
  await hub.publish(event('b', '3'));
  assert.deepEqual(dataOf(shown(store, client)), ['1', '{"channels":["a"]}', 'lost', '3']);
});

function dataOf(text: string): readonly (string | undefined)[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data);
}

test('when the broker goes away, one who has waited for it and throws keeps nobody else from being told', async (t) => {
  const { hub, log } = rig(t);
  // It answers nothing any more.
  const store = { epoch: 'e', waiting: MAX_UNDELIVERED, setRules: () => {}, append: () => {} };
  const others: { -readonly [Key in keyof OtherNodes]: OtherNodes[Key] } = { ...NOBODY };
  hub.history.rules = new ChannelRules([rule('c')]);
  hub.history.shareWith(others, store as unknown as SharedStore);
  hub.publish([parsePublishItem({ channel: 'c', formats: { 'http-stream': { content: 'x' } } })]);
  const told: unknown[] = [];
  hub.ordered(() => {
    throw new Error('thrown by the test');
  });
  hub.ordered((known) => told.push(known));
  const onAway = (): boolean => told.push('away') > 0;
  hub.requestTurn({ bytes: 1, onTurn: () => true, onAway, onFault: assert.fail });
  others.reach = 'none';
  hub.fromNodes.onAway();
  assert.deepEqual(told, [false, 'away']);
  assert.equal(log.at('error').length, 1);
});
