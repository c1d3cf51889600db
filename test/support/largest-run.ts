/** Counts calls, and how many of them came in one call from the event loop. */
export class LargestRun {
  total = 0;
  largest = 0;
  #run = 0;
  #waits: { readonly count: number; readonly resolve: () => void }[] = [];

  count(): void {
    this.total++;
    // Microtasks run when the call from the event loop has returned.
    if (this.#run++ === 0) queueMicrotask(() => this.#endRun());
  }

  /** Resolves when there have been so many calls. */
  until(count: number): Promise<void> {
    return new Promise((resolve) => this.#waits.push({ count, resolve }));
  }

  #endRun(): void {
    this.largest = Math.max(this.largest, this.#run);
    this.#run = 0;
    for (const { count, resolve } of this.#waits) if (this.total >= count) resolve();
  }
}
