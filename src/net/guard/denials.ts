/**
 * Reasons that are counted apart. What is denied for yet another one counts as `other`.
 * @bound guard-denials
 */
const MAX_REASONS = 256;

/** How often something was denied for a reason, and when last, in milliseconds since 1970. */
export interface Denial {
  count: number;
  last: number;
}

/** Counts what was denied by its reason. Reasons name rules and kinds of addresses, but an address with an IPv4 address in it has one of its own. */
export class Denials {
  readonly #byReason = new Map<string, Denial>();

  note(reason: string): void {
    const known = this.#byReason.has(reason) || this.#byReason.size < MAX_REASONS;
    const name = known ? reason : 'other';
    const denial = this.#byReason.get(name);
    if (denial === undefined) {
      this.#byReason.set(name, { count: 1, last: Date.now() });
    } else {
      denial.count++;
      denial.last = Date.now();
    }
  }

  entries(): Iterable<[string, Denial]> {
    return this.#byReason;
  }
}
