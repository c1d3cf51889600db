import { fault, type Guarded, guarded } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import type { HubStages } from './hub-options.ts';
import { itemCost } from './item-cost.ts';
import type { Sequencer } from './sequencer.ts';

/** Items that a stage has. */
interface Staged {
  readonly items: readonly PublishItem[];
  readonly cost: number;
  ready: boolean;
  next: Staged | null;
}

/**
 * Items between being accepted and being brought into order: a store or a broker takes its time, and may finish later
 * items first, but they go on in the order in which they were accepted.
 */
export class StagedItems {
  /** Bytes that are charged for what waits here. */
  pending = 0;
  readonly #sequencer: Sequencer;
  readonly #stages: HubStages | null;
  readonly #owner: Guarded;
  readonly #onProgress: () => void;
  #first: Staged | null = null;
  #last: Staged | null = null;

  /** @param owner handles exceptions after a stage is done @param onProgress called when items have gone on */
  constructor(sequencer: Sequencer, stages: HubStages | null, owner: Guarded, onProgress: () => void) {
    this.#sequencer = sequencer;
    this.#stages = stages;
    this.#owner = owner;
    this.#onProgress = onProgress;
  }

  accept(items: readonly PublishItem[]): void {
    if (this.#stages === null) {
      this.#sequencer.add(items);
      return;
    }
    const staged: Staged = {
      items,
      cost: items.reduce((cost, item) => cost + itemCost(item), 0),
      ready: false,
      next: null,
    };
    this.pending += staged.cost;
    if (this.#last === null) this.#first = staged;
    else this.#last.next = staged;
    this.#last = staged;
    const proceed = guarded(this.#owner, () => this.#proceed(staged));
    try {
      this.#stages.publish(items, proceed);
    } catch (thrown) {
      // The items were accepted: they go on without the stage, and those behind them do not wait for ever.
      fault(this.#owner, thrown);
      proceed();
    }
  }

  #proceed(staged: Staged): void {
    staged.ready = true;
    let moved = false;
    for (let first = this.#first; first?.ready; first = this.#first) {
      this.#first = first.next;
      if (this.#first === null) this.#last = null;
      this.pending -= first.cost;
      this.#sequencer.add(first.items);
      moved = true;
    }
    if (moved) this.#onProgress();
  }
}
