import type { Channel } from './channel.ts';
import { type ChannelRules, NO_RULES } from './channel-rules.ts';
import type { Channels, MembersCounter } from './channels.ts';
import { ClientCounts, NOBODY } from './client-counts.ts';
import { Subscriber } from './subscriber.ts';

/** Counts the clients of a hub, on those channels whose rules ask for it. */
export class ClientPresence implements MembersCounter {
  readonly counts = new ClientCounts();
  readonly #channels: Channels;
  #rules = NO_RULES;

  constructor(channels: Channels) {
    this.#channels = channels;
  }

  /** Counts by other rules from now on. Only the members of channels of which something else is wanted are counted again. */
  use(rules: ChannelRules): void {
    const former = this.#rules;
    this.#rules = rules;
    this.#channels.counter = rules.countSome ? this : null;
    if (!former.countSome && !rules.countSome) return;
    for (const channel of this.#channels.all()) {
      if (channel.isPattern || former.counted(channel.name) === rules.counted(channel.name)) continue;
      this.counts.forget(channel.name);
      for (const { members } of channel.groups) {
        for (const { position, receiver } of members) {
          if (position >= 0 && receiver instanceof Subscriber) this.onMember(channel, receiver.user, 1);
        }
      }
    }
  }

  onMember({ name, isPattern }: Channel, user: string | null, more: 1 | -1): void {
    // Whoever has a pattern is on none of the channels that it matches.
    if (isPattern) return;
    const counted = this.#rules.counted(name);
    if (counted !== 'nothing') this.counts.add(name, counted === 'users' ? (user ?? NOBODY) : NOBODY, more);
  }
}
