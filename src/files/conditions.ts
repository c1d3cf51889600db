import { listMembers, parseHttpDate } from '../codec/fields/index.ts';
import type { HeaderList } from '../exchange/index.ts';

/** What preconditions are compared with. */
export interface Validators {
  /** A strong entity tag, with its quotes. */
  readonly etag: string;
  /** Milliseconds since 1970, in whole seconds. */
  readonly lastModified: number;
}

/** What a request has to say about which state of the file it wants (RFC 9110 §13.1), and which part (§14.2). */
export class Conditions {
  #ifMatch: string[] | null = null;
  #ifNoneMatch: string[] | null = null;
  #ifModifiedSince: string | null = null;
  #ifUnmodifiedSince: string | null = null;
  #ifRange: string | null = null;
  #range: string | null = null;

  /** What a request says; null if it says nothing. */
  static of(headers: HeaderList): Conditions | null {
    let conditions: Conditions | null = null;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      // The lengths rule most fields out.
      switch (name.length) {
        case 5:
        case 8:
        case 13:
        case 17:
        case 19: {
          const lower = name.toLowerCase();
          if (lower !== 'range' && !lower.startsWith('if-')) break;
          conditions ??= new Conditions();
          conditions.#take(lower, headers[i + 1] as string);
        }
      }
    }
    return conditions;
  }

  #take(name: string, value: string): void {
    switch (name) {
      case 'if-match':
        this.#ifMatch = [...(this.#ifMatch ?? []), value];
        break;
      case 'if-none-match':
        this.#ifNoneMatch = [...(this.#ifNoneMatch ?? []), value];
        break;
      // Those below have a single value. Repeated they are no valid date, tag or range.
      case 'if-modified-since':
        this.#ifModifiedSince = once(this.#ifModifiedSince, value);
        break;
      case 'if-unmodified-since':
        this.#ifUnmodifiedSince = once(this.#ifUnmodifiedSince, value);
        break;
      case 'if-range':
        this.#ifRange = once(this.#ifRange, value);
        break;
      case 'range':
        this.#range = once(this.#range, value);
        break;
    }
  }

  /** The status of a GET or HEAD: 200, 304 or 412 (RFC 9110 §13.2.2, which gives the order). */
  status({ etag, lastModified }: Validators, now: number): 200 | 304 | 412 {
    if (this.#ifMatch !== null) {
      // §13.1.1: compared strongly, so a weak tag never matches.
      if (!tagsMatch(this.#ifMatch, etag, false)) return 412;
    } else if (this.#ifUnmodifiedSince !== null) {
      const date = parseHttpDate(this.#ifUnmodifiedSince, now);
      // §13.1.4: what is no date is ignored.
      if (date !== null && lastModified > date) return 412;
    }
    if (this.#ifNoneMatch !== null) {
      // §13.1.2: compared weakly.
      if (tagsMatch(this.#ifNoneMatch, etag, true)) return 304;
    } else if (this.#ifModifiedSince !== null) {
      const date = parseHttpDate(this.#ifModifiedSince, now);
      if (date !== null && lastModified <= date) return 304;
    }
    return 200;
  }

  /** The Range field if it counts (RFC 9110 §13.1.5): without If-Range, or if the file is still the one that If-Range names. */
  range({ etag, lastModified }: Validators, now: number): string | null {
    if (this.#range === null || this.#ifRange === null) return this.#range;
    // A strong tag, or the exact date; a weak tag matches nothing.
    const same = this.#ifRange === etag || parseHttpDate(this.#ifRange, now) === lastModified;
    return same ? this.#range : null;
  }
}

function once(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}

function tagsMatch(values: readonly string[], etag: string, weakly: boolean): boolean {
  return listMembers(values).some((tag) => tag === '*' || tag === etag || (weakly && tag === `W/${etag}`));
}
