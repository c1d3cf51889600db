import type { HubRelay } from '../../hub-relay/index.ts';
import type { NewSide } from './hand-over.ts';
import type { ToOldProcess } from './upgrade-channel.ts';

/** Name of the worker of the relay. */
const OLD = 'old';

/** Makes the process before this one a worker of this one: its clients stay there, and get what is published here. */
export class OldClients implements NewSide {
  readonly #relay: HubRelay;
  readonly #ended: Promise<void>;
  #onEnded: () => void = () => {};

  constructor(relay: HubRelay) {
    this.#relay = relay;
    this.#ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
  }

  async follow(channel: ToOldProcess): Promise<void> {
    this.#relay.add(OLD, channel.toOld);
    // Nothing that is published here misses its clients.
    await Promise.race([this.#relay.told(OLD), this.#ended]);
  }

  onMessage(): void {}

  onOldProcessEnded(): void {
    this.#relay.remove(OLD);
    this.#onEnded();
  }
}
