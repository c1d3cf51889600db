import type { ClusterNode } from '../cluster/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import {
  type ChannelsBackend,
  OperationError,
  type PresencePage,
  type PresenceQuery,
  type TappedItem,
} from '../control/index.ts';
import { type FaultReport, reportFault } from '../exchange/index.ts';
import { type ChannelInfo, type Hub, keyOfInfo } from '../hub/index.ts';
import type { Channels, ClusterChannels } from './cluster-channels.ts';
import { missingNodes } from './connections-backend.ts';
import type { HistoryView } from './history-view.ts';
import { tappedItem } from './shown-item.ts';

/**
 * Items of one tap, each cut to what it shows, that wait for worker processes to tell how many clients they go to. Beyond it items are lost.
 * @bound tap-uncounted
 */
const MAX_UNCOUNTED = 256;

/** Who is on a channel; null where nobody is counted. */
type UsersOf = (channel: string, query: PresenceQuery) => PresencePage | null;

/** Passes on the items of channels with how many clients here they go to. */
interface Tapped {
  tap(key: string, onItem: (item: PublishItem, receivers: number | Promise<number>) => void): () => void;
}

/** What is asked of a hub here, or of the way to the hubs of workers. */
type TappedChannels = Channels & Tapped;

/** The channels of the hub in this process. */
export function hubChannels(hub: Hub): TappedChannels {
  return {
    channelPage: (query) => hub.channelPage(query),
    channelInfos: (keys) => new Promise((resolve) => hub.channelInfos(keys, resolve)),
    tap: (key, onItem) => hub.tap(key, onItem),
  };
}

/** The same for a node of a cluster, which gets what is published elsewhere only if it asks for it. */
export function lookedAt(channels: TappedChannels, cluster: Pick<ClusterNode, 'look'> | null): Tapped {
  if (cluster === null) return channels;
  return {
    tap: (key, onItem) => {
      const leave = cluster.look(key);
      const end = channels.tap(key, onItem);
      return () => {
        end();
        leave();
      };
    },
  };
}

/** The channels for the control API. @param tapped those of this node */
export function channelsBackend(
  tapped: Tapped,
  channels: Pick<ClusterChannels, 'info' | 'page'>,
  history: HistoryView,
  usersOf: UsersOf,
  report: FaultReport,
): ChannelsBackend {
  return {
    list: async ({ prefix = '', kept, after = '', limit, scope }) => {
      const others = kept === 'true' ? await history.names(prefix) : [];
      const { missing, ...page } = await channels.page({ prefix, after, limit, others }, scope);
      const withSpan = async (info: ChannelInfo) => {
        const span = info.pattern === true ? null : await history.spanOf(info.name);
        return span === null ? info : { ...info, history: span };
      };
      return { ...page, channels: await Promise.all(page.channels.map(withSpan)), ...missingNodes(missing) };
    },
    get: async (name, pattern, scope) => {
      const { info, missing } = await channels.info(keyOfInfo({ name, pattern }), scope);
      if (info === null && !pattern && history.isAway)
        throw new OperationError('HF_BROKER_AWAY', '', ['Retry-After', '2']);
      const kept = pattern ? null : await history.detailsOf(name);
      if (info === null && (kept?.items ?? 0) === 0) return { value: null, missing };
      const users = pattern ? null : usersOf(name, { limit: 1 });
      const value = {
        ...(info ?? { name, subscribers: 0, lastId: null }),
        ...(kept !== null && { history: kept }),
        ...(users !== null && { users: users.total }),
        ...missingNodes(missing),
      };
      return { value, missing };
    },
    history: (name, query) => history.page(name, query),
    presence: async (name, query) => usersOf(name, query),
    tap: (name, pattern, onItem) => {
      const counted = new CountedItems(onItem, report);
      return tapped.tap(keyOfInfo({ name, pattern }), (item, receivers) => counted.add(tappedItem(item), receivers));
    },
  };
}

/** Passes items on in their order, each once its receivers are counted. */
class CountedItems {
  readonly #onItem: (item: TappedItem | null) => void;
  readonly #report: FaultReport;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(onItem: (item: TappedItem | null) => void, report: FaultReport) {
    this.#onItem = onItem;
    this.#report = report;
  }

  add(item: Omit<TappedItem, 'receivers'>, receivers: number | Promise<number>): void {
    if (typeof receivers === 'number') {
      this.#onItem({ ...item, receivers });
    } else if (this.#waiting >= MAX_UNCOUNTED) {
      this.#onItem(null);
    } else {
      this.#waiting++;
      this.#last = this.#last
        .then(async () => {
          const count = await receivers;
          this.#waiting--;
          this.#onItem({ ...item, receivers: count });
        })
        .catch((thrown: unknown) => reportFault(this.#report, thrown));
    }
  }
}
