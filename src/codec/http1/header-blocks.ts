import { RepeatedBlocks } from '../fields/index.ts';
import { type FieldLines, parseFieldLines } from './field-lines.ts';
import type { Http1Limits } from './http1-limits.ts';

const known = new WeakMap<Http1Limits, HeaderBlocks>();

/** Field lines of recent heads that were parsed under the same limits. */
export class HeaderBlocks extends RepeatedBlocks<FieldLines> {
  private constructor(limits: Http1Limits) {
    super((input, start, end) => parseFieldLines(input.toString('latin1', start, end), 0, limits));
  }

  /** The instance shared by all readers with these `limits`. */
  static under(limits: Http1Limits): HeaderBlocks {
    let blocks = known.get(limits);
    if (blocks === undefined) {
      blocks = new HeaderBlocks(limits);
      known.set(limits, blocks);
    }
    return blocks;
  }
}
