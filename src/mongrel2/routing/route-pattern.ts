import type { CharacterSet } from './character-set.ts';
import { type PatternItem, parsePattern } from './pattern-items.ts';

/** Characters of the longest text that is matched without making room first: a request head has no more, as a rule. */
const USUAL_LENGTH = 16_384;

// Matching happens within one call, so all patterns share these. `reached` has 1 for each position up to which the items so far match the
// text; what it has outside of the first and the last one is out of date. `next` becomes `reached` after the next item.
let reached = new Uint8Array(USUAL_LENGTH + 1);
let next = new Uint8Array(USUAL_LENGTH + 1);
let opened = new Uint32Array(USUAL_LENGTH);

/**
 * A pattern of a Mongrel2 site. Since nobody asks where a match ends, it is matched without backtracking: after each item the matcher knows all
 * positions that can be reached. So it takes time in proportion to the lengths of the pattern and of the text, whatever they hold.
 */
export class RoutePattern {
  readonly #items: readonly PatternItem[];
  readonly #anchored: boolean;

  /**
   * The pattern from `start` to `end` in `whole`.
   * @param anyCase whether letters stand for both of their cases
   * @param anchored whether nothing may follow a match even if the pattern does not end in `$`
   * @throws SiteRouteError
   */
  constructor(whole: string, start: number, end: number, anyCase = false, anchored = false) {
    const read = parsePattern(whole, start, end, anyCase);
    this.#items = read.items;
    this.#anchored = anchored || read.anchored;
  }

  /** Whether the part of `text` from `start` to `end` begins with what the pattern stands for. */
  matches(text: string, start: number, end: number): boolean {
    const length = end - start;
    makeRoom(length);
    reached[0] = 1;
    let low = 0;
    let high = 0;
    for (const item of this.#items) {
      if (item.kind === 'many') high = repeat(item.set, text, start, length, low, high);
      else if (item.kind === 'balanced') high = jump(item.open, item.close, text, start, length, low, high);
      else high = step(item.set, item.kind === 'optional', text, start, length, low, high);
      while (low <= high && reached[low] === 0) low++;
      if (low > high) return false;
      while (reached[high] === 0) high--;
    }
    return !this.#anchored || high === length;
  }
}

function makeRoom(length: number): void {
  if (length < reached.length) return;
  reached = new Uint8Array(length + 1);
  next = new Uint8Array(length + 1);
  opened = new Uint32Array(length);
}

// Each of these makes `reached` right from `low` to the position that it returns, for the positions after one more item.

/** One character of the set. With `optional` it may be missing. */
function step(
  set: CharacterSet,
  optional: boolean,
  text: string,
  start: number,
  length: number,
  low: number,
  high: number,
): number {
  const last = Math.min(high + 1, length);
  for (let at = low; at <= last; at++) {
    const moves = at > low && reached[at - 1] === 1 && set[text.charCodeAt(start + at - 1)] === 1;
    next[at] = moves || (optional && at <= high && reached[at] === 1) ? 1 : 0;
  }
  [reached, next] = [next, reached];
  return last;
}

/** Any number of characters of the set. */
function repeat(set: CharacterSet, text: string, start: number, length: number, low: number, high: number): number {
  for (let at = low + 1; at <= length; at++) {
    if (reached[at - 1] === 1 && set[text.charCodeAt(start + at - 1)] === 1) reached[at] = 1;
    else if (at > high) return at - 1;
  }
  return length;
}

/** From a character that opens to behind the one that closes it; both may be the same character. */
function jump(
  open: number,
  close: number,
  text: string,
  start: number,
  length: number,
  low: number,
  high: number,
): number {
  next.fill(0, low, length + 1);
  let depth = 0;
  for (let at = low; at < length; at++) {
    const code = text.charCodeAt(start + at);
    if (code === close && depth > 0) {
      const from = opened[--depth] as number;
      if (from <= high && reached[from] === 1) next[at + 1] = 1;
    }
    if (code === open) opened[depth++] = at;
  }
  [reached, next] = [next, reached];
  return length;
}
