import { type ChannelRef, wholeName } from '../codec/grip/index.ts';
import type { Channels } from './channels.ts';
import { NO_NAMES } from './kept-channels.ts';
import type { ChannelPosition } from './next-link.ts';
import type { PublishedResponse } from './published-response.ts';

/** Shared, and never changed. */
const NO_IDS = new Map<string, string | null>();

/** GRIP's order check for one held request: which items it may get without a gap before them, as far as is known. */
export class OrderCheck {
  /** By the full names of channels: the id of the last item that the origin knew. Only where it named one. */
  readonly #prevIds: Map<string, string | null>;
  /** Channels of which the log has all that the client has missed, so that the origin is not asked. */
  whole: ReadonlySet<string> = NO_NAMES;
  /** Those of which the client gets the next item whatever the origin knew: its cursor is from before that. */
  begun: ReadonlySet<string> = NO_NAMES;

  /** @param prevIds by the full names of channels */
  constructor(prevIds: Map<string, string | null>) {
    this.#prevIds = prevIds;
  }

  /** @param prefix is put in front of the names of the channels */
  static of(channels: readonly ChannelRef[], prefix: string): OrderCheck {
    return new OrderCheck(prevIdsOf(channels, prefix));
  }

  /** From what another process makes it again. */
  get state(): readonly (readonly [string, string | null])[] {
    return [...this.#prevIds];
  }

  /** Whether the origin knew the item when it held the client: it was published late. */
  isKnown({ channel, id }: PublishedResponse): boolean {
    return id !== null && this.#prevIds.get(channel) === id;
  }

  /**
   * Whether the client gets this item without a gap before it.
   * @param replayDue whether the request is to be sent to its origin again anyway
   */
  isNext({ channel, id, prevId }: PublishedResponse, replayDue: boolean): boolean {
    const known = this.#prevIds.get(channel);
    if (known === undefined || known === null || known === prevId || this.begun.has(channel)) return true;
    // An item without ids does not move the client on. One with an id does, but only a replay that is due tells of a gap.
    return prevId === null && (id === null || !replayDue);
  }

  /** The id of the last item that the client has of a channel; undefined if the origin named none. */
  positionOf(channel: string): string | null | undefined {
    return this.#prevIds.get(channel);
  }

  /** The ids that are known, for a service that is asked about an item. */
  get positions(): readonly ChannelPosition[] {
    const positions: ChannelPosition[] = [];
    for (const [name, id] of this.#prevIds) if (id !== null) positions.push({ name, id });
    return positions;
  }

  /** The item before this one is in the log, and had nothing for the client. */
  skipTo({ channel, prevId }: PublishedResponse): void {
    this.#prevIds.set(channel, prevId);
  }

  /** The client does not get the item, which was its next one, because of a filter. */
  passOver({ channel, id }: PublishedResponse): void {
    if (this.#prevIds.has(channel)) this.#prevIds.set(channel, id);
  }

  /**
   * Whether an item was published between the origin's response and the hold (GRIP conflict): the id that the origin knows is not the
   * last one of the channel. That id is then forgotten, so that the replay is held even if it repeats what the origin said.
   */
  isOutdated(channels: Channels): boolean {
    let outdated = false;
    for (const [name, prevId] of this.#prevIds) {
      const lastId = channels.get(name)?.lastId ?? null;
      if (lastId === null || prevId === null || lastId === prevId || this.whole.has(name)) continue;
      channels.setLastId(name, null);
      outdated = true;
    }
    return outdated;
  }
}

function prevIdsOf(channels: readonly ChannelRef[], prefix: string): Map<string, string | null> {
  if (channels.every(({ prevId }) => prevId === null)) return NO_IDS;
  const prevIds = new Map<string, string | null>();
  for (const { name, prevId } of channels) {
    if (prevId !== null) prevIds.set(wholeName(prefix, name), prevId);
  }
  return prevIds;
}
