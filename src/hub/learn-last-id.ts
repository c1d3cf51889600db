import { fault } from '../clock/index.ts';
import type { Channels } from './channels.ts';
import { Subscriber } from './subscriber.ts';

/** Learns the last id of a channel that is new here, but not to the router, and has its members look whether they have missed an item. */
export function learnLastId(channels: Channels, name: string, id: string): void {
  const channel = channels.get(name);
  if (channel === undefined || channel.lastId !== null) return;
  const members = channel.groups.flatMap((group) => [...group.members]);
  let known: string | null = id;
  for (const { receiver } of members) {
    // One that has missed an item forgets the id, as when it joins.
    channels.setLastId(name, id);
    try {
      if (receiver instanceof Subscriber) receiver.onLastId();
    } catch (thrown) {
      fault(receiver, thrown);
    }
    if (channels.get(name)?.lastId !== id) known = null;
  }
  channels.setLastId(name, known);
}
