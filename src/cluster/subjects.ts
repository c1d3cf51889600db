import { patternOf } from '../hub/index.ts';
import { channelOfSubject, channelSubject, patternSubject } from './channel-subject.ts';

/** The token of a subject in the stream that is no channel's: in names `=` is followed by two digits, or by nothing. */
const MARK = '=m';

/** The same, for messages that say that a channel was cleared. */
const CLEARED = '=c';

/** A channel's item that came by a subscription. */
export interface FedSubject {
  readonly channel: string;
  /** Whether the stream keeps it, and its number comes with it. */
  readonly kept: boolean;
}

/**
 * The subjects of a cluster. Items that are not kept go to `PREFIX.f.i.CHANNEL`. Those that are kept go to `PREFIX.h.CHANNEL`, where the stream captures them, and which publishes
 * them again to `PREFIX.f.h.CHANNEL`. So one subscription to `PREFIX.f.*.CHANNEL` brings both.
 */
export class Subjects {
  readonly prefix: string;
  /** The same as the beginning of the names of streams and buckets, which have no dots. */
  readonly name: string;
  /** What the stream captures. */
  readonly captured: string;
  /** Where it publishes that again. */
  readonly republished: string;
  readonly #items: string;
  readonly #kept: string;
  readonly #fed: string;
  /** Items of a channel mostly come one after the other. */
  #last: { readonly subject: string; readonly fed: FedSubject | null } = { subject: '', fed: null };

  /** @param prefix one token or more; clusters on the same broker have different ones, none of which is the beginning of another */
  constructor(prefix: string) {
    this.prefix = prefix;
    this.name = prefix.replaceAll('.', '_');
    this.#items = `${prefix}.f.i.`;
    this.#kept = `${prefix}.h.`;
    this.#fed = `${prefix}.f.`;
    this.captured = `${this.#kept}>`;
    this.republished = `${this.#fed}h.>`;
  }

  /** Of an item that is not kept; null if the channel's name has no subject. */
  item(channel: string): string | null {
    return after(this.#items, channelSubject(channel));
  }

  /** Of the items of a channel that are kept, in the stream; null likewise. */
  kept(channel: string): string | null {
    return after(this.#kept, channelSubject(channel));
  }

  /** Of the kept items of all channels that a pattern matches, and perhaps of others; null likewise. */
  keptOf(pattern: string): string | null {
    return after(this.#kept, patternSubject(pattern));
  }

  /** The channel of a subject in the stream; null if it is that of none. */
  channelOf(kept: string): string | null {
    return channelOfSubject(kept.slice(this.#kept.length));
  }

  /** What a node subscribes to for a channel, or for a pattern. @param key as `subscriptionKey`; null likewise */
  feed(key: string): string | null {
    const pattern = patternOf(key);
    return after(`${this.#fed}*.`, pattern === null ? channelSubject(key) : patternSubject(pattern));
  }

  /** What came by such a subscription; null if no node of ours has sent it. */
  readFed(subject: string): FedSubject | null {
    if (subject !== this.#last.subject) this.#last = { subject, fed: this.#fedSubject(subject) };
    return this.#last.fed;
  }

  #fedSubject(subject: string): FedSubject | null {
    const from = this.#fed.length;
    const kind = subject.slice(from, from + 2);
    if (kind !== 'h.' && kind !== 'i.') return null;
    const channel = channelOfSubject(subject.slice(from + 2));
    return channel === null ? null : { channel, kept: kind === 'h.' };
  }

  /** Of marks, in the stream. @param token stands for some of the nodes */
  mark(token: string): string {
    return `${this.#kept}${MARK}.${token}`;
  }

  /** Where marks come again. */
  markFed(token: string): string {
    return `${this.#fed}h.${MARK}.${token}`;
  }

  /** Of messages, in the stream, that a channel was cleared; null likewise. */
  cleared(channel: string): string | null {
    return after(`${this.#kept}${CLEARED}.`, channelSubject(channel));
  }

  /** Where they come again, for all channels. */
  get clearedFed(): string {
    return `${this.#fed}h.${CLEARED}.>`;
  }

  /** The channel that was cleared, as such a message says; null for another message. */
  readCleared(subject: string): string | null {
    const beginning = this.clearedFed.slice(0, -1);
    return subject.startsWith(beginning) ? channelOfSubject(subject.slice(beginning.length)) : null;
  }

  /** Whether a message that came by a subscription to a pattern is a mark, or says that a channel was cleared. */
  isOfStore(fed: string): boolean {
    const from = this.#fed.length;
    return fed.startsWith(`h.${MARK}.`, from) || fed.startsWith(`h.${CLEARED}.`, from);
  }

  /** What the store of resumable streams captures. */
  get streams(): string {
    return `${this.prefix}.s.>`;
  }

  /** Of the head of a resumable stream. @param id of the stream: letters, digits, `-` and `_` */
  streamHead(id: string): string {
    return `${this.prefix}.s.${id}.h`;
  }

  /** Of its log. */
  streamLog(id: string): string {
    return `${this.prefix}.s.${id}.d`;
  }

  /** Of both. */
  streamAll(id: string): string {
    return `${this.prefix}.s.${id}.*`;
  }

  /** Of all that nodes say to each other besides items. @param name tokens */
  control(name: string): string {
    return `${this.prefix}.n.${name}`;
  }
}

function after(beginning: string, rest: string | null): string | null {
  return rest === null ? null : beginning + rest;
}
