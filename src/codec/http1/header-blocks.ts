import { RepeatedBlocks } from '../fields/index.ts';
import { type FieldLines, parseFieldLines } from './field-lines.ts';
import { Http1Error } from './http1-error.ts';
import type { Http1Limits } from './http1-limits.ts';

const known = new WeakMap<Http1Limits, HeaderBlocks>();

/** Field lines of recent heads that were parsed under the same limits. */
export class HeaderBlocks extends RepeatedBlocks<FieldLines> {
  private constructor(limits: Http1Limits) {
    super((input, start, end) => {
      try {
        return parseFieldLines(input.toString('latin1', start, end), 0, limits);
      } catch (error) {
        if (!(error instanceof Http1Error)) throw error;
        // A fault of the start line comes before one of the fields.
        return null;
      }
    });
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
