/** Milliseconds of work in one turn of the event loop. */
const SLICE_TIME = 5;

/** Does something with each item, in as many turns of the event loop as it takes, so that none of them takes long. An error ends it. */
export async function inSlices<T>(items: Iterable<T>, each: (item: T, index: number) => void): Promise<void> {
  let until = performance.now() + SLICE_TIME;
  let index = 0;
  for (const item of items) {
    if (performance.now() >= until) {
      await new Promise(setImmediate);
      until = performance.now() + SLICE_TIME;
    }
    each(item, index++);
  }
}
