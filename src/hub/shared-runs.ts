import type { PublishItem } from '../codec/grip/index.ts';

/**
 * The runs, or responses, that are made of the items of an answer, made once for all clients that share it (`SharedAnswers`): so what they get is written once, and is in
 * memory once while they wait. It lasts as long as the answer.
 */
export class SharedRuns<Run> {
  readonly #make: (items: readonly PublishItem[]) => readonly Run[];
  readonly #known = new WeakMap<readonly PublishItem[], readonly Run[]>();

  constructor(make: (items: readonly PublishItem[]) => readonly Run[]) {
    this.#make = make;
  }

  of(items: readonly PublishItem[]): readonly Run[] {
    const known = this.#known.get(items);
    if (known !== undefined) return known;
    const runs = this.#make(items);
    if (runs.length > 0) this.#known.set(items, runs);
    return runs;
  }
}
