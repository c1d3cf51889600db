import type { NodeFacts } from './heartbeat.ts';

/** Milliseconds over which items are counted at least, once the node has been there for so long. */
const SPAN_MS = 3_000;

/** What a node had counted at a time, in milliseconds. */
interface Sample {
  readonly time: number;
  readonly published: number;
  readonly delivered: number;
}

/** Items of a node a second, over its last heartbeats. */
export class NodeRates {
  #first: Sample | null = null;
  #second: Sample | null = null;
  #last: Sample | null = null;

  /** The counts of a heartbeat have come. @param time in milliseconds */
  add({ published, delivered }: Pick<NodeFacts, 'published' | 'delivered'>, time: number): void {
    this.#last = { time, published, delivered };
    this.#first ??= this.#last;
    this.#second ??= this.#last;
    if (time - this.#second.time < SPAN_MS) return;
    this.#first = this.#second;
    this.#second = this.#last;
  }

  /** Null before the second heartbeat. */
  get perSecond(): { readonly published: number; readonly delivered: number } | null {
    const [first, last] = [this.#first, this.#last];
    if (first === null || last === null || last.time === first.time) return null;
    const seconds = (last.time - first.time) / 1_000;
    return {
      published: Math.max(0, last.published - first.published) / seconds,
      delivered: Math.max(0, last.delivered - first.delivered) / seconds,
    };
  }
}
