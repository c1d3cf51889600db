import type { PublishItem } from '../codec/grip/index.ts';
import type { Channel } from './channel.ts';
import type { MembersObserver } from './channels.ts';
import type { Subscriber } from './subscriber.ts';

/** Hears what happens in a hub. All calls are made within the work of others, so they must be short and must not throw. */
export interface HubObserver extends MembersObserver {
  onHeld(client: Subscriber): void;
  /** The client is no longer held. */
  onLeft(client: Subscriber): void;
  /**
   * An item is going to be delivered to the members that its channel and the patterns that match it have now, once to each client.
   * @param channel null where nobody is subscribed to it by its name
   */
  onItem(item: PublishItem, channel: Channel | null, patterns: readonly Channel[]): void;
}
