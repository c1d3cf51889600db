import type { Hold } from '../codec/grip/index.ts';
import { FilterError, fillTemplate } from './filter-template.ts';

/** What filters look at in an item. */
export interface FilteredItem {
  readonly channel: string;
  readonly meta: Readonly<Record<string, string>>;
  /** The content filters that the publisher counts on; null if it did not say. */
  readonly contentFilters: readonly string[] | null;
}

/** What filters look at in a client. */
export interface FilterContext {
  isMember(channel: string): boolean;
  /** The id of the last item that the client has of a channel, by its full name; undefined if it is not known. */
  positionOf(channel: string): string | null | undefined;
}

/** Filters that rewrite content. */
const CONTENT_FILTERS = ['build-id', 'var-subst'];

const NO_FILTERS: readonly string[] = [];

/** The filters of one client's channels, and the metadata that its origin set for them (GRIP §6). */
export class FilterSet {
  readonly #filters = new Map<string, readonly string[]>();
  readonly #meta: Readonly<Record<string, string>>;
  readonly #prefix: string;

  private constructor({ channels, meta }: Hold, prefix: string) {
    this.#meta = meta;
    this.#prefix = prefix;
    for (const { name, filters } of channels) {
      if (filters.length > 0) this.#filters.set(prefix + name, filters);
    }
  }

  /** The filters of a hold; null if it has none. `prefix` is put in front of the names of its channels. */
  static of(hold: Hold | null, prefix: string): FilterSet | null {
    return hold?.channels.some(({ filters }) => filters.length > 0) ? new FilterSet(hold, prefix) : null;
  }

  /**
   * Applies the filters of the item's channel, in their order.
   * @returns the content for this client; null if it does not get the item
   * @throws FilterError
   */
  apply(item: FilteredItem, content: Buffer, context: FilterContext): Buffer | null {
    const filters = this.#filters.get(item.channel) ?? NO_FILTERS;
    if (!matchesContentFilters(item, filters)) return null;
    let result = content;
    for (const filter of filters) {
      if (filter === 'build-id') result = this.#buildId(result, context);
      else if (filter === 'var-subst') result = this.#substitute(result);
      else if (this.#drops(filter, item, context)) return null;
    }
    return result;
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
        // GRIP: an unknown filter means nothing.
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
      letter === 's' && argument !== null ? (context.positionOf(this.#prefix + argument) ?? null) : null,
    );
  }

  #substitute(content: Buffer): Buffer {
    return fillTemplate('var-subst', content, (letter, argument) =>
      letter === 's' && argument !== null ? (this.#meta[argument] ?? null) : null,
    );
  }
}

/** Whether a client with these filters is one that the publisher means: content filters must be equal, in their order. */
export function matchesContentFilters({ contentFilters }: FilteredItem, filters: readonly string[]): boolean {
  if (contentFilters === null) return true;
  const own = filters.filter((name) => CONTENT_FILTERS.includes(name));
  return own.length === contentFilters.length && own.every((name, i) => name === contentFilters[i]);
}
