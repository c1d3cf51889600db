import type { ChannelWatcher } from './channels.ts';
import type { Delivery } from './delivery.ts';
import { Expiry } from './expiry.ts';
import type { HubRoom } from './hub-room.ts';

/** Milliseconds after a channel's first subscription until its clients are updated (Pushpin's own figure). */
const DELAY = 1_000;

/** Channels whose clients are updated at once; the others follow a moment later. */
const SLICE = 1_024;

/**
 * Has the clients of a channel updated a second after its first subscription (GRIP `update_on_first_subscription`): held requests are sent
 * again, and next links followed. Before a channel has subscribers its items are not remembered, and publishers that are asked for channels do
 * not send them, so the client may have missed some.
 */
export class FirstSubscriptions implements ChannelWatcher {
  readonly #room: HubRoom;
  readonly #delivery: Delivery;
  readonly #expiry: Expiry;
  /** Wheel time at which the clients of each channel are updated, in milliseconds, oldest first. There are at most as many as channels. */
  readonly #due = new Map<string, number>();

  /** @param onFault handles an exception of its own */
  constructor(room: HubRoom, delivery: Delivery, onFault: (thrown: unknown) => void) {
    this.#room = room;
    this.#delivery = delivery;
    this.#expiry = new Expiry(() => this.#update(), onFault);
  }

  channelAdded(name: string): void {
    const { limits, wheel, phase } = this.#room;
    if (phase === 'adopting' || !limits.current.updateOnFirstSubscription) return;
    this.#due.set(name, wheel.now + DELAY);
    if (!this.#expiry.waiting) wheel.schedule(this.#expiry, DELAY);
  }

  channelRemoved(name: string): void {
    this.#due.delete(name);
  }

  #update(): void {
    const { wheel, draining } = this.#room;
    let left = SLICE;
    for (const [name, due] of this.#due) {
      const rest = left-- > 0 ? due - wheel.now : 0;
      if (rest > 0 || left < 0) {
        wheel.schedule(this.#expiry, rest);
        return;
      }
      this.#due.delete(name);
      if (!draining) this.#delivery.hint(name);
    }
  }
}
