import type { Admission } from './admission.ts';
import type { ReceivedFormats } from './receivers-of.ts';
import type { Sequencer } from './sequencer.ts';

/** How many receivers the repeats of items are said to have. */
export class KnownReceivers {
  readonly #admission: Admission;
  readonly #sequencer: Sequencer;

  constructor(admission: Admission, sequencer: Sequencer) {
    this.#admission = admission;
    this.#sequencer = sequencer;
  }

  /** None for an item that would be dropped, or as many as the item had that it repeats. Null for any other. */
  of(item: ReceivedFormats): number | null {
    return this.#admission.receiversOf(item) ?? (this.#sequencer.isRepeated(item) ? 0 : null);
  }

  /** Notes how many receivers an item has, for repeats. Returns the count. */
  note(item: ReceivedFormats, count: number): number {
    return this.#admission.noteReceivers(item, count);
  }
}
