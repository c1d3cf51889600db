import { matchesPattern } from '../../codec/grip/index.ts';
import { patternKey } from '../../hub/index.ts';
import type { ReadsSource } from './kept-reads.ts';
import { READ_BYTES, type RunEnd } from './kept-run.ts';
import { readStream } from './read-stream.ts';

/** Finds out which channels have items. */
export class KeptNames {
  readonly #source: ReadsSource;
  readonly #end: () => Promise<RunEnd>;

  /** @param end tells up to where to read, before each read */
  constructor(source: ReadsSource, end: () => Promise<RunEnd>) {
    this.#source = source;
    this.#end = end;
  }

  /** As `HistoryStore.matching`, from the last items that came; null where that is not known from these. */
  inTail(patterns: readonly string[], after: number | null, limit: number): readonly string[] | null {
    const { tail, state } = this.#source;
    if (after === null || after < tail.from || after > state.head) return null;
    for (const pattern of patterns) {
      const since = state.feed.sinceOf(patternKey(pattern));
      if (since === null || since > after) return null;
    }
    const names = tail.namesAfter(after).filter((name) => patterns.some((pattern) => matchesPattern(pattern, name)));
    return names.length > limit ? null : names;
  }

  /** The same from the stream. Rejects when the broker fails. */
  async matching(patterns: readonly string[], after: number | null, limit: number): Promise<readonly string[] | null> {
    const { stream, state } = this.#source;
    await state.ruled();
    // A broker that is away is not asked: it may be away for long.
    if (state.isAway || (after !== null && after > state.head)) await state.marked();
    const { state: is } = await stream.info();
    if (after !== null && (is.first_seq > after + 1 || after < stream.floor)) return null;
    const found = new Set<string>();
    for (const pattern of patterns) {
      const names = (after === null ? null : await this.#namesAfter(pattern, after)) ?? (await this.#namesOf(pattern));
      for (const name of names ?? []) if (matchesPattern(pattern, name)) found.add(name);
      if (names === null || found.size > limit) return null;
    }
    return [...found];
  }

  /** All channels whose names begin like this. Rejects when the broker fails. */
  async beginningWith(prefix: string): Promise<readonly string[]> {
    const all = await this.#namesUnder(this.#source.subjects.captured);
    return all.filter((name) => name.startsWith(prefix));
  }

  /** Those that have items after this number; null where these items are too many. */
  async #namesAfter(pattern: string, after: number): Promise<readonly string[] | null> {
    const subject = this.#source.subjects.keptOf(pattern);
    if (subject === null) return null;
    const { number: upTo, fence } = await this.#end();
    if (after >= upTo) return [];
    const range = { subjects: [subject], after, upTo, maxBytes: READ_BYTES, fence, namesOnly: true };
    const part = await readStream(this.#source, range);
    return part.upTo < upTo ? null : [...new Set(part.items.map(({ channel }) => channel))];
  }

  async #namesOf(pattern: string): Promise<readonly string[] | null> {
    const subject = this.#source.subjects.keptOf(pattern);
    return subject === null ? null : await this.#namesUnder(subject);
  }

  async #namesUnder(subject: string): Promise<readonly string[]> {
    const { stream, subjects } = this.#source;
    const counts = await stream.countsOf(subject);
    return Object.keys(counts)
      .map((name) => subjects.channelOf(name))
      .filter((name) => name !== null);
  }
}
