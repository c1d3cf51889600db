import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Publishing, type PublishingHub } from '../../../src/app/publishing.ts';
import type { ChannelWatcher } from '../../../src/hub/index.ts';

/** A hub of which only the channels matter. */
class ChannelHub {
  readonly names = new Set<string>();
  #watcher: ChannelWatcher | null = null;

  get hub(): PublishingHub {
    return this as unknown as PublishingHub;
  }

  watchChannels(watcher: ChannelWatcher): void {
    this.#watcher = watcher;
    for (const name of this.names) watcher.channelAdded(name);
  }

  add(name: string): void {
    this.names.add(name);
    this.#watcher?.channelAdded(name);
  }

  remove(name: string): void {
    this.names.delete(name);
    this.#watcher?.channelRemoved(name);
  }
}

/** What a publisher is told, since the last look. */
function watched(publishing: Publishing): () => string[] {
  const told: string[] = [];
  publishing.watchChannels({
    channelAdded: (name) => told.push(`+${name}`),
    channelRemoved: (name) => told.push(`-${name}`),
  });
  return () => told.splice(0);
}

test('a channel is told of when the first hub has it, and when the last one has it no longer', () => {
  const [one, two] = [new ChannelHub(), new ChannelHub()];
  one.add('a');
  const publishing = new Publishing(one.hub);
  const told = watched(publishing);
  two.add('b');
  publishing.current = two.hub;
  two.add('a');
  assert.deepEqual(told(), ['+a', '+b']);
  one.remove('a');
  assert.deepEqual(told(), []);
  two.remove('a');
  assert.deepEqual(told(), ['-a']);
});

test('with a hub that is forgotten its channels go', () => {
  const [one, two] = [new ChannelHub(), new ChannelHub()];
  const publishing = new Publishing(one.hub);
  const told = watched(publishing);
  one.add('a');
  publishing.current = two.hub;
  for (const name of ['a', 'b']) two.add(name);
  assert.deepEqual(told(), ['+a', '+b']);
  publishing.current = one.hub;
  publishing.forget(two.hub);
  two.add('c');
  two.remove('b');
  assert.deepEqual(told(), ['-b']);
  one.remove('a');
  assert.deepEqual(told(), ['-a']);
});

test('while clients move no channel goes; what has not come back goes when that ends', () => {
  const one = new ChannelHub();
  const publishing = new Publishing(one.hub);
  const told = watched(publishing);
  for (const name of ['a', 'b']) one.add(name);
  publishing.keepsChannels = true;
  for (const name of ['a', 'b']) one.remove(name);
  one.add('a');
  assert.deepEqual(told(), ['+a', '+b']);
  publishing.keepsChannels = false;
  assert.deepEqual(told(), ['-b']);
});
