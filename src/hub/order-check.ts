import type { ChannelRef } from '../codec/grip/index.ts';
import type { Channels } from './channels.ts';
import type { PublishedResponse } from './published-response.ts';

const NO_IDS: ReadonlyMap<string, string> = new Map();

/** GRIP's order check for one held request: which items it may get without a gap before them, as far as is known. */
export class OrderCheck {
  /** By the full names of channels: the id of the last item that the origin knew. Only where it named one. */
  readonly #prevIds: ReadonlyMap<string, string>;

  /** @param prefix is put in front of the names of the channels */
  constructor(channels: readonly ChannelRef[], prefix: string) {
    this.#prevIds = prevIdsOf(channels, prefix);
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
    if (known === undefined || known === prevId) return true;
    // An item without ids does not move the client on. One with an id does, but only a replay that is due tells of a gap.
    return prevId === null && (id === null || !replayDue);
  }

  /**
   * Whether an item was published between the origin's response and the hold (GRIP conflict): the id that the origin knows is not the
   * last one of the channel. That id is then forgotten, so that the replay is held even if it repeats what the origin said.
   */
  isOutdated(channels: Channels): boolean {
    let outdated = false;
    for (const [name, prevId] of this.#prevIds) {
      const lastId = channels.get(name)?.lastId ?? null;
      if (lastId === null || lastId === prevId) continue;
      channels.setLastId(name, null);
      outdated = true;
    }
    return outdated;
  }
}

function prevIdsOf(channels: readonly ChannelRef[], prefix: string): ReadonlyMap<string, string> {
  if (channels.every(({ prevId }) => prevId === null)) return NO_IDS;
  const prevIds = new Map<string, string>();
  for (const { name, prevId } of channels) {
    if (prevId !== null) prevIds.set(prefix + name, prevId);
  }
  return prevIds;
}
