import { fault, type Guarded } from '../../clock/index.ts';
import type { ChannelSpan, KeptItem, ReadQuery, ReadResult } from '../../history/index.ts';
import { copiedItem } from '../item-message.ts';
import type { BrokerAnswers } from './broker-answers.ts';
import { lostAnswer } from './kept-answer.ts';
import { KeptNames } from './kept-names.ts';
import { KeptReads, type ReadsSource } from './kept-reads.ts';
import type { RunEnd } from './kept-run.ts';
import { keptSpan, NO_SPAN } from './kept-span.ts';
import type { WaitingReads } from './waiting-reads.ts';

/** What else queries need. */
export interface QueriesMeans {
  readonly answers: BrokerAnswers;
  readonly waiting: WaitingReads;
  /** Subject of the marks of this node. */
  readonly fence: string;
  /** Handles what callers throw. */
  readonly owner: Guarded;
}

/** Answers what is asked of the store of a cluster, as `HistoryStore` says: at once where the last items tell, else when the broker has. Where the broker fails it says that nothing is known. */
export class StoreQueries {
  readonly #source: ReadsSource;
  readonly #means: QueriesMeans;
  readonly #reads: KeptReads;
  readonly #names: KeptNames;

  constructor(source: ReadsSource, means: QueriesMeans) {
    this.#source = source;
    this.#means = means;
    const { stream, state } = source;
    const end = async (): Promise<RunEnd> =>
      stream.replicas > 1 ? { number: await state.marked(), fence: means.fence } : { number: state.head, fence: null };
    this.#reads = new KeptReads(source, end);
    this.#names = new KeptNames(source, end);
  }

  /** Above this number it is known which channels are cleared. */
  begin(number: number): void {
    this.#reads.begin(number);
  }

  /** What was read so far does not count any more. */
  forget(): void {
    this.#reads.forget();
  }

  /** What was read of a channel so far does not count any more. */
  forgetChannel(channel: string): void {
    this.#reads.forgetChannel(channel);
  }

  read(query: ReadQuery, done: (result: ReadResult) => void): void {
    const result = this.#reads.now(query);
    if (result !== null) {
      done(result);
      return;
    }
    const leave = this.#means.waiting.enter(query.channels);
    if (leave === null) done(lostAnswer(query, this.#source.state.head));
    else this.#pass(this.#reads.later(query).finally(leave), done);
  }

  matching(
    patterns: readonly string[],
    after: number | null,
    limit: number,
    done: (names: readonly string[] | null) => void,
  ): void {
    const known = this.#names.inTail(patterns, after, limit);
    const { answers, waiting } = this.#means;
    const leave = known === null ? waiting.enter(patterns) : null;
    if (leave === null) {
      done(known);
      return;
    }
    const found = answers.untilThere(async () => ({ names: await this.#names.matching(patterns, after, limit) }));
    this.#pass(found.finally(leave), ({ names }) => done(names));
  }

  lastOf(channel: string, done: (item: KeptItem | null | undefined, head: number) => void): void {
    const { answers, waiting } = this.#means;
    const leave = waiting.enter([channel]);
    if (leave === null) {
      done(undefined, this.#source.state.head);
      return;
    }
    // A broker that fails is asked again: a client would go without the item that is retained for it, and webhooks would get again what they have had.
    const found = answers.untilThere(async () => ({ item: await this.#lastOf(channel) }));
    this.#pass(found.finally(leave), ({ item }) => done(item, this.#source.state.head));
  }

  span(name: string, done: (span: ChannelSpan) => void): void {
    const { subjects, stream, state } = this.#source;
    const subject = subjects.kept(name);
    if (subject === null) {
      done(NO_SPAN);
      return;
    }
    const read = (): Promise<readonly KeptItem[]> =>
      new Promise((resolve) => this.read({ channels: [name], after: null }, ({ items }) => resolve(items)));
    const channel = { name, subject, keep: state.limitsOf(name), read };
    this.#pass(
      this.#means.answers.untilThere(() => keptSpan(stream, channel)),
      done,
    );
  }

  names(prefix: string, done: (names: readonly string[]) => void): void {
    this.#pass(this.#orElse(this.#names.beginningWith(prefix), []), done);
  }

  async #lastOf(channel: string): Promise<KeptItem | null> {
    const { subjects, stream, state } = this.#source;
    const subject = subjects.kept(channel);
    const found = subject === null ? null : await stream.get({ last_by_subj: subject });
    const age = state.limitsOf(channel)?.age ?? Number.POSITIVE_INFINITY;
    if (found === null || found.time < Date.now() - age * 1_000) return null;
    return { number: found.seq, time: found.time, channel, bytes: copiedItem(found.data) };
  }

  #orElse<T, E>(coming: Promise<T>, otherwise: E): Promise<T | E> {
    return this.#means.answers.orElse(coming, otherwise);
  }

  #pass<T>(coming: Promise<T>, done: (value: T) => void): void {
    coming.then(done).catch((thrown: unknown) => fault(this.#means.owner, thrown));
  }
}
