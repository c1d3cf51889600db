import type { KeptFeed } from './kept-feed.ts';
import type { ReadsSource } from './kept-reads.ts';

/** Channels that are looked at in one look. */
const LOOKS = 128;

/**
 * Looks whether the last items of channels have come, some channels at a time: between brokers messages get lost in silence, and when nothing follows on a channel nobody notices. What has not come is found within a
 * second for each 128 channels that the node is subscribed to.
 */
export class PositionCheck {
  readonly #source: ReadsSource;
  readonly #kept: KeptFeed;
  readonly #onMissed: () => void;
  #names: Iterator<string> = [].values();
  #looking = false;

  /** @param onMissed is called when the feed has something to pass on */
  constructor(source: ReadsSource, kept: KeptFeed, onMissed: () => void) {
    this.#source = source;
    this.#kept = kept;
    this.#onMissed = onMissed;
  }

  /** Looks at the next channels. Rejects when the broker fails. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#look(this.#next());
    } finally {
      this.#looking = false;
    }
  }

  #next(): readonly string[] {
    const names: string[] = [];
    for (let index = 0; index < LOOKS; index++) {
      const { done, value } = this.#names.next();
      if (done === true) {
        this.#names = this.#source.state.feed.channels();
        break;
      }
      names.push(value);
    }
    return names;
  }

  async #look(names: readonly string[]): Promise<void> {
    const { stream, subjects, state } = this.#source;
    const { times } = state;
    const ahead: (readonly [string, number])[] = [];
    await Promise.all(
      names.map(async (name) => {
        const subject = subjects.kept(name);
        const last = subject === null ? 0 : await stream.lastOf(subject);
        if (last > this.#kept.positionOf(name)) ahead.push([name, last]);
      }),
    );
    if (ahead.length === 0) return;
    // It may be on its way. Behind a mark it is not.
    await state.marked();
    if (times !== state.times) return;
    for (const [name, last] of ahead) this.#kept.miss(name, last);
    if (!this.#kept.idle) this.#onMissed();
  }
}
