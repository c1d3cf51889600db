import type { Hold } from '../codec/grip/index.ts';
import { FilterError, fillTemplate, wholeDirectives } from './filter-template.ts';
import { PatternTrie } from './pattern-trie.ts';
import { patternOf, subscriptionKey } from './subscription-key.ts';

/**
 * Bytes that the control messages of an origin may set for the filters of one WebSocket, each name with its value counted as at least 64.
 * @bound websocket-filter-meta
 */
export const MAX_META_BYTES = 65_536;

const LEAST_META = 64;

/** What filters look at in an item. */
export interface FilteredItem {
  readonly channel: string;
  readonly meta: Readonly<Record<string, string>>;
  /** The content filters that the publisher counts on; null if it did not say. */
  readonly contentFilters: readonly string[] | null;
}

/** What filters look at in a client. */
export interface FilterContext {
  /** Whether the client gets what is published to the channel. */
  isMember(channel: string): boolean;
  /** The id of the last item that the client has of a channel, by its full name; undefined if it is not known. */
  positionOf(channel: string): string | null | undefined;
}

/** Filters that rewrite content. */
const CONTENT_FILTERS = ['build-id', 'var-subst', 'http-modify'];

/** GRIP: an unknown filter means nothing, so its name is not kept. */
const KNOWN_FILTERS = [...CONTENT_FILTERS, 'skip-self', 'skip-users', 'require-sub', 'http-check'];

const NO_FILTERS: readonly string[] = [];

const NO_META: Readonly<Record<string, string>> = Object.freeze({});

/** Channels with their filters, and what the origin says of the client. */
export type Filtered = Pick<Hold, 'channels' | 'meta'>;

/** As `FilterSet`, in plain data. */
export interface FilterState {
  readonly filters: readonly (readonly [string, readonly string[]])[];
  readonly meta: Readonly<Record<string, string>>;
  readonly metaBytes: number;
}

/** The filters of one client's channels, and the metadata that its origin set for them (GRIP §6). */
export class FilterSet {
  /** By the full names of channels and the keys of patterns, also of those without filters. */
  readonly #filters = new Map<string, readonly string[]>();
  /** The same of patterns; null without any. */
  #patterns: PatternTrie<readonly string[]> | null = null;
  readonly #meta: Record<string, string>;
  readonly prefix: string;
  /** Of what `setMeta` set. */
  #metaBytes = 0;

  /**
   * @param prefix put in front of the names of channels
   * @param meta what its origin said of the client
   */
  constructor(prefix: string, meta: Readonly<Record<string, string>> = NO_META) {
    this.prefix = prefix;
    // Without a prototype, so that only what was set is found.
    this.#meta = Object.assign(Object.create(null), meta);
  }

  /** The filters of a hold, or of a response that has none; null if there are none. `prefix` is put in front of the names of its channels. */
  static of(hold: Filtered | null, prefix: string): FilterSet | null {
    if (!hold?.channels.some(({ filters }) => filters.length > 0)) return null;
    const set = new FilterSet(prefix, hold.meta);
    for (const channel of hold.channels) set.set(subscriptionKey(prefix, channel), channel.filters);
    return set;
  }

  /** From what another process makes the set again. */
  get state(): FilterState {
    return { filters: [...this.#filters], meta: { ...this.#meta }, metaBytes: this.#metaBytes };
  }

  /** The set that another process had. */
  static moved(prefix: string, { filters, meta, metaBytes }: FilterState): FilterSet {
    const set = new FilterSet(prefix, meta);
    for (const [channel, names] of filters) set.set(channel, names);
    set.#metaBytes = metaBytes;
    return set;
  }

  /** What filters know of the client. */
  get meta(): Readonly<Record<string, string>> {
    return this.#meta;
  }

  /** Replaces the filters of a channel, by its full name, or of a pattern, by its key. */
  set(key: string, filters: readonly string[]): void {
    const known = filters.filter((name) => KNOWN_FILTERS.includes(name));
    this.#filters.set(key, known);
    const pattern = patternOf(key);
    if (pattern === null) return;
    this.#patterns ??= new PatternTrie();
    this.#patterns.set(pattern, known);
  }

  /** The client is not subscribed to the channel or pattern any more. */
  delete(key: string): void {
    this.#filters.delete(key);
    const pattern = patternOf(key);
    if (pattern !== null) this.#patterns?.delete(pattern);
  }

  /** Sets what filters know of the client; null removes it. Returns false if it is too much: then it is removed. */
  setMeta(name: string, value: string | null): boolean {
    const former = this.#meta[name];
    if (former !== undefined) this.#metaBytes -= costOf(name, former);
    delete this.#meta[name];
    if (value === null) return true;
    const cost = costOf(name, value);
    if (this.#metaBytes + cost > MAX_META_BYTES) return false;
    this.#metaBytes += cost;
    this.#meta[name] = value;
    return true;
  }

  /**
   * The filters of a channel, by its full name, in their order. Where the client is not subscribed to it by its name they are those of the most
   * exact pattern that matches it.
   */
  filtersOf(channel: string): readonly string[] {
    return this.#filters.get(channel) ?? this.#patterns?.match(channel)[0] ?? NO_FILTERS;
  }

  /** Whether an item of the channel has to wait for a service that is asked about it. */
  asks(channel: string): boolean {
    return this.filtersOf(channel).some(asksService);
  }

  /**
   * Applies the filters of the item's channel, in their order.
   * @returns the content for this client; null if it does not get the item
   * @throws FilterError
   */
  apply(item: FilteredItem, content: Buffer, context: FilterContext): Buffer | null {
    const filters = this.filtersOf(item.channel);
    if (!matchesContentFilters(item, filters)) return null;
    let result: Buffer | null = content;
    for (const filter of filters) {
      result = this.applyOne(filter, item, result, context);
      if (result === null) return null;
    }
    return result;
  }

  /**
   * Applies one filter, which asks no service.
   * @throws FilterError
   */
  applyOne(filter: string, item: FilteredItem, content: Buffer, context: FilterContext): Buffer | null {
    if (filter === 'build-id') return this.#buildId(content, context);
    if (filter === 'var-subst') return this.#substitute(content);
    return this.#drops(filter, item, context) ? null : content;
  }

  /** Those filters of a channel that change no content, which are all that count for an item without content, such as a close. */
  droppingOf(channel: string): readonly string[] {
    return this.filtersOf(channel).filter((name) => !CONTENT_FILTERS.includes(name));
  }

  /**
   * The initial body, with ids built into it.
   * @throws FilterError
   */
  initialBody(body: Buffer, context: FilterContext): Buffer {
    for (const filters of this.#filters.values()) {
      if (filters.includes('build-id')) return this.#buildId(body, context);
    }
    return body;
  }

  #drops(filter: string, { meta }: FilteredItem, context: FilterContext): boolean {
    const { user } = this.#meta;
    switch (filter) {
      case 'skip-self':
        return user !== undefined && user === meta.sender;
      case 'skip-users': {
        if (user === undefined || meta.skip_users === undefined) return false;
        return meta.skip_users.split(',').some((name) => name.trim() === user);
      }
      case 'require-sub':
        return meta.require_sub !== undefined && !context.isMember(meta.require_sub);
      default:
        return false;
    }
  }

  #buildId(content: Buffer, context: FilterContext): Buffer {
    const { id_format: format, id_encoding: encoding } = this.#meta;
    if (format === undefined) throw new FilterError('filter error: build-id: no id_format set');
    if (encoding !== undefined && encoding !== 'hex') {
      throw new FilterError(`filter error: build-id: unsupported encoding: ${encoding}`);
    }
    return fillTemplate('build-id', content, (letter, argument) => {
      if (letter !== 'I') return null;
      const id = argument === null ? this.#id(format, context) : Buffer.from(argument);
      return encoding === 'hex' ? id.toString('hex') : id.toString();
    });
  }

  #id(format: string, context: FilterContext): Buffer {
    return fillTemplate('build-id', Buffer.from(format), (letter, argument) =>
      letter === 's' && argument !== null ? (context.positionOf(this.prefix + argument) ?? null) : null,
    );
  }

  #substitute(content: Buffer): Buffer {
    return fillTemplate('var-subst', content, (letter, argument) =>
      letter === 's' && argument !== null ? (this.#meta[argument] ?? null) : null,
    );
  }
}

function costOf(name: string, value: string): number {
  return Math.max(LEAST_META, 2 * (name.length + value.length));
}

/** Whether a filter asks a service about each item. */
export function asksService(filter: string): boolean {
  return filter === 'http-check' || filter === 'http-modify';
}

/** Whether a client with these filters is one that the publisher means: content filters must be equal, in their order. */
export function matchesContentFilters({ contentFilters }: FilteredItem, filters: readonly string[]): boolean {
  if (contentFilters === null) return true;
  const own = filters.filter((name) => CONTENT_FILTERS.includes(name));
  return own.length === contentFilters.length && own.every((name, i) => name === contentFilters[i]);
}

/** The body of a response as the filters of its own channels change it, piece by piece. */
export class FilteredBody {
  readonly #set: FilterSet;
  readonly #context: FilterContext;
  /** The beginning of a directive whose end has not come. */
  #rest: Buffer = NO_BYTES;

  private constructor(set: FilterSet, { channels }: Filtered) {
    const channelOf = (name: string) => channels.find((channel) => channel.name === name);
    this.#set = set;
    this.#context = {
      isMember: (name) => channelOf(name) !== undefined,
      positionOf: (name) => channelOf(name)?.prevId ?? undefined,
    };
  }

  /** Null where no filter changes the body. */
  static of(filtered: Filtered | null): FilteredBody | null {
    if (!filtered?.channels.some(({ filters }) => filters.includes('build-id'))) return null;
    const set = FilterSet.of(filtered, '');
    return set === null ? null : new FilteredBody(set, filtered);
  }

  /**
   * The next piece.
   * @throws FilterError
   */
  next(chunk: Buffer, more: boolean): Buffer {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = more ? wholeDirectives(bytes) : bytes.length;
    if (bytes.length - end > MAX_DIRECTIVE) throw new FilterError('filter error: build-id: directive does not end');
    // The bytes of a piece may belong to a larger buffer.
    this.#rest = end === bytes.length ? NO_BYTES : Buffer.from(bytes.subarray(end));
    return end === 0 ? NO_BYTES : this.#set.initialBody(bytes.subarray(0, end), this.#context);
  }
}

const NO_BYTES = Buffer.alloc(0);

/** Bytes of a directive that comes in pieces. */
const MAX_DIRECTIVE = 1_024;
