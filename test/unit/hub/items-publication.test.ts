import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishError, PublishItem } from '../../../src/codec/grip/index.ts';
import { type ItemsOwner, ItemsPublication, TURN_ITEMS } from '../../../src/hub/items-publication.ts';
import { keeping, rule } from './history-rig.ts';
import { turn } from './support.ts';

const ITEM = { channel: 'c', formats: { 'http-stream': { content: 'x' } } };

/** An owner that notes how many items it publishes at a time, and the outcome. */
class NotedOwner implements ItemsOwner {
  readonly calls: (number | string)[] = [];
  readonly publication = new ItemsPublication(this, 10);
  readonly #items: readonly object[];

  constructor(items: readonly object[]) {
    this.#items = items;
  }

  itemsRequest(): object {
    this.calls.push('request');
    return { items: this.#items };
  }

  /** Keys that are learned; a turn follows when the test says so. */
  learned: [string, string][] | null = null;
  learns = false;
  reused = 'reused';

  learnKeys(keys: ReadonlyMap<string, string>): boolean {
    this.learned = [...keys];
    return !this.learns;
  }

  refusal(): null {
    return null;
  }

  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return items.find(({ channel }) => channel === this.reused) ?? null;
  }

  /** Items of a share at which publishing throws. */
  throwsAt = Number.NaN;

  publishItems(items: readonly PublishItem[]): void {
    this.calls.push(items.length);
    if (items.length === this.throwsAt) throw new Error('thrown by the test');
  }

  /** Those that are told of a place; null if places are known at once. */
  asked: ((known: boolean) => void)[] | null = null;

  ordered(done: (known: boolean) => void): void {
    if (this.asked === null) done(true);
    else this.asked.push(done);
  }

  /** Whether the owner throws when it hears that all is published. */
  throwsLate = false;

  onPublished(known: boolean): void {
    if (this.throwsLate) throw new Error('thrown by the test');
    this.calls.push(known ? 'published' : 'not known');
  }

  onRefused({ message }: PublishError): void {
    this.calls.push(message);
  }

  onGivenUp(): void {
    this.calls.push('given up');
  }

  onFault(thrown: unknown): void {
    this.calls.push(String(thrown));
  }

  /** Takes turns until it is done. Returns how many were not the last one. */
  turns(): number {
    let turns = 0;
    while (!this.publication.onTurn()) turns++;
    return turns;
  }
}

function itemsWith(...last: object[]): object[] {
  return [...Array.from({ length: TURN_ITEMS }, () => ITEM), ...last];
}

test('all items of a request are read before a share of them is published in each turn', () => {
  const owner = new NotedOwner(itemsWith(ITEM));
  assert.equal(owner.turns(), 2);
  assert.deepEqual(owner.calls, ['request', TURN_ITEMS, 1, 'published']);
});

test('items are published when all shares have their place, which may come late', () => {
  for (const unknown of [0, 1, 2]) {
    const owner = new NotedOwner(itemsWith(ITEM));
    owner.asked = [];
    owner.publication.onTurn();
    owner.publication.onTurn();
    const [first] = owner.asked;
    // The broker may answer between two turns.
    first?.(unknown !== 0);
    assert.equal(owner.calls.length, 2);
    owner.publication.onTurn();
    assert.equal(owner.calls.length, 3);
    owner.asked[1]?.(unknown !== 1);
    assert.deepEqual(owner.calls, ['request', TURN_ITEMS, 1, unknown === 2 ? 'published' : 'not known']);
  }
});

test('one invalid item refuses all', () => {
  const owner = new NotedOwner(itemsWith({ channel: 'c' }));
  assert.equal(owner.turns(), 1);
  assert.deepEqual(owner.calls, ['request', 'Invalid format: no formats specified']);
});

test('a request without items is published', () => {
  const owner = new NotedOwner([]);
  assert.equal(owner.turns(), 0);
  assert.deepEqual(owner.calls, ['request', 0, 'published']);
});

test('nothing is published once it is dropped', () => {
  const owner = new NotedOwner(itemsWith(ITEM));
  assert.equal(owner.publication.onTurn(), false);
  assert.equal(owner.publication.begun, false);
  owner.publication.drop();
  assert.equal(owner.turns(), 0);
  assert.deepEqual(owner.calls, ['request']);
});

test('an exception is handled by the owner', () => {
  const owner = new NotedOwner([]);
  owner.publication.onFault('thrown by the test');
  assert.deepEqual(owner.calls, ['thrown by the test']);
});

test('one idempotency key that was used for other content refuses all', () => {
  const owner = new NotedOwner(itemsWith({ ...ITEM, channel: 'reused' }));
  assert.equal(owner.turns(), 1);
  assert.deepEqual(owner.calls, ['request', 'The idempotency key of reused was used for other content.']);
  const keyed = (content: string) => ({
    channel: 'c',
    'idempotency-key': 'k',
    formats: { 'http-stream': { content } },
  });
  const twice = new NotedOwner([keyed('1'), ...itemsWith(keyed('2'))]);
  assert.equal(twice.turns(), 1);
  assert.deepEqual(twice.calls, ['request', 'The idempotency key of c was used for other content.']);
});

test('items with keys give up the turn while other nodes are asked, and are all looked at again before the first is published', () => {
  const keyed = { ...ITEM, 'idempotency-key': 'k' };
  const owner = new NotedOwner(itemsWith(keyed, keyed));
  owner.learns = true;
  assert.equal(owner.turns(), 1);
  assert.deepEqual(owner.calls, ['request']);
  assert.deepEqual(
    owner.learned?.map(([key]) => key),
    ['1 ck'],
  );
  assert.equal(owner.turns(), 2);
  assert.deepEqual(owner.calls, ['request', TURN_ITEMS, 2, 'published']);
  const [without, refused] = [new NotedOwner(itemsWith()), new NotedOwner(itemsWith({ ...keyed, channel: 'other' }))];
  without.turns();
  assert.equal(without.learned, null);
  refused.learns = true;
  refused.turns();
  refused.reused = 'other';
  refused.turns();
  assert.match(String(refused.calls), /^request,.*other/);
  assert.equal(refused.calls.length, 2);
});

test('an owner that was told of an exception is told nothing more, and does not publish', () => {
  const owner = new NotedOwner(itemsWith(ITEM));
  owner.asked = [];
  owner.throwsAt = 1;
  const { publication } = owner;
  publication.onTurn();
  publication.onTurn();
  assert.throws(
    () => publication.onTurn(),
    (thrown) => {
      publication.onFault(thrown);
      return true;
    },
  );
  // The broker confirms what was published before the exception.
  owner.asked[0]?.(true);
  assert.deepEqual([publication.onAway(), publication.onTurn()], [true, true]);
  assert.deepEqual(owner.calls, ['request', TURN_ITEMS, 1, 'Error: thrown by the test']);
});

test('an exception of an owner that hears late that all is published is its own', () => {
  const owner = new NotedOwner([ITEM]);
  owner.asked = [];
  owner.throwsLate = true;
  owner.publication.onTurn();
  owner.asked[0]?.(true);
  assert.deepEqual(owner.calls, ['request', 1, 'Error: thrown by the test']);
});

test('an owner that has left is not told that the broker is away', () => {
  const owner = new NotedOwner([ITEM]);
  owner.publication.drop();
  assert.equal(owner.publication.onAway(), true);
  assert.deepEqual(owner.calls, []);
});

test('a request whose items are kept in memory has all its turns before the next one has its first', async (t) => {
  const { hub: made } = keeping(t, [rule('c')]);
  const order: string[] = [];
  const many = [...itemsWith(), ...itemsWith(ITEM)];
  for (const name of ['first', 'second', 'third']) {
    const owner = new NotedOwner(many);
    owner.publishItems = (items) => {
      order.push(name);
      made.hub.publish(items);
    };
    owner.onPublished = () => order.push(`${name} published`);
    made.hub.requestTurn(owner.publication);
  }
  for (let turns = 0; turns < 30; turns++) await turn();
  const each = ['first', 'second', 'third'].map((name) => [name, name, name, `${name} published`]);
  assert.deepEqual(order, each.flat());
});
