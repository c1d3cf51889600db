import type { TimerWheel } from '../../clock/index.ts';
import type { Cursor } from '../../history/index.ts';
import type { StoreFeed, StoreState } from './kept-reads.ts';
import type { WaitingReads } from './waiting-reads.ts';

/** Milliseconds after which an answer is late: what other nodes have stored meanwhile is read from the stream, which costs too much to do for every new channel. */
const LATE = 1_000;

/** What a late cover needs. */
export interface LateCoverMeans {
  /** Whether an item of one of these channels and patterns has come with a higher number. */
  readonly hasCome: (keys: readonly string[], number: number) => boolean;
  readonly state: StoreState & { readonly epoch: string };
  readonly waiting: WaitingReads;
  readonly wheel: TimerWheel;
}

/**
 * Waits until what is appended to channels comes to this node. Clients that come while the broker is away, or slow, wait for that, and other nodes may go on: so these clients begin where the stream was when they came.
 * So do those for whose channels something has come meanwhile.
 */
export class LateCover {
  readonly #means: LateCoverMeans;

  constructor(means: LateCoverMeans) {
    this.#means = means;
  }

  /** As `SharedStore.cover`. */
  cover(feed: StoreFeed, keys: readonly string[], done: (from: Cursor | null) => void): void {
    const { state, waiting, wheel, hasCome } = this.#means;
    const from = this.#end;
    if (feed.covers(keys)) {
      done(from);
      return;
    }
    const leave = waiting.enter(keys);
    if (leave === null) {
      done(null);
      return;
    }
    const { isAway, times } = state;
    const since = wheel.now;
    feed.cover(keys, () => {
      leave();
      const isLate = isAway || times !== state.times || wheel.now - since >= LATE;
      done(isLate || hasCome(keys, from.number) ? from : this.#end);
    });
  }

  get #end(): Cursor {
    const { epoch, head: number } = this.#means.state;
    return { epoch, number };
  }
}
