/** Those of any number whose keys come first, in the order of UTF-16. */
export class FirstByKey<T extends { readonly key: string }> {
  readonly all: T[] = [];
  readonly #max: number;

  /** @param max how many, at least 1 */
  constructor(max: number) {
    this.#max = max;
  }

  add(value: T): void {
    const { all } = this;
    const last = all.at(-1);
    if (all.length === this.#max && last !== undefined && value.key > last.key) return;
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((all[middle] as T).key < value.key) low = middle + 1;
      else high = middle;
    }
    all.splice(low, 0, value);
    if (all.length > this.#max) all.pop();
  }
}
